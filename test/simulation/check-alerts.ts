import { type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import type { BatchOperation, Entry } from "../../shared/platform/ports.ts";
import type { Told } from "./receiver.ts";
import type { Span } from "./source.ts";

/** A change of an alert that is safe on the aggregator's disk. */
export type Transition = {
  readonly atMs: number; // monotonic
  readonly labels: Labels;
  readonly status: "firing" | "resolved";
  readonly startsAtMs: number;
};

/** A value of the gauge that the rules watch; `safeAtMs` monotonic, Infinity: it never was. */
export type Reading = { readonly isHot: boolean; readonly safeAtMs: number };

export type AlertEvidence = {
  readonly transitions: readonly Transition[];
  /** Notifications as the receiver got them. */
  readonly told: readonly Told[];
  /** When the receiver was away or its answer bad, monotonic. */
  readonly failuresMs: readonly number[];
  /** By node, in the order they were made; none of a node where a clock was set meanwhile. */
  readonly readings: ReadonlyMap<string, readonly Reading[]>;
  /** When the aggregator died or its disk failed, monotonic. */
  readonly troubles: readonly Span[];
  /** When its clock was set or its files changed, monotonic. */
  readonly changesMs: readonly number[];
  /** As of when, monotonic. */
  readonly endMs: number;
};

/** What changed this long before the end is on its way still. */
const UNDERWAY_MS = 4000;
/** What fires this long is told, if nothing goes wrong: the group's interval, and some. */
const TOLD_WITHIN_MS = 4000;
/** An attempt that failed keeps the next from beginning for so long at most. */
const BACKOFF_MAX_MS = 31_000;
/** What became of a notification is safe this long after the answer, if nothing goes wrong. */
const RECORDED_WITHIN_MS = 2000;

/** Rules of the simulation whose condition is about that gauge alone. */
export const HOT_ALERTS: ReadonlySet<string> = new Set(["Hot", "HotNow"]);

/** Of rules that came with a routing that is wrong: no reload may take them. */
export const WRONG_ALERT = "Wrong";

/** Promises 4 and 5: what was told of alerts, against what changed and what the data said. */
export function checkAlerts(evidence: AlertEvidence): string[] {
  return [
    ...checkOrder(evidence.transitions),
    ...checkTold(evidence),
    ...checkRepeats(evidence),
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

/** What one notification says of one alert. */
type Word = {
  readonly labels: Labels;
  readonly status: "firing" | "resolved";
  readonly startsAtMs: number;
  readonly atMs: number;
};

/**
 * Nothing is told that did not happen, and nothing after what came later. In the end the receiver
 * believes what is true. What it never heard of was over before it could be told.
 */
function checkTold(evidence: AlertEvidence): string[] {
  const { transitions, told } = evidence;
  const words = told.flatMap(({ alerts, atMs }) => alerts.map((alert) => ({ ...alert, atMs })));
  const byKey = new Map(byAlert<Word>(words).map((some) => [labelsKey(some[0].labels), some]));
  const found: string[] = [];
  for (const ofAlert of byAlert(transitions)) {
    const key = labelsKey(ofAlert[0].labels);
    found.push(...checkWords(ofAlert, byKey.get(key) ?? [], evidence));
    byKey.delete(key);
  }
  for (const [word] of byKey.values()) found.push(`${nameOf(word)} was told and never was`);
  return found;
}

function checkWords(
  ofAlert: Some<Transition>,
  words: readonly Word[],
  evidence: AlertEvidence,
): string[] {
  const found: string[] = [];
  const heard = new Set<number>();
  let last = -1;
  for (const word of words) {
    const { status, atMs } = word;
    // With the clock set back two of them may have begun at one time.
    const index = ofAlert.findLastIndex((one) => isOf(word, one) && one.atMs <= atMs);
    if (index < 0) {
      found.push(`${nameOf(word)}: ${status} was told at ${atMs} and is not what happened`);
    } else if (index < last) {
      found.push(`${nameOf(word)}: ${status} was told at ${atMs}, after what came later`);
    }
    heard.add(index);
    last = Math.max(last, index);
  }
  const settled = ofAlert.filter(({ atMs }) => atMs < evidence.endMs - UNDERWAY_MS);
  const isQuiet = settled.length === ofAlert.length;
  const truth = ofAlert.at(-1)?.status;
  const belief = words.at(-1)?.status ?? "resolved";
  if (isQuiet && belief !== truth) {
    found.push(`${nameOf(ofAlert[0])} is ${truth}, and the receiver believes that it is ${belief}`);
  }
  for (const [index, transition] of ofAlert.entries()) {
    const { status, atMs } = transition;
    const endMs = ofAlert[index + 1]?.atMs ?? evidence.endMs;
    if (heard.has(index) || status === "resolved" || isHindered(evidence, atMs, endMs)) continue;
    // Back before its end was told: the receiver believes that it fires, and it does.
    if (words.findLast((word) => word.atMs <= endMs)?.status === "firing") continue;
    found.push(`${nameOf(transition)}: ${status} from ${atMs} to ${endMs} was not told`);
  }
  return found;
}

/** Whether something kept an alert of this time from being told while it fired. */
function isHindered(evidence: AlertEvidence, fromMs: number, toMs: number): boolean {
  const { failuresMs, troubles, changesMs } = evidence;
  if (toMs - fromMs < TOLD_WITHIN_MS) return true;
  const sinceMs = fromMs - BACKOFF_MAX_MS;
  if (failuresMs.some((ms) => ms >= sinceMs && ms <= toMs)) return true;
  return (
    troubles.some((span) => span.fromMs <= toMs && span.toMs >= sinceMs) ||
    isAmong(changesMs, sinceMs, toMs)
  );
}

function isAmong(times: readonly number[], fromMs: number, toMs: number): boolean {
  return times.some((ms) => ms >= fromMs && ms <= toMs);
}

function isOf(word: Word, transition: Transition): boolean {
  return word.status === transition.status && word.startsAtMs === transition.startsAtMs;
}

/**
 * What the receiver took is not told again as it was, but where the sender died or its disk failed
 * before it had noted that; or where it had to tell the end of another alert with these labels, not
 * knowing whether the one before its death had told the beginning.
 */
function checkRepeats({ told, troubles }: AlertEvidence): string[] {
  const found: string[] = [];
  type Taken = { readonly content: string; readonly begins: string; readonly answeredAtMs: number };
  const taken = new Map<string, Taken>();
  for (const { groupKey, alerts, atMs, answeredAtMs } of told) {
    const content = alerts
      .map(({ labels, status }) => `${status} ${labelsKey(labels)}`)
      .sort()
      .join();
    const begins = alerts.map(({ startsAtMs }) => startsAtMs).join();
    const before = taken.get(groupKey);
    if (before?.content === content) {
      const untilMs = before.begins === begins ? before.answeredAtMs + RECORDED_WITHIN_MS : atMs;
      const isExcused = troubles.some((trouble) => {
        return trouble.fromMs <= untilMs && trouble.toMs >= before.answeredAtMs;
      });
      if (!isExcused) found.push(`${groupKey} was told twice without need at ${atMs}`);
    }
    if (answeredAtMs === null) taken.delete(groupKey);
    else taken.set(groupKey, { content, begins, answeredAtMs });
  }
  return found;
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

const RECORD_PREFIX = "r|";
const KEPT_PREFIX = "e|";

type Firing = { readonly labels: Labels; readonly startsAtMs: number };

/**
 * The alert table as it is safe on a disk. An alert that ends is kept by the same batch, until who has
 * to know has been told.
 */
export class TableWatch {
  /** What fires, by the key of its record. */
  readonly #firing = new Map<string, Firing>();

  /** Deletes of what fired and is not among the entries that a crash left. */
  missing(entries: readonly Entry[]): BatchOperation[] {
    const found = new Set(entries.map(([key]) => Buffer.from(key).toString()));
    const gone = [...this.#firing.keys()].filter((key) => !found.has(key));
    return gone.map((key) => ({ type: "del", key: Buffer.from(key) }));
  }

  /** What a batch changes, and what is wrong with it; null: nothing. */
  apply(
    batch: readonly BatchOperation[],
    atMs: number,
  ): { readonly transitions: readonly Transition[]; readonly violation: string | null } {
    const transitions: Transition[] = [];
    const kept = new Set<string>();
    for (const operation of batch) {
      const key = Buffer.from(operation.key).toString();
      if (key.startsWith(KEPT_PREFIX) && operation.type === "put")
        kept.add(keptText(operation.value));
      if (!key.startsWith(RECORD_PREFIX)) continue;
      const before = this.#firing.get(key);
      const after = operation.type === "put" ? firingOf(operation.value) : null;
      if (after === null) this.#firing.delete(key);
      else this.#firing.set(key, after);
      if (before?.startsAtMs === after?.startsAtMs) continue;
      if (before !== undefined) transitions.push({ ...before, status: "resolved", atMs });
      if (after !== null) transitions.push({ ...after, status: "firing", atMs });
    }
    const lost = transitions.filter((one) => one.status === "resolved" && !kept.has(textOf(one)));
    const violation = lost.length === 0 ? null : `ended without a record: ${lost.map(nameOf)}`;
    return { transitions, violation };
  }
}

function textOf({ labels, startsAtMs }: Firing): string {
  return `${labelsKey(labels)} ${startsAtMs}`;
}

function keptText(record: Uint8Array): string {
  return textOf(JSON.parse(Buffer.from(record).toString()) as Firing);
}

/** Null: the record is of an alert that is pending. */
function firingOf(record: Uint8Array): Firing | null {
  const { labels, state, firedAtMs } = JSON.parse(Buffer.from(record).toString()) as {
    labels: Labels;
    state: { kind: string };
    firedAtMs: number;
  };
  return state.kind === "firing" ? { labels, startsAtMs: firedAtMs } : null;
}
