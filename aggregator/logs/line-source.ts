import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey, labelValue } from "../../shared/model/labels.ts";
import type { LineBlock } from "../../shared/wire/line-block.ts";
import { compileMatcher } from "../matching/matcher.ts";
import type { Direction, LogEntry, LogSource, LogStream, TimeRange } from "../model/log-lines.ts";
import type { LineLog, StoredBlock } from "./line-log.ts";
import { metadataOf } from "./understand/metadata.ts";

/** Expanded blocks that one query keeps: streams that are read side by side share them. */
const BLOCKS_KEPT = 16;

/** What a block has of a stream: where, and the times it lies between. */
type Part = {
  readonly block: StoredBlock;
  readonly index: number;
  readonly minUs: number;
  readonly maxUs: number;
};

/** Lines of the blocks as their agents sent them. */
export class LineSource implements LogSource {
  readonly #log: LineLog;
  readonly #blocks: () => readonly StoredBlock[];

  /** @param blocks those that are looked at */
  constructor(log: LineLog, blocks: () => readonly StoredBlock[]) {
    this.#log = log;
    this.#blocks = blocks;
  }

  /** @throws OperationalError QUERY for a bad pattern; reading throws STORAGE */
  async select(
    matchers: readonly Matcher[],
    range: TimeRange,
    direction: Direction,
  ): Promise<readonly LogStream[]> {
    const kept = new KeptBlocks(this.#log);
    return [...this.#streams(matchers, range).values()].map(({ labels, parts }) => ({
      labels,
      entries: readParts(parts, range, direction, kept),
    }));
  }

  /** Label sets of the streams that match one of the sets, or of all, with lines in the time. */
  streams(sets: readonly (readonly Matcher[])[], range: TimeRange): readonly Labels[] {
    const found = new Map<string, Labels>();
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      for (const [key, { labels }] of this.#streams(matchers, range)) found.set(key, labels);
    }
    return [...found.values()];
  }

  #streams(matchers: readonly Matcher[], { startUs, endUs }: TimeRange) {
    const compiled = matchers.map(compileMatcher);
    const streams = new Map<string, { readonly labels: Labels; readonly parts: Part[] }>();
    for (const block of this.#blocks()) {
      for (const [index, { labels, minUs, maxUs }] of block.sources.entries()) {
        if (maxUs < startUs || minUs >= endUs) continue;
        if (!compiled.every(({ name, test }) => test(labelValue(labels, name)))) continue;
        const stream = getOrInsert(streams, labelsKey(labels), () => ({ labels, parts: [] }));
        stream.parts.push({ block, index, minUs, maxUs });
      }
    }
    return streams;
  }
}

/** In the direction's order of time; lines of one time keep the order in which they were read. */
async function* readParts(
  parts: readonly Part[],
  { startUs, endUs }: TimeRange,
  direction: Direction,
  kept: KeptBlocks,
): AsyncGenerator<readonly LogEntry[]> {
  const runs = runsOf(parts);
  if (direction === "backward") runs.reverse();
  for (const run of runs) {
    const entries: LogEntry[] = [];
    for (const { block, index } of run) {
      const read = await kept.read(block);
      for (const { timeUs, bytes } of read?.sources[index]?.lines ?? []) {
        if (timeUs < startUs || timeUs >= endUs) continue;
        const line = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
        entries.push({ timeUs, line, metadata: metadataOf(line, timeUs) });
      }
    }
    entries.sort((a, b) => a.timeUs - b.timeUs);
    if (direction === "backward") entries.reverse();
    if (entries.length > 0) yield entries;
  }
}

/** Parts in order of time; those whose times overlap have to be read together. */
function runsOf(parts: readonly Part[]): Part[][] {
  const sorted = [...parts].sort((a, b) => a.minUs - b.minUs);
  const runs: Part[][] = [];
  let endUs = Number.NEGATIVE_INFINITY;
  for (const part of sorted) {
    if (part.minUs < endUs) runs.at(-1)?.push(part);
    else runs.push([part]);
    endUs = Math.max(endUs, part.maxUs);
  }
  return runs;
}

/** The blocks that were read last. */
class KeptBlocks {
  readonly #log: LineLog;
  readonly #blocks = new Map<StoredBlock, Promise<LineBlock | null>>();

  constructor(log: LineLog) {
    this.#log = log;
  }

  read(block: StoredBlock): Promise<LineBlock | null> {
    const known = this.#blocks.get(block) ?? this.#log.read(block);
    this.#blocks.delete(block);
    this.#blocks.set(block, known); // now it is the newest
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_KEPT) break;
      this.#blocks.delete(oldest);
    }
    return known;
  }
}
