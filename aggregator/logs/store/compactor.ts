import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsKey } from "../../../shared/model/labels.ts";
import type { KeyValueStore } from "../../../shared/platform/ports.ts";
import type { SerialQueue } from "../../../shared/time/serial-queue.ts";
import type { BlockRows } from "./block-rows.ts";
import { type BlockStore, packedOperations } from "./block-store.ts";
import { planCompaction } from "./compaction-plan.ts";
import { mergeRows } from "./merge-rows.ts";
import { type BlockLines, packBlock } from "./packed-encoder.ts";
import type { Readers } from "./readers.ts";
import type { Block, Stream } from "./streams.ts";

export type CompactorDeps = {
  readonly store: KeyValueStore;
  readonly blocks: BlockStore;
  readonly readers: Readers;
  readonly turns: SerialQueue;
  readonly takeNumber: () => number;
  readonly setAside: (stream: Stream, block: Block, error: OperationalError) => Promise<void>;
};

/**
 * Packs hot blocks. The packed block and the numbers of those it stands for are one synced batch,
 * so a crash leaves either; the hot ones are deleted when nobody reads them any more.
 */
export class Compactor {
  readonly #deps: CompactorDeps;

  constructor(deps: CompactorDeps) {
    this.#deps = deps;
  }

  async compact(stream: Stream, nowUs: number, waitUs: number): Promise<void> {
    for (const group of planCompaction(stream.blocks, nowUs, waitUs)) {
      await this.#pack(stream, group);
    }
  }

  async #pack(stream: Stream, group: readonly Block[]): Promise<void> {
    const { store, blocks, readers, turns, takeNumber } = this.#deps;
    const good: Block[] = [];
    const opened = new Map<Block, BlockRows>();
    for (const block of group) {
      const rows = await this.#open(stream, block);
      if (rows === null) continue;
      good.push(block);
      opened.set(block, rows);
    }
    const last = good.at(-1);
    if (last === undefined) return;
    const lines = await linesOf(good, opened);
    const packed = packBlock(
      lines,
      good.map(({ number }) => number),
    );
    await turns.run(async () => {
      if (!good.every((block) => stream.blocks.has(block))) return; // their day was dropped
      const name = { day: last.day, stream: stream.ref, number: takeNumber() };
      const operations = packedOperations(name, packed);
      await store.batch(operations, { sync: true });
      for (const block of good) stream.blocks.delete(block);
      stream.blocks.add({
        ...name,
        isPacked: true,
        firstUs: lines.timesUs[0] ?? 0,
        lastUs: lines.timesUs.at(-1) ?? 0,
        lineCount: lines.timesUs.length,
        bytes: operations.reduce((sum, one) => sum + ("value" in one ? one.value.length : 0), 0),
      });
    });
    await readers.settled();
    for (const block of good) await blocks.forget(block);
  }

  async #open(stream: Stream, block: Block): Promise<BlockRows | null> {
    try {
      return await this.#deps.blocks.open(block, []);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
      await this.#deps.setAside(stream, block, error);
      return null;
    }
  }
}

async function linesOf(
  blocks: readonly Block[],
  opened: ReadonlyMap<Block, BlockRows>,
): Promise<BlockLines> {
  const count = blocks.reduce((sum, { lineCount }) => sum + lineCount, 0);
  const timesUs = new Float64Array(count);
  const metadataOf = new Float64Array(count);
  const texts: string[] = [];
  const metadata: Labels[] = [];
  const numbers = new Map<string, number>();
  const open = async (block: Block) => opened.get(block) ?? null;
  for await (const { rows, row, count: length } of mergeRows(blocks, "forward", open)) {
    for (let at = row; at < row + length; at += 1) {
      timesUs[texts.length] = rows.timesUs[at] ?? 0;
      const labels = rows.metadataOf(at);
      const key = labelsKey(labels);
      const number = numbers.get(key) ?? metadata.push(labels) - 1;
      numbers.set(key, number);
      metadataOf[texts.length] = number;
      texts.push(rows.textOf(at) ?? "");
    }
  }
  return { timesUs, texts, metadataOf, metadata };
}
