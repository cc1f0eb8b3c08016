import { type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import type { BatchOperation, Entry } from "../../shared/platform/ports.ts";
import type { Delivery } from "./receiver.ts";
import type { Span } from "./source.ts";

/** A change of an alert that is safe on the aggregator's disk, and so has to be told. */
export type Transition = {
  readonly atMs: number; // monotonic
  readonly labels: Labels;
  readonly status: "firing" | "resolved";
  readonly startsAtMs: number;
  readonly endsAtMs: number | null;
};

/** A value of the gauge that the rules watch; `safeAtMs` monotonic, Infinity: it never was. */
export type Reading = { readonly isHot: boolean; readonly safeAtMs: number };

export type AlertEvidence = {
  readonly transitions: readonly Transition[];
  readonly deliveries: readonly Delivery[];
  /** By node, in the order they were made; none of a node where a clock was set meanwhile. */
  readonly readings: ReadonlyMap<string, readonly Reading[]>;
  /** When the aggregator died or its disk failed, monotonic. */
  readonly troubles: readonly Span[];
  /** As of when, monotonic. */
  readonly endMs: number;
};

/** What changed this long before the end is on its way still. */
const UNDERWAY_MS = 2000;

/** Rules of the simulation whose condition is about that gauge alone. */
export const HOT_ALERTS: ReadonlySet<string> = new Set(["Hot", "HotNow"]);

/** Of rules that came with a routing that is wrong: no reload may take them. */
export const WRONG_ALERT = "Wrong";

/** Promises 4 and 5: what was told of alerts, against what changed and what the data said. */
export function checkAlerts(evidence: AlertEvidence): string[] {
  return [
    ...checkOrder(evidence.transitions),
    ...checkDelivered(evidence),
    ...checkReadings(evidence),
    ...evidence.transitions
      .filter(({ labels }) => labelValue(labels, "alertname") === WRONG_ALERT)
      .map(({ status, atMs }) => `a rule of wrong files is ${status} at ${atMs}`),
  ];
}

const nameOf = ({ labels }: { readonly labels: Labels }) =>
  `${labelValue(labels, "alertname")} of ${labelValue(labels, "instance")}`;

type Some<T> = [T, ...T[]];

function byAlert<T extends { readonly labels: Labels }>(items: readonly T[]): Some<T>[] {
  const groups = new Map<string, Some<T>>();
  for (const item of items) {
    const key = labelsKey(item.labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** An alert fires and is resolved in turn, and a resolution is of the firing before it. */
function checkOrder(transitions: readonly Transition[]): string[] {
  const found: string[] = [];
  for (const ofAlert of byAlert(transitions)) {
    let firing: Transition | null = null;
    for (const transition of ofAlert) {
      const { status, startsAtMs } = transition;
      if (status === "firing") {
        if (firing !== null)
          found.push(`${nameOf(transition)} fires at ${startsAtMs} and did already`);
        firing = transition;
      } else {
        if (firing?.startsAtMs !== startsAtMs) {
          found.push(`${nameOf(transition)} of ${startsAtMs} is resolved and did not fire`);
        }
        firing = null;
      }
    }
  }
  return found;
}

/**
 * Everything that changed was told, in its order, and nothing else was. A change is told twice only
 * if the first answer was lost or the sender had trouble since.
 */
function checkDelivered({ transitions, deliveries, troubles, endMs }: AlertEvidence): string[] {
  const found: string[] = [];
  const told = new Map(
    byAlert(deliveries).map((ofAlert) => [labelsKey(ofAlert[0].labels), ofAlert]),
  );
  for (const ofAlert of byAlert(transitions)) {
    const key = labelsKey(ofAlert[0].labels);
    let next = 0;
    let answered: Delivery | null = null;
    for (const delivery of told.get(key) ?? []) {
      const { atMs, status } = delivery;
      if (isOf(delivery, ofAlert[next])) {
        next += 1;
      } else if (!ofAlert.slice(0, next).some((transition) => isOf(delivery, transition))) {
        found.push(`${nameOf(delivery)}: ${status} was told at ${atMs} and is not what happened`);
      } else if (answered !== null && !isExcused(troubles, answered.answeredAtMs ?? 0, atMs)) {
        found.push(`${nameOf(delivery)}: ${status} was told twice without need at ${atMs}`);
      }
      if (delivery.answeredAtMs !== null) answered = delivery;
      else if (isOf(delivery, ofAlert[next - 1])) answered = null;
    }
    const untold = ofAlert.slice(next).filter(({ atMs }) => atMs < endMs - UNDERWAY_MS);
    for (const transition of untold) {
      found.push(`${nameOf(transition)}: ${transition.status} was not told`);
    }
    told.delete(key);
  }
  for (const [delivery] of told.values()) found.push(`${nameOf(delivery)} was told and never was`);
  return found;
}

function isOf(delivery: Delivery, transition: Transition | undefined): boolean {
  return delivery.status === transition?.status && delivery.startsAtMs === transition.startsAtMs;
}

function isExcused(troubles: readonly Span[], fromMs: number, toMs: number): boolean {
  return troubles.some((trouble) => trouble.fromMs <= toMs && trouble.toMs >= fromMs);
}

/**
 * Nothing fires but by a reading above the threshold, and nothing is resolved but by a later one
 * that is not: silence is not recovery. A reading counts from when it was safe at the aggregator.
 */
function checkReadings({ transitions, readings }: AlertEvidence): string[] {
  const found: string[] = [];
  for (const ofAlert of byAlert(transitions)) {
    const { labels } = ofAlert[0];
    const ofNode = readings.get(labelValue(labels, "instance"));
    if (ofNode === undefined || !HOT_ALERTS.has(labelValue(labels, "alertname"))) continue;
    let next = 0;
    for (const { status, atMs } of ofAlert) {
      const isFiring = status === "firing";
      const index = ofNode.findIndex((reading, at) => {
        return at >= next && reading.isHot === isFiring && reading.safeAtMs <= atMs;
      });
      if (index < 0) {
        found.push(`${nameOf(ofAlert[0])}: ${status} at ${atMs}, and no reading says so`);
        break;
      }
      next = index + 1;
    }
  }
  return found;
}

const TABLE_PREFIX = "r|";

/**
 * The alert table as it is safe on a disk. What begins and what ends to fire in it must be in the
 * outbox by the same batch: nothing between an alert that fires and its notification is in memory only.
 */
export class TableWatch {
  /** Key of the record and labels of what fires. */
  readonly #firing = new Map<string, string>();

  /** Deletes of what fired and is not among the entries that a crash left. */
  missing(entries: readonly Entry[]): BatchOperation[] {
    const found = new Set(entries.map(([key]) => Buffer.from(key).toString()));
    const gone = [...this.#firing.keys()].filter((key) => !found.has(key));
    return gone.map((key) => ({ type: "del", key: Buffer.from(key) }));
  }

  /** What is wrong with a batch that brought these transitions; null: nothing. */
  apply(batch: readonly BatchOperation[], transitions: readonly Transition[]): string | null {
    const changes: string[] = [];
    for (const operation of batch) {
      const key = Buffer.from(operation.key).toString();
      if (!key.startsWith(TABLE_PREFIX)) continue;
      const before = this.#firing.get(key);
      const labels = operation.type === "put" ? firingLabels(operation.value) : null;
      if (labels !== null) this.#firing.set(key, labels);
      else this.#firing.delete(key);
      if (labels !== null && before === undefined) changes.push(`firing ${labels}`);
      if (labels === null && before !== undefined) changes.push(`resolved ${before}`);
    }
    const sent = transitions.map(({ status, labels }) => `${status} ${labelsKey(labels)}`);
    const isSame = changes.sort().join() === sent.sort().join();
    return isSame ? null : `a batch changes [${changes}] in the table, sends [${sent}]`;
  }
}

/** Null: the record is of an alert that is pending. */
function firingLabels(record: Uint8Array): string | null {
  const { labels, state } = JSON.parse(Buffer.from(record).toString()) as {
    labels: Labels;
    state: { kind: string };
  };
  return state.kind === "firing" ? labelsKey(labels) : null;
}
