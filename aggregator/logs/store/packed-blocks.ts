import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import {
  type BatchOperation,
  del,
  type Entry,
  type KeyValueStore,
  put,
} from "../../../shared/platform/ports.ts";
import { type BlockIndex, readBlockIndex } from "./block-index.ts";
import type { BlockParts, BlockRows } from "./block-rows.ts";
import type { DamageKeeper } from "./damage.ts";
import {
  type BlockName,
  indexKey,
  logStreamKey,
  PART,
  partKey,
  partsOf,
  rangeOf,
  readIndexKey,
  replacedIndexKey,
  streamOfKey,
} from "./keys.ts";
import type { PackedBlock } from "./packed-encoder.ts";
import { readPacked } from "./packed-reader.ts";
import { takesTooLong } from "./replaced.ts";
import type { PackedLines, Stream, Streams } from "./streams.ts";

/** A block that is ready to be written, and the stream whose it is. */
export type NewBlock = {
  readonly stream: Stream;
  readonly day: number;
  readonly block: PackedBlock;
};

/**
 * Packed blocks as they lie in the store. A block is there while its index is: it is written in one
 * batch with its parts, and goes before them.
 */
export class PackedBlocks {
  readonly #store: KeyValueStore;
  readonly #streams: Streams;
  readonly #damage: DamageKeeper;
  readonly #byRef = new Map<number, Stream>();
  #lastNumber = 0;
  readonly #replaced = new WeakSet<PackedLines>();
  /** Replaced, and perhaps still read. */
  #waiting: { readonly atMs: number; readonly block: PackedLines }[] = [];

  constructor(store: KeyValueStore, streams: Streams, damage: DamageKeeper) {
    this.#store = store;
    this.#streams = streams;
    this.#damage = damage;
  }

  /** Finds all blocks by their indexes; damaged ones are set aside. @throws OperationalError STORAGE */
  async load(): Promise<void> {
    for await (const [key] of this.#store.entries(rangeOf("replaced"))) {
      await this.#deleteReplaced(readIndexKey(key));
    }
    for await (const entry of this.#store.entries(rangeOf("stream"))) await this.#loadStream(entry);
    for await (const [key, value] of this.#store.entries(rangeOf("index"))) {
      const name = readIndexKey(key);
      this.#lastNumber = Math.max(this.#lastNumber, name.number);
      try {
        const stream = this.#byRef.get(name.stream);
        if (stream === undefined) throw new OperationalError("PARSE", "its stream is unknown");
        stream.blocks.add(linesOf(name, readBlockIndex(value), value.length));
      } catch (error) {
        if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
        await this.#damage.setAside(key, error);
      }
    }
  }

  /**
   * The lines of a block that may have all needles. Null when there are none, or when the block is
   * dropped by now, or damaged: then it is set aside.
   * @throws OperationalError STORAGE; UNAVAILABLE when another block stands for it since long
   */
  async open(
    stream: Stream,
    block: PackedLines,
    needles: readonly string[],
  ): Promise<BlockRows | null> {
    const part = (kind: number, at?: number) => this.#part(partKey(block, kind, at));
    const parts: BlockParts = {
      bucket: (number) => part(PART.bucket, number),
      layout: () => part(PART.layout),
      rows: () => part(PART.rows),
      sections: (numbers) => Promise.all(numbers.map((number) => part(PART.section, number))),
    };
    try {
      return await readPacked(readBlockIndex(await this.#index(block)), parts, needles);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
      if (this.#replaced.has(block)) throw takesTooLong();
      // Its index stays as a record of what was there; its other parts go with their day.
      const isThere = stream.blocks.delete(block);
      if (isThere) await this.#damage.setAside(indexKey(block), error);
      return null;
    }
  }

  /** What writes new blocks, and what is to be done once that is safe. */
  plan(blocks: readonly NewBlock[]): {
    readonly operations: readonly BatchOperation[];
    readonly carryOut: () => void;
  } {
    const refs = new Map<Stream, number>();
    const operations: BatchOperation[] = [];
    const added: [Stream, PackedLines][] = [];
    for (const { stream, day, block } of blocks) {
      const ref = stream.ref ?? refs.get(stream) ?? this.#streams.takeRef();
      if (stream.ref === null && !refs.has(stream)) {
        operations.push(put(logStreamKey(ref), Buffer.from(JSON.stringify(stream.labels))));
      }
      refs.set(stream, ref);
      this.#lastNumber += 1;
      const name = { day, stream: ref, number: this.#lastNumber };
      const own = operationsOf(name, block);
      operations.push(...own);
      const index = readBlockIndex(block.index);
      added.push([stream, linesOf(name, index, block.index.length)]);
    }
    const carryOut = () => {
      for (const [stream, ref] of refs) stream.ref = ref;
      for (const [stream, block] of added) stream.blocks.add(block);
    };
    return { operations, carryOut };
  }

  /**
   * What the batch has to hold in which another block takes the place of these.
   * @throws OperationalError STORAGE
   */
  async replaceOperations(blocks: readonly PackedLines[]): Promise<BatchOperation[]> {
    const operations: BatchOperation[] = [];
    for (const block of blocks) {
      const index = await this.#store.get(indexKey(block));
      operations.push(
        del(indexKey(block)),
        put(replacedIndexKey(block), index ?? new Uint8Array()),
      );
    }
    return operations;
  }

  /** After that batch, at a time of the monotonic clock. */
  replaced(stream: Stream, blocks: readonly PackedLines[], atMs: number): void {
    for (const block of blocks) {
      stream.blocks.delete(block);
      this.#replaced.add(block);
      this.#waiting.push({ atMs, block });
    }
  }

  /** Deletes what was replaced before that time: nobody reads it. */
  async deleteReplaced(horizonMs: number): Promise<void> {
    const due = this.#waiting.filter(({ atMs }) => atMs <= horizonMs);
    this.#waiting = this.#waiting.filter(({ atMs }) => atMs > horizonMs);
    for (const { block } of due) await this.#deleteReplaced(block);
  }

  /** Its parts first: as long as its index is there, a start finds what is left. */
  async #deleteReplaced(name: BlockName): Promise<void> {
    await this.#store.clear(partsOf(name));
    await this.#store.batch([del(replacedIndexKey(name))], { sync: false });
  }

  /** Before their parts are cleared: what has no index is not there. */
  async forget(blocks: readonly PackedLines[]): Promise<void> {
    if (blocks.length === 0) return;
    await this.#store.batch(
      blocks.map((block) => del(indexKey(block))),
      { sync: false },
    );
  }

  /** Clears the parts of blocks that are forgotten. */
  async clear(blocks: readonly PackedLines[]): Promise<void> {
    for (const block of blocks) await this.#store.clear(partsOf(block));
  }

  async #index(block: PackedLines): Promise<Uint8Array> {
    const isReplaced = this.#replaced.has(block);
    return await this.#part(isReplaced ? replacedIndexKey(block) : indexKey(block));
  }

  async #part(key: Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#store.get(key);
    if (bytes !== undefined) return bytes;
    throw new OperationalError("PARSE", `${Buffer.from(key).toString("hex")} is missing`);
  }

  /** Its blocks are set aside with it when it cannot be read. */
  async #loadStream([key, value]: Entry): Promise<void> {
    const labels = readLabels(value);
    const ref = streamOfKey(key);
    if (labels !== null) this.#byRef.set(ref, this.#streams.restore(labels, ref));
    else await this.#damage.setAside(key, new OperationalError("PARSE", "labels are damaged"));
  }
}

function linesOf(name: BlockName, index: BlockIndex, indexBytes: number): PackedLines {
  const { firstUs, lastUs, lineCount, textBytes, origin } = index;
  const lines = { firstUs, lastUs, lineCount, textBytes, origin };
  return { kind: "packed", ...name, ...lines, bytes: index.bytes + indexBytes };
}

function operationsOf(name: BlockName, block: PackedBlock): BatchOperation[] {
  return [
    put(indexKey(name), block.index),
    ...block.buckets.map((bytes, at) => put(partKey(name, PART.bucket, at), bytes)),
    put(partKey(name, PART.layout), block.layout),
    put(partKey(name, PART.rows), block.rows),
    ...block.sections.map((bytes, at) => put(partKey(name, PART.section, at), bytes)),
  ];
}

function readLabels(value: Uint8Array): Labels | null {
  try {
    const labels: unknown = JSON.parse(Buffer.from(value).toString());
    const isTexts = Array.isArray(labels) && labels.every((one) => typeof one === "string");
    return isTexts && labels.length % 2 === 0 ? labels : null;
  } catch {
    return null; // not JSON: damaged as any other value that is not labels
  }
}
