import type { Matcher } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { LineBlock } from "../../shared/wire/line-block.ts";
import type { Direction, LineHints, LogSource, LogStream, TimeRange } from "../model/log-lines.ts";
import type { LineLog } from "./line-log.ts";
import { hotRows } from "./store/hot-rows.ts";
import { readEntries } from "./store/select-lines.ts";
import { type Block, blocksIn, type Stream, Streams } from "./store/streams.ts";
import type { StoredBlock } from "./stored-block.ts";

/** Expanded blocks that one query keeps: streams that are read side by side share them. */
const BLOCKS_KEPT = 16;

/** The lines of the log, hot and packed. */
export class LineSource implements LogSource {
  readonly #log: LineLog;
  readonly #streams: Streams;

  /** @param only hot blocks, of which alone lines are read; all lines without it */
  constructor(log: LineLog, only: readonly StoredBlock[] | null = null) {
    this.#log = log;
    this.#streams = only === null ? log.streams : streamsOf(only);
  }

  /**
   * Streams that match, each with its lines at the time of the call in the direction's order. Of lines
   * without all of the hints' substrings most are left out, not all.
   * @throws OperationalError QUERY for a bad pattern; reading throws STORAGE, and UNAVAILABLE when it
   *     takes longer than what is replaced meanwhile is kept
   */
  async select(
    matchers: readonly Matcher[],
    range: TimeRange,
    direction: Direction,
    hints: LineHints,
  ): Promise<readonly LogStream[]> {
    const kept = new KeptBlocks(this.#log);
    return this.#selected(matchers, range).map(({ stream, blocks }) => {
      const open = (block: Block, needles: readonly string[]) =>
        this.#open(stream, block, needles, kept);
      const entries = readEntries({ blocks, open }, { ...range, direction, ...hints });
      return { labels: stream.labels, frontUs: frontOf(blocks, range, direction), entries };
    });
  }

  /** Label sets of the streams that match one of the sets, or of all, with lines in the time. */
  streams(sets: readonly (readonly Matcher[])[], range: TimeRange): readonly Labels[] {
    const found = new Set<Labels>();
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      for (const { stream } of this.#selected(matchers, range)) found.add(stream.labels);
    }
    return [...found];
  }

  #selected(matchers: readonly Matcher[], { startUs, endUs }: TimeRange) {
    return this.#streams
      .select(matchers)
      .map((stream) => ({ stream, blocks: blocksIn(stream.blocks, startUs, endUs) }))
      .filter(({ blocks }) => blocks.length > 0);
  }

  async #open(stream: Stream, block: Block, needles: readonly string[], kept: KeptBlocks) {
    if (block.kind === "packed") return await this.#log.openPacked(stream, block, needles);
    const content = await kept.read(block.block);
    return hotRows(content?.sources[block.index]?.lines ?? [], needles);
  }
}

/** @param blocks of the range; one at least */
function frontOf(
  blocks: readonly Block[],
  { startUs, endUs }: TimeRange,
  direction: Direction,
): number {
  if (direction === "forward") {
    const firstUs = blocks.reduce((least, one) => Math.min(least, one.firstUs), endUs);
    return Math.max(startUs, firstUs);
  }
  const lastUs = blocks.reduce((most, one) => Math.max(most, one.lastUs), startUs);
  return Math.min(endUs - 1, lastUs);
}

function streamsOf(blocks: readonly StoredBlock[]): Streams {
  const streams = new Streams();
  for (const block of blocks) streams.addHot(block);
  return streams;
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
