import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsOf } from "../../../shared/model/labels.ts";
import type { RefusedTarget } from "../../../shared/model/target.ts";
import { unitService } from "../../containers/service-name.ts";
import type { Found } from "./container-targets.ts";
import { scrapeWords, unitEndpoint } from "./unit-file.ts";

/** A value of D-Bus; a structure is the list of its members. */
export type BusValue = string | number | boolean | readonly BusValue[];

/**
 * Calls systemd, as agent/collect/systemd does.
 * @throws OperationalError NOT_FOUND for an error reply
 */
export type CallSystemd = (call: {
  readonly path: string;
  readonly destination: string;
  readonly interface: string;
  readonly member: string;
  readonly arguments: readonly string[];
}) => Promise<readonly BusValue[]>;

/** Null: there is no such file, or it cannot be read. */
export type ReadUnitFile = (path: string) => Promise<string | null>;

/** How units are asked for their targets. */
export type UnitPorts = {
  /** Another text when units have started or ended since; null: that cannot be seen. */
  mark(): Promise<string | null>;
  /**
   * Connects to systemd for `talk`; null: the host does not run it.
   * @throws OperationalError UNAVAILABLE, PROTOCOL, LIMIT; the signal's reason when it is aborted
   */
  converse<T>(signal: AbortSignal, talk: (call: CallSystemd) => Promise<T>): Promise<T | null>;
  readonly readFile: ReadUnitFile;
};

const SYSTEMD = "org.freedesktop.systemd1";
const UNITS_MAX = 2000;
const FILES_MAX = 64;
const TARGETS_MAX = 1000;

/**
 * What active services ask for with `X-Telltale-Scrape=` in their unit files and drop-ins.
 * @param node the node's name: with the port it is `instance`
 * @throws OperationalError PROTOCOL when systemd's answers are not what they should be
 */
export async function unitTargets(
  call: CallSystemd,
  readFile: ReadUnitFile,
  node: string,
): Promise<Found> {
  const targets: Labels[] = [];
  const refused: RefusedTarget[] = [];
  for (const { unit, path } of await activeServices(call)) {
    for (const word of scrapeWords(await unitTexts(call, readFile, path))) {
      const endpoint = unitEndpoint(word);
      if (endpoint === null) {
        refused.push({ subject: unit, reason: `not [HOST]:PORT[/PATH]: ${word.slice(0, 200)}` });
      } else if (targets.length === TARGETS_MAX) {
        refused.push({ subject: unit, reason: `there are more than ${TARGETS_MAX} targets` });
      } else {
        const { scheme, address, port } = endpoint;
        targets.push(
          labelsOf({
            __address__: address,
            __scheme__: scheme,
            __metrics_path__: endpoint.path,
            job: unitService(unit),
            instance: `${node}:${port}`,
            unit,
            service: unitService(unit),
          }),
        );
      }
    }
  }
  return { groups: [{ targets, labels: [] }], refused };
}

type ActiveUnit = { readonly unit: string; readonly path: string };

async function activeServices(call: CallSystemd): Promise<ActiveUnit[]> {
  const [list] = await call({
    path: "/org/freedesktop/systemd1",
    destination: SYSTEMD,
    interface: `${SYSTEMD}.Manager`,
    member: "ListUnits",
    arguments: [],
  });
  if (!Array.isArray(list)) {
    throw new OperationalError("PROTOCOL", "systemd gives no list of units");
  }
  const active = list.flatMap((entry: BusValue): ActiveUnit[] => {
    // Name, description, load state, active state, sub state, following unit, path, job.
    const [unit, , , state, , , path] = Array.isArray(entry) ? entry : [];
    if (typeof unit !== "string" || typeof path !== "string") return [];
    return state === "active" && unit.endsWith(".service") ? [{ unit, path }] : [];
  });
  return active.slice(0, UNITS_MAX);
}

/** The unit's own file first, then its drop-ins in the order in which systemd reads them. */
async function unitTexts(
  call: CallSystemd,
  readFile: ReadUnitFile,
  path: string,
): Promise<string[]> {
  const ask = (name: string) => unitProperty(call, path, name);
  const [fragment, dropIns] = await Promise.all([ask("FragmentPath"), ask("DropInPaths")]);
  const paths = [fragment, ...(Array.isArray(dropIns) ? dropIns : [])];
  const texts: string[] = [];
  for (const one of paths.slice(0, FILES_MAX)) {
    if (typeof one !== "string" || !one.startsWith("/")) continue;
    const text = await readFile(one);
    if (text !== null) texts.push(text);
  }
  return texts;
}

/** Null: the unit has ended since. */
async function unitProperty(
  call: CallSystemd,
  path: string,
  name: string,
): Promise<BusValue | null> {
  try {
    const [value] = await call({
      path,
      destination: SYSTEMD,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      arguments: [`${SYSTEMD}.Unit`, name],
    });
    return value ?? null;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}
