import { strict as assert } from "node:assert";
import { type Labels, labelsKey } from "../../../shared/model/labels.ts";
import type { BlockLine } from "../../../shared/wire/line-block.ts";
import type { StoredBlock } from "../stored-block.ts";
import { BLOCK_LINES_MAX } from "./block-index.ts";
import type { BlockRows } from "./block-rows.ts";
import { planCompaction } from "./compaction-plan.ts";
import { bytesText, metadataOf } from "./hot-rows.ts";
import { dayOf } from "./keys.ts";
import { planMerges } from "./merge-plan.ts";
import { mergeRows } from "./merge-rows.ts";
import { type BlockLines, type PackedBlock, packBlock } from "./packed-encoder.ts";
import type { StoreParts } from "./parts.ts";
import type { Work } from "./section.ts";
import type { Origin, PackedLines, Stream } from "./streams.ts";

/** Lines of one label set, as they were received. */
type Gathered = { readonly labels: Labels; readonly origin: Origin; readonly lines: BlockLine[] };

/** A run of lines that becomes one block. */
type Run = { readonly gathered: Gathered; readonly lines: readonly BlockLine[] };

/** Days that lines of one group are told apart by; of more, only the last one counts. */
const DAYS_MAX = 8;

/**
 * Makes packed blocks of hot ones, group by group. The packed blocks of a group and the end of its hot
 * ones are one synced batch, so a crash or a query sees each line once; what a query that began before
 * may still read is deleted later.
 */
export class Compactor {
  readonly #parts: StoreParts;
  readonly #work: Work;

  constructor(parts: StoreParts, work: Work) {
    this.#parts = parts;
    this.#work = work;
  }

  /** @throws OperationalError STORAGE; what was packed before stays so */
  async compact(
    blocks: readonly StoredBlock[],
    leaveBytes: number,
    signal: AbortSignal,
  ): Promise<void> {
    for (const group of planCompaction(blocks, leaveBytes)) {
      if (signal.aborted) return;
      await this.#pack(group, signal);
    }
  }

  async #pack(group: readonly StoredBlock[], signal: AbortSignal): Promise<void> {
    const { clock, hot, packed, streams, store, turns } = this.#parts;
    const { read, gathered } = await this.#gather(group);
    const ready: { readonly labels: Labels; readonly day: number; readonly block: PackedBlock }[] =
      [];
    for (const run of runsOf(gathered)) {
      if (signal.aborted) return;
      const { labels, origin } = run.gathered;
      const block = await packBlock(linesOf(run.lines), origin, this.#work);
      ready.push({ labels, day: dayOf(block.lastUs), block });
    }
    await turns.run(async () => {
      if (!read.every((block) => hot.has(block))) return; // some were dropped: next time without
      const plan = packed.plan(ready.map((one) => ({ ...one, stream: streams.of(one.labels) })));
      await store.batch([...plan.operations, ...hot.replaceOperations(read)], { sync: true });
      plan.carryOut();
      hot.replaced(new Set(read), clock.monotonicMs());
    });
  }

  /** Makes one packed block of small ones. @throws OperationalError STORAGE */
  async mergeSmall(signal: AbortSignal): Promise<void> {
    for (const stream of [...this.#parts.streams.all()]) {
      for (const group of planMerges(stream.blocks)) {
        if (signal.aborted) return;
        await this.#merge(stream, group);
      }
    }
  }

  async #merge(stream: Stream, group: readonly PackedLines[]): Promise<void> {
    const { clock, packed, store, turns } = this.#parts;
    const lines = await packedLines(group, (block) => packed.open(stream, block, []));
    const [first] = group;
    if (first === undefined || lines.texts.length === 0) return;
    const block = await packBlock(lines, first.origin, this.#work);
    await turns.run(async () => {
      if (!group.every((one) => stream.blocks.has(one))) return; // dropped, or set aside
      const plan = packed.plan([{ stream, day: first.day, block }]);
      const ends = await packed.replaceOperations(group);
      await store.batch([...plan.operations, ...ends], { sync: true });
      plan.carryOut();
      packed.replaced(stream, group, clock.monotonicMs());
    });
  }

  async #gather(group: readonly StoredBlock[]) {
    const gathered = new Map<string, Gathered>();
    const read: StoredBlock[] = [];
    for (const block of group) {
      const content = await this.#parts.hot.read(block);
      if (content === null) continue;
      read.push(block);
      assert(content.sources.length === block.sources.length, "the summary is of this block");
      for (const [i, { labels }] of block.sources.entries()) {
        const key = labelsKey(labels);
        let one = gathered.get(key);
        if (one === undefined) {
          const origin = { stream: block.stream.number, seq: block.seq };
          one = { labels, origin, lines: [] };
          gathered.set(key, one);
        }
        for (const line of content.sources[i]?.lines ?? []) one.lines.push(line);
      }
      await this.#work.pause();
    }
    return { read, gathered: gathered.values() };
  }
}

/** Lines in order of time, those of one time as they were received; of a day and not too many. */
function* runsOf(all: Iterable<Gathered>): Iterable<Run> {
  for (const gathered of all) {
    const lines = gathered.lines.sort((a, b) => a.timeUs - b.timeUs);
    for (const day of daysOf(lines)) {
      const count = Math.ceil(day.length / BLOCK_LINES_MAX);
      const length = Math.ceil(day.length / count); // as many in each
      for (let from = 0; from < day.length; from += length) {
        yield { gathered, lines: day.slice(from, from + length) };
      }
    }
  }
}

function daysOf(lines: readonly BlockLine[]): (readonly BlockLine[])[] {
  const days: (readonly BlockLine[])[] = [];
  let from = 0;
  for (let to = 1; to <= lines.length; to += 1) {
    const day = dayOf(lines[to - 1]?.timeUs ?? 0);
    if (to < lines.length && dayOf(lines[to]?.timeUs ?? 0) === day) continue;
    if (days.length === DAYS_MAX) return [lines];
    days.push(lines.slice(from, to));
    from = to;
  }
  return days;
}

function linesOf(lines: readonly BlockLine[]): BlockLines {
  return {
    timesUs: Float64Array.from(lines, ({ timeUs }) => timeUs),
    texts: lines.map(({ bytes }) => bytesText(bytes)),
    ...numbered(lines.map(metadataOf)),
  };
}

async function packedLines(
  group: readonly PackedLines[],
  open: (block: PackedLines) => Promise<BlockRows | null>,
): Promise<BlockLines> {
  const timesUs: number[] = [];
  const texts: string[] = [];
  const metadata: Labels[] = [];
  const runs = mergeRows(group, "forward", (block) =>
    block.kind === "packed" ? open(block) : Promise.resolve(null),
  );
  for await (const { rows, row, count } of runs) {
    for (let at = row; at < row + count; at += 1) {
      timesUs.push(rows.timesUs[at] ?? 0);
      texts.push(rows.textOf(at) ?? "");
      metadata.push(rows.metadataOf(at));
    }
  }
  return {
    timesUs: Float64Array.from(timesUs),
    texts,
    ...numbered(metadata),
  };
}

/** The different ones, and for each of all its place among them. */
function numbered(all: readonly Labels[]): Pick<BlockLines, "metadata" | "metadataOf"> {
  const metadata: Labels[] = [];
  const places = new Map<string, number>();
  const metadataOf = Float64Array.from(all, (labels) => {
    const key = labelsKey(labels);
    const place = places.get(key) ?? metadata.push(labels) - 1;
    places.set(key, place);
    return place;
  });
  return { metadata, metadataOf };
}
