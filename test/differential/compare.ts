import type { Notice, WebhookAlert } from "./recorder.ts";

/** Two programs did the same when they sent the same things at about the same times. */
const TOLERANCE_MS = 1000;

export type Comparison = {
  readonly real: number;
  readonly ours: number;
  /** Notifications of the one that have a like one of the other. */
  readonly equal: number;
  /** How far apart those are at most. */
  readonly apartMaxMs: number;
  /** The earliest of all differences, with what came before it; null: there is none. */
  readonly firstDifference: string | null;
};

type Pair = { readonly real: Notice | undefined; readonly ours: Notice | undefined };

/**
 * Compares notification by notification for each webhook and group. What one program sent at the very
 * end, and the other one may have been about to send, is not a difference.
 * @param stretch from the start to the end of the run, Unix milliseconds
 */
export function compare(
  real: readonly Notice[],
  ours: readonly Notice[],
  stretch: { readonly zeroMs: number; readonly endMs: number },
): Comparison {
  const [realBy, oursBy] = [bySequence(real), bySequence(ours)];
  let [equal, apartMaxMs] = [0, 0];
  let first = { atMs: Number.POSITIVE_INFINITY, text: "" };
  for (const key of new Set([...realBy.keys(), ...oursBy.keys()])) {
    const pairs = pairUp(realBy.get(key) ?? [], oursBy.get(key) ?? [], stretch.endMs);
    for (const [index, pair] of pairs.entries()) {
      const why = differenceOf(pair, stretch.zeroMs);
      if (why === null) {
        equal += 1;
        apartMaxMs = Math.max(apartMaxMs, apartMs(pair));
        continue;
      }
      const atMs = Math.min(pair.real?.atMs ?? Infinity, pair.ours?.atMs ?? Infinity);
      const text = describe(key, why, [pairs[index - 1], pair], stretch.zeroMs);
      if (atMs < first.atMs) first = { atMs, text };
      break;
    }
  }
  const firstDifference = first.text === "" ? null : first.text;
  return { real: real.length, ours: ours.length, equal, apartMaxMs, firstDifference };
}

function bySequence(notices: readonly Notice[]): Map<string, Notice[]> {
  const sequences = new Map<string, Notice[]>();
  for (const notice of notices) {
    const key = `${notice.webhook} ${notice.body.groupKey}`;
    sequences.set(key, [...(sequences.get(key) ?? []), notice]);
  }
  return sequences;
}

function pairUp(real: readonly Notice[], ours: readonly Notice[], endMs: number): Pair[] {
  const pairs: Pair[] = [];
  for (let index = 0; index < Math.max(real.length, ours.length); index += 1) {
    const pair = { real: real[index], ours: ours[index] };
    const alone = pair.real === undefined ? pair.ours : pair.ours === undefined ? pair.real : null;
    if (alone !== null && (alone?.atMs ?? 0) > endMs - TOLERANCE_MS) continue;
    pairs.push(pair);
  }
  return pairs;
}

function differenceOf(pair: Pair, zeroMs: number): string | null {
  const { real, ours } = pair;
  if (real === undefined) return "only ours sends";
  if (ours === undefined) return "only the real one sends";
  if (contentOf(real) !== contentOf(ours)) return "not the same content";
  if (apartMs(pair) > TOLERANCE_MS) return "not at the same time";
  const [a, b] = [sorted(real), sorted(ours)];
  for (const [index, one] of a.entries()) {
    const other = b[index];
    if (other === undefined) continue;
    if (!isSameTime(one.startsAt, other.startsAt)) {
      return `startsAt ${at(Date.parse(one.startsAt), zeroMs)} and ${at(Date.parse(other.startsAt), zeroMs)}`;
    }
    if (one.status === "resolved" && !isSameTime(one.endsAt, other.endsAt)) {
      return `endsAt ${at(Date.parse(one.endsAt), zeroMs)} and ${at(Date.parse(other.endsAt), zeroMs)}`;
    }
  }
  return null;
}

function apartMs({ real, ours }: Pair): number {
  return Math.abs((real?.atMs ?? 0) - (ours?.atMs ?? 0));
}

function isSameTime(one: string, other: string): boolean {
  return Math.abs(Date.parse(one) - Date.parse(other)) <= TOLERANCE_MS;
}

/** All that must be equal to the letter. */
function contentOf(notice: Notice): string {
  const { receiver, status, groupLabels, commonLabels, commonAnnotations } = notice.body;
  const alerts = sorted(notice).map((alert) => {
    const { labels, annotations, fingerprint } = alert;
    return [alert.status, inOrder(labels), inOrder(annotations), fingerprint];
  });
  const texts = [groupLabels, commonLabels, commonAnnotations].map(inOrder);
  return JSON.stringify([receiver, status, texts, alerts]);
}

function inOrder(texts: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1));
}

function sorted(notice: Notice): WebhookAlert[] {
  const key = ({ labels }: WebhookAlert) => JSON.stringify(inOrder(labels));
  return [...notice.body.alerts].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function describe(
  key: string,
  why: string,
  pairs: readonly (Pair | undefined)[],
  zeroMs: number,
): string {
  const lines = [`${key}: ${why}`];
  for (const [index, pair] of pairs.entries()) {
    const name = index === 0 ? "before" : "here";
    if (pair === undefined) continue;
    lines.push(`  ${name}, real: ${noticeText(pair.real, zeroMs)}`);
    lines.push(`  ${name}, ours: ${noticeText(pair.ours, zeroMs)}`);
  }
  return lines.join("\n");
}

function noticeText(notice: Notice | undefined, zeroMs: number): string {
  if (notice === undefined) return "nothing";
  const alerts = sorted(notice).map((alert) => {
    const labels = inOrder(alert.labels).map(([name, value]) => `${name}=${value}`);
    const annotations = inOrder(alert.annotations).map(([name, value]) => `${name}: ${value}`);
    return `${alert.status} {${labels.join(" ")}} ${annotations.join()}`.trim();
  });
  return `${at(notice.atMs, zeroMs)} ${alerts.join("; ")}`;
}

function at(timeMs: number, zeroMs: number): string {
  return `${((timeMs - zeroMs) / 1000).toFixed(2)} s`;
}
