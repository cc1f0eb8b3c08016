import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { countOfSeq, epochOfSeq } from "../../shared/model/sequence.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import type { FrameQueue } from "./frame-queue.ts";

/** What lies in a queue, all of it read, and what is wrong with it. */
export type Inspection = Accounts & {
  readonly streamId: string;
  /** The last that was given out. */
  readonly epoch: number;
  readonly ranges: readonly DroppedRange[];
  /** That can be read, those included that are kept for a reader to begin at. */
  readonly frames: number;
  readonly frameBytes: number;
  readonly definitions: number;
  /** Null where there is no frame. */
  readonly oldest: Place | null;
  readonly newest: Place | null;
  readonly findings: readonly string[];
};

type Place = { readonly seq: number; readonly timeMs: number };

const FINDINGS_MAX = 100;
/** Read at a time. */
const FRAMES_MAX = 1000;
const BYTES_MAX = 8 * 1024 * 1024;

/**
 * Opens a queue as an agent does and reads all of it. What an agent would log as an error is a
 * finding. Opening repairs what it can, and ranges that were shown count as reported once the queue is
 * written, so its store has to be a copy.
 */
export async function inspect(open: (logger: Logger) => Promise<FrameQueue>): Promise<Inspection> {
  const findings: string[] = [];
  const find = (fields: object, message: string) => {
    if (findings.length < FINDINGS_MAX) findings.push(`${message}: ${JSON.stringify(fields)}`);
  };
  const queue = await open({ debug: () => {}, info: () => {}, warn: find, error: find });
  let [frames, frameBytes, definitions] = [0, 0, 0];
  let oldest: Place | null = null;
  let newest: Place | null = null;
  const seriesCounts = new Map<number, number>(); // by epoch
  for (;;) {
    const read = await queue.read(newest?.seq ?? 0, FRAMES_MAX, BYTES_MAX);
    for (const { seq, timeMs, bytes, seriesCount } of read) {
      frames += 1;
      frameBytes += bytes.length;
      newest = { seq, timeMs };
      oldest ??= newest;
      seriesCounts.set(epochOfSeq(seq), seriesCount);
    }
    if (read.length === 0) break;
  }
  for (const [epoch, count] of seriesCounts) {
    definitions += (await queue.definitions(epoch, 0, count)).length;
  }
  const { streamId, accounts } = queue;
  const ranges = takeRanges(queue);
  const kept = { ranges, frames, frameBytes, definitions, oldest, newest };
  return { streamId, epoch: queue.epoch - 1, ...accounts, ...kept, findings };
}

/** All of them, also those that are handed out only when the ones before were reported. */
function takeRanges(queue: FrameQueue): readonly DroppedRange[] {
  const ranges: DroppedRange[] = [];
  for (;;) {
    const more = queue.droppedRanges(Number.MAX_SAFE_INTEGER);
    const last = more.at(-1);
    if (last === undefined) return ranges;
    ranges.push(...more);
    queue.rangesReported(last.id);
  }
}

/** What `buffer inspect` prints: what there is, and below it the ranges that were dropped. */
export function inspectionText(found: Inspection, directory: string): string {
  const { oldest, newest } = found;
  const place = (one: Inspection["oldest"]) =>
    one === null ? "none" : `${seqText(one.seq)} at ${timeText(one.timeMs)}`;
  const dropped = found.dropped.map(({ reason, frames }) => [`  dropped (${reason})`, `${frames}`]);
  const lines = aligned([
    ["directory", directory],
    ["stream", `metrics ${found.streamId}`],
    ["epoch", `${found.epoch}`],
    ["made", `${found.made}`],
    ["  stored", `${found.stored}`],
    ["  waiting", `${found.waiting}`],
    ...dropped,
    ["kept", `${found.frames} frames`],
    ["bytes", `${found.frameBytes} in frames`],
    ["series", `${found.definitions} definitions`],
    ["oldest", place(oldest)],
    ["newest", place(newest)],
  ]);
  const findings = found.findings.map((what) => `finding: ${what}\n`).join("");
  return `${lines}${rangesText(found)}${findings}`;
}

/** What `buffer verify` prints: a line a finding, or that there is none. */
export function findingsText(found: Inspection, directory: string): string {
  if (found.findings.length === 0) {
    return `${directory} is good: ${found.frames} frames, ${found.definitions} series\n`;
  }
  const lines = found.findings.map((what) => `${directory}: ${what}\n`);
  return `${lines.join("")}To save what can be read: telltale-agent buffer salvage --to DIR\n`;
}

function rangesText({ ranges }: Inspection): string {
  if (ranges.length === 0) return "";
  const rows = ranges.map((range) => [
    `${range.id}`,
    range.reason,
    `${range.frames}`,
    `${range.samples}`,
    `${seqText(range.fromSeq)} to ${seqText(range.toSeq)}`,
    `${timeText(range.fromMs)} to ${timeText(range.toMs)}`,
  ]);
  const table = aligned([["id", "reason", "frames", "samples", "sequences", "times"], ...rows]);
  return `\nDropped and not yet reported:\n${table}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lineOf = (row: readonly string[]) =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => `${lineOf(row).trimEnd()}\n`).join("");
}

/** The epoch and the place in it. */
function seqText(seq: number): string {
  return `${epochOfSeq(seq)}/${countOfSeq(seq)}`;
}

function timeText(timeMs: number): string {
  return timeMs === 0 ? "unknown" : formatRfc3339(timeMs);
}
