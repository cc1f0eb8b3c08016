import { OperationalError } from "../../../shared/errors.ts";
import { unitServiceLabel } from "../../containers/service-name.ts";
import { counter, gauge, type SeriesSpec } from "../collector.ts";
import type { Reading } from "../kit/reading.ts";
import type { CallBus } from "./dbus-conversation.ts";
import type { DbusValue } from "./dbus-decoder.ts";

/** Units beyond this have no series of their own; all are in `node_systemd_units`. */
export const UNITS_MAX = 2000;
/** Up to six states of each, when it started, and up to three of its type. */
export const SERIES_MAX = UNITS_MAX * 10 + 11;

const SYSTEMD = "org.freedesktop.systemd1";
const ROOT = "/org/freedesktop/systemd1";
const PROPERTIES = "org.freedesktop.DBus.Properties";

const RUNNING = gauge("node_systemd_system_running", "Whether all units started as they should.");
const VERSION = gauge("node_systemd_version", "Version of systemd.", 3);
const UNITS = gauge("node_systemd_units", "Units in this state.");
const STATE = gauge("node_systemd_unit_state", "Whether the unit is in this state.");
const STARTED = gauge("node_systemd_unit_start_time_seconds", "When the unit became active.", 6);
const RESTARTS = counter("node_systemd_service_restart_total", "Restarts by systemd itself.");
const ELAPSED = gauge("node_systemd_timer_last_trigger_seconds", "When the timer last elapsed.", 6);
const ACCEPTED = counter("node_systemd_socket_accepted_connections_total", "Connections accepted.");
const CONNECTIONS = gauge("node_systemd_socket_current_connections", "Connections open now.");
const REFUSED = gauge("node_systemd_socket_refused_connections_total", "Connections refused.");
const STATES = ["active", "activating", "deactivating", "inactive", "failed"];
/** Of a unit whose state is not one of these, such as a newer systemd's. */
const UNKNOWN = "unknown";

/** What node_exporter leaves out by default. */
const EXCLUDED = /.\.(?:automount|device|mount|scope|slice|target)$/;

/** By the suffix of a unit's name: an interface, a property of it, and its series. */
const PROPERTY_SERIES = [
  [".service", "Service", "NRestarts", RESTARTS],
  [".timer", "Timer", "LastTriggerUSec", ELAPSED],
  [".socket", "Socket", "NAccepted", ACCEPTED],
  [".socket", "Socket", "NConnections", CONNECTIONS],
  [".socket", "Socket", "NRefused", REFUSED],
] as const;

type Unit = { readonly name: string; readonly state: string; readonly path: string };

/** Asks systemd for its units. Keeps what a service's type is: that hardly ever changes. */
export class UnitReader {
  readonly #types = new Map<string, string>();

  /** @throws OperationalError PROTOCOL when systemd's answers are not what they should be */
  async read(call: CallBus, reading: Reading): Promise<void> {
    const [units, version, state] = await Promise.all([
      listUnits(call),
      property(call, ROOT, `${SYSTEMD}.Manager`, "Version"),
      property(call, ROOT, `${SYSTEMD}.Manager`, "SystemState"),
    ]);
    setVersion(version, reading);
    reading.set(RUNNING, {}, state === "running" ? 1 : 0);
    for (const known of [...STATES, UNKNOWN]) {
      const count = units.all.filter(({ state }) => state === known).length;
      if (count > 0 || known !== UNKNOWN) reading.set(UNITS, { state: known }, count);
    }
    reading.malformed += units.malformed;
    const wanted = units.loaded.filter(({ name }) => !EXCLUDED.test(name));
    reading.overflow += Math.max(0, wanted.length - UNITS_MAX);
    const chosen = wanted.slice(0, UNITS_MAX);
    this.#forgetAllBut(chosen);
    await Promise.all(chosen.map((unit) => this.#readUnit(unit, call, reading)));
  }

  async #readUnit(unit: Unit, call: CallBus, reading: Reading): Promise<void> {
    const { name, path } = unit;
    const type = await this.#typeOf(unit, call);
    const labels = { name, ...unitServiceLabel(name) };
    for (const state of STATES) {
      reading.set(STATE, { ...labels, state, type }, state === unit.state ? 1 : 0);
    }
    if (unit.state === UNKNOWN) reading.set(STATE, { ...labels, state: UNKNOWN, type }, 1);
    const ask = (of: string, what: string) => property(call, path, `${SYSTEMD}.${of}`, what);
    const started = unit.state === "active" ? await ask("Unit", "ActiveEnterTimestamp") : 0;
    setCount(STARTED, labels, started, reading);
    for (const [suffix, of, what, spec] of PROPERTY_SERIES) {
      if (name.endsWith(suffix)) setCount(spec, labels, await ask(of, what), reading);
    }
  }

  async #typeOf({ name, path }: Unit, call: CallBus): Promise<string> {
    if (!name.endsWith(".service")) return "";
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const type = await property(call, path, `${SYSTEMD}.Service`, "Type");
    if (typeof type !== "string") return "";
    this.#types.set(name, type);
    return type;
  }

  #forgetAllBut(units: readonly Unit[]): void {
    const names = new Set(units.map(({ name }) => name));
    for (const name of this.#types.keys()) if (!names.has(name)) this.#types.delete(name);
  }
}

type Units = { readonly all: Unit[]; readonly loaded: Unit[]; malformed: number };

async function listUnits(call: CallBus): Promise<Units> {
  const [list] = await call({
    path: ROOT,
    destination: SYSTEMD,
    interface: `${SYSTEMD}.Manager`,
    member: "ListUnits",
    arguments: [],
  });
  if (!Array.isArray(list))
    throw new OperationalError("PROTOCOL", "systemd gives no list of units");
  const units: Units = { all: [], loaded: [], malformed: 0 };
  for (const entry of list as readonly DbusValue[]) {
    // Name, description, load state, active state, sub state, following unit, path, job.
    const [name, , loadState, activeState, , , path] = Array.isArray(entry) ? entry : [];
    if (typeof name !== "string" || typeof activeState !== "string" || typeof path !== "string") {
      units.malformed += 1;
      continue;
    }
    const unit = { name, state: STATES.includes(activeState) ? activeState : UNKNOWN, path };
    units.all.push(unit);
    if (loadState === "loaded") units.loaded.push(unit);
  }
  return units;
}

/** null: there is none, as of a unit that ended since, or on an older systemd. */
async function property(
  call: CallBus,
  path: string,
  of: string,
  name: string,
): Promise<DbusValue | null> {
  try {
    const [value] = await call({
      path,
      destination: SYSTEMD,
      interface: PROPERTIES,
      member: "Get",
      arguments: [of, name],
    });
    return value ?? null;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** Times are in microseconds; 2^64-1 is systemd's word for never. */
function setCount(
  spec: SeriesSpec,
  labels: Readonly<Record<string, string>>,
  value: DbusValue | null,
  reading: Reading,
): void {
  if (value === null) return;
  if (typeof value === "number" && value >= 0 && value < 2 ** 63) reading.set(spec, labels, value);
  else reading.malformed += 1;
}

/** `252.39-1~deb12u1` is 252.39. */
function setVersion(version: DbusValue | null, reading: Reading): void {
  if (typeof version !== "string") return;
  const [, major, minor = ""] = /([0-9]{3,6})(?:\.([0-9]{1,3}))?/.exec(version) ?? [];
  if (major === undefined) return;
  const thousandths = Number(major) * 1000 + Number(minor.padEnd(3, "0"));
  reading.set(VERSION, { version: version.replace(/^"|"$/g, "") }, thousandths);
}
