/**
 * An alert whose data is missing may be about something that has ended: a container that was stopped,
 * a file system that was unmounted. Then silence is the end of the matter, not a lost node. A staleness
 * marker does not say so: a collector that fails marks all that it had. What says so is a series that
 * the source has for each of its subjects: others are there, both now and SETTLED before, and this
 * one is at neither time. So nothing ends because a node or a collector is silent, nor because an agent
 * that has just started knows no names yet, nor for a restart that takes less.
 */

import type { VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { formatLabels, type Labels, labelsOf, labelValue } from "../../shared/model/labels.ts";

type AskFn = (query: string) => Promise<readonly VectorSample[]>;

type Kind = {
  readonly job: string;
  /** What a subject is known by. An alert with all of them is about one. */
  readonly labels: readonly string[];
  /** One series for each subject that is there, given what every selector ends in. */
  readonly seen: (node: string) => string;
  readonly end: string;
};

const SETTLED = "15s";

const KINDS: readonly Kind[] = [
  {
    job: "cadvisor",
    labels: ["id"],
    // Where an agent leaves cgroups out, one that it does not name may be there all the same.
    seen: (node) =>
      `container_last_seen${node} unless on (instance) telltale_agent_cgroups_left_out${node} > 0`,
    end: "the container or service has ended",
  },
  {
    job: "node",
    labels: ["device", "mountpoint"],
    seen: (node) => `node_filesystem_readonly${node}`,
    end: "the file system is no longer mounted",
  },
  {
    job: "node",
    labels: ["name", "type"],
    seen: (node) => `node_systemd_unit_state${node}`,
    end: "systemd no longer knows the unit",
  },
];

/** Of one kind on one node: those that were there, and whether anything was at both times. */
type Seen = { readonly keys: ReadonlySet<string>; readonly isTrusted: boolean };

/** What alerts are about, as the sources see it at the time of one evaluation. */
export class Subjects {
  readonly #ask: AskFn;
  readonly #seen = new Map<string, Promise<Seen>>();

  constructor(ask: AskFn) {
    this.#ask = ask;
  }

  /**
   * How the subject of an element ended; null where it did not, or nobody can say.
   * @throws OperationalError what the query failed with
   */
  async endOf(element: Labels): Promise<string | null> {
    const instance = labelValue(element, "instance");
    const kind = instance === "" ? undefined : KINDS.find((one) => isOf(one, element));
    if (kind === undefined) return null;
    const { keys, isTrusted } = await getOrInsert(this.#seen, `${kind.end}\0${instance}`, () =>
      this.#look(kind, instance),
    );
    return isTrusted && !keys.has(keyOf(kind, element)) ? kind.end : null;
  }

  async #look(kind: Kind, instance: string): Promise<Seen> {
    const node = formatLabels(labelsOf({ instance }));
    const now = keysOf(kind, await this.#ask(kind.seen(node)));
    const before = keysOf(kind, await this.#ask(kind.seen(`${node} offset ${SETTLED}`)));
    const isTrusted = [...now].some((key) => before.has(key));
    return { keys: new Set([...now, ...before]), isTrusted };
  }
}

/** Sums and maxima over a node may have dropped the job. */
function isOf({ job, labels }: Kind, element: Labels): boolean {
  const own = labelValue(element, "job");
  return (own === "" || own === job) && labels.every((name) => labelValue(element, name) !== "");
}

function keysOf(kind: Kind, seen: readonly VectorSample[]): Set<string> {
  return new Set(seen.map(({ labels }) => keyOf(kind, labels)));
}

function keyOf({ labels }: Kind, element: Labels): string {
  return labels.map((name) => labelValue(element, name)).join("\0");
}
