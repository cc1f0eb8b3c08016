import { OperationalError } from "../../../shared/errors.ts";
import {
  type BatchOperation,
  del,
  type KeyValueStore,
  type Logger,
  put,
} from "../../../shared/platform/ports.ts";
import type { Counter, Metrics } from "../../../shared/telemetry/metrics.ts";
import { readBlockIndex } from "./block-index.ts";
import type { BlockParts, BlockRows } from "./block-rows.ts";
import { hotRows } from "./hot-block.ts";
import { type BlockName, blockKey, damagedKey, PART, partKey, partsOf } from "./keys.ts";
import type { PackedBlock } from "./packed-encoder.ts";
import { readPacked } from "./packed-reader.ts";
import type { Block } from "./streams.ts";

/** The blocks as they lie in the store: written, opened, set aside. */
export class BlockStore {
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  readonly #damaged: Counter;

  constructor(store: KeyValueStore, logger: Logger, metrics: Metrics) {
    this.#store = store;
    this.#logger = logger;
    this.#damaged = metrics.counter(
      "telltale_log_store_damaged_blocks_total",
      "Blocks of log lines that were damaged and set aside.",
    );
  }

  /**
   * The lines of a block that may have all needles; null when there are none.
   * @throws OperationalError PARSE when it is damaged
   */
  async open(block: Block, needles: readonly string[]): Promise<BlockRows | null> {
    if (!block.isPacked) return hotRows(await this.#part(blockKey("hot", block)));
    const index = readBlockIndex(await this.#part(blockKey("index", block)));
    return await readPacked(index, this.#partsOf(block), needles);
  }

  /** Its index stays as a record of what was there; its other parts go with their day. */
  async setAside(name: BlockName, isPacked: boolean, error: OperationalError): Promise<void> {
    const key = blockKey(isPacked ? "index" : "hot", name);
    const value = await this.#store.get(key);
    this.#damaged.add();
    this.#logger.error({ ...name }, `Block of log lines set aside: ${error.message}`);
    if (value === undefined) return;
    await this.#store.batch([put(damagedKey(key), value), del(key)], { sync: false });
  }

  async forget(block: Block): Promise<void> {
    await this.#store.batch([del(blockKey(block.isPacked ? "index" : "hot", block))], {
      sync: false,
    });
    if (block.isPacked) await this.#store.clear(partsOf(block));
  }

  #partsOf(block: Block): BlockParts {
    const part = (kind: number, at?: number) => this.#part(partKey(block, kind, at));
    return {
      bucket: (number) => part(PART.bucket, number),
      layout: () => part(PART.layout),
      rows: () => part(PART.rows),
      sections: (numbers) => Promise.all(numbers.map((number) => part(PART.section, number))),
    };
  }

  async #part(key: Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#store.get(key);
    if (bytes !== undefined) return bytes;
    throw new OperationalError("PARSE", `${Buffer.from(key).toString("hex")} is missing`);
  }
}

export function packedOperations(name: BlockName, block: PackedBlock): BatchOperation[] {
  return [
    put(blockKey("index", name), block.index),
    ...block.buckets.map((bytes, at) => put(partKey(name, PART.bucket, at), bytes)),
    put(partKey(name, PART.layout), block.layout),
    put(partKey(name, PART.rows), block.rows),
    ...block.sections.map((bytes, at) => put(partKey(name, PART.section, at), bytes)),
  ];
}
