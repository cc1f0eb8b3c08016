import { type Labels, labelPairs, labelsFrom, labelValue } from "../../../shared/model/labels.ts";
import type { Direction, LogEntry, TimeRange } from "../../model/log-lines.ts";
import { metadataOf } from "../understand/metadata.ts";
import type { BlockRows } from "./block-rows.ts";
import { mergeRows, type RowRun } from "./merge-rows.ts";
import type { Block } from "./streams.ts";

/** What one stream's lines are read from. */
export type LineBlocks = {
  readonly blocks: readonly Block[];
  readonly open: (block: Block, needles: readonly string[]) => Promise<BlockRows | null>;
};

export type LineQuery = TimeRange & {
  readonly direction: Direction;
  readonly substrings: readonly string[];
};

/** A reader that wants few lines does not wait for many, which may lie far apart. */
const FIRST_BATCH_LINES = 64;
const BATCH_LINES = 1024;

/** The stream's lines of the time that have all substrings, in order, in batches that grow. */
export async function* readEntries(
  { blocks, open }: LineBlocks,
  query: LineQuery,
): AsyncGenerator<readonly LogEntry[]> {
  const needles = query.substrings.filter(isSearchable).map(bytesAsText);
  let batch: LogEntry[] = [];
  let batchLines = FIRST_BATCH_LINES;
  const runs = mergeRows(blocks, query.direction, (block) => open(block, needles));
  for await (const run of runs) {
    for (const entry of entriesOf(run, query, needles)) {
      batch.push(entry);
      if (batch.length < batchLines) continue;
      yield batch;
      batch = [];
      batchLines = Math.min(BATCH_LINES, batchLines * 2);
    }
  }
  if (batch.length > 0) yield batch;
}

function* entriesOf(
  { rows, row, count }: RowRun,
  { startUs, endUs, direction }: LineQuery,
  needles: readonly string[],
): Iterable<LogEntry> {
  const step = direction === "forward" ? 1 : -1;
  for (let i = 0, at = row; i < count; i += 1, at += step) {
    const timeUs = rows.timesUs[at] ?? 0;
    if (timeUs < startUs || timeUs >= endUs) continue;
    const text = rows.textOf(at);
    if (text === null || !hasAll(text, needles)) continue;
    const line = textAsLine(text);
    yield { timeUs, line, metadata: withStored(metadataOf(line, timeUs), rows.metadataOf(at)) };
  }
}

/** Nearly always there is only what was found out now. What a sender said counts before that. */
function withStored(found: Labels, stored: Labels): Labels {
  if (stored.length === 0) return found;
  const others = labelPairs(found).filter(([name]) => labelValue(stored, name) === "");
  return labelsFrom([...others, ...labelPairs(stored)]);
}

function hasAll(text: string, needles: readonly string[]): boolean {
  for (const needle of needles) if (!text.includes(needle)) return false;
  return true;
}

/** U+FFFD may stand for bytes that are not UTF-8, and half a character has no bytes. */
const UNSEARCHABLE = /[\ufffd\p{Surrogate}]/u;

function isSearchable(text: string): boolean {
  return !UNSEARCHABLE.test(text);
}

function bytesAsText(line: string): string {
  return Buffer.from(line).toString("latin1");
}

const HIGH = /[\u0080-\u00ff]/;

function textAsLine(text: string): string {
  return HIGH.test(text) ? Buffer.from(text, "latin1").toString() : text;
}
