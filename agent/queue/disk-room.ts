import { errorMessage } from "../../shared/errors.ts";
import type { KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import { ALL_FRAMES, frameKey } from "./records.ts";

/** Space of deleted frames is given back when there is this much of it, and more than is in use. */
const FREED_BYTES_MIN = 16 * 1024 * 1024;

/**
 * Gives the disk space of deleted frames back. LevelDB does so by itself only when it rewrites the
 * tables they lie in, which for a queue that ran empty may be never.
 */
export class Compactor {
  readonly #store: KeyValueStore;
  readonly #logger: Logger;
  #freedBytes = 0;
  #endSeq = 0;
  #work: Promise<void> | null = null;

  constructor(store: KeyValueStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Frames before `endSeq` are deleted, `bytes` of them new; `keptBytes` are still in use. */
  freed(bytes: number, keptBytes: number, endSeq: number): void {
    this.#freedBytes += bytes;
    this.#endSeq = endSeq;
    if (this.#freedBytes >= Math.max(FREED_BYTES_MIN, keptBytes)) this.hurry();
  }

  get isBusy(): boolean {
    return this.#work !== null;
  }

  /** Does not wait for more: the disk has little room. */
  hurry(): void {
    if (this.#work !== null || this.#freedBytes === 0) return;
    this.#freedBytes = 0;
    this.#work = this.#compact(this.#endSeq);
  }

  /** Resolves when no compaction runs. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #compact(endSeq: number): Promise<void> {
    try {
      await this.#store.compact({ gte: ALL_FRAMES.gte, lt: frameKey(endSeq) });
    } catch (error) {
      this.#logger.warn({ error: errorMessage(error) }, "cannot compact the buffer");
    } finally {
      this.#work = null;
    }
  }
}
