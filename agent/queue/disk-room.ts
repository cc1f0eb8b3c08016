import { errorMessage } from "../../shared/errors.ts";
import type { Clock, KeyValueStore, Logger } from "../../shared/platform/ports.ts";
import { ALL_ENTRIES, entryKey } from "./records.ts";

/** Time from one look at the disk to the next. */
export const DISK_LOOK_MS = 5000;
/** Space of removed entries is given back when there is this much of it, and more than is in use. */
const FREED_BYTES_MIN = 16 * 1024 * 1024;

type DiskDeps = {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes that are left on the disk of the store. */
  readonly freeBytes: () => Promise<number>;
};

/**
 * How much room the disk of a queue has, and the giving back of what removed entries took. LevelDB
 * does that by itself only when it rewrites the tables they lie in, which for a queue that ran empty
 * may be never.
 */
export class DiskRoom {
  readonly #deps: DiskDeps;
  readonly #freeBytesMin: number;
  #lacking = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #freedBytes = 0;
  #endSeq = 0;
  #compaction: Promise<void> | null = null;

  constructor(deps: DiskDeps, freeBytesMin: number) {
    this.#deps = deps;
    this.#freeBytesMin = freeBytesMin;
  }

  /** Bytes that are missing to the least that should be left; none while room is on its way. */
  async lackingBytes(): Promise<number> {
    if (this.#compaction !== null) return 0;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#lookedAtMs >= DISK_LOOK_MS) {
      this.#lookedAtMs = nowMs;
      this.#lacking = Math.max(0, this.#freeBytesMin - (await this.#deps.freeBytes()));
    }
    return this.#lacking;
  }

  /** Entries before `endSeq` were removed, `bytes` of them now; `keptBytes` are still in use. */
  freed(bytes: number, keptBytes: number, endSeq: number): void {
    this.#lacking = Math.max(0, this.#lacking - bytes); // the disk shows it after the compaction
    this.#freedBytes += bytes;
    this.#endSeq = endSeq;
    if (this.#freedBytes >= Math.max(FREED_BYTES_MIN, keptBytes)) this.compactNow();
  }

  /** Does not wait for more to be removed. */
  compactNow(): void {
    if (this.#compaction !== null || this.#freedBytes === 0) return;
    this.#freedBytes = 0;
    this.#compaction = this.#compact();
  }

  /** Resolves when no compaction runs. */
  async settled(): Promise<void> {
    await this.#compaction;
  }

  async #compact(): Promise<void> {
    const { store, logger } = this.#deps;
    try {
      await store.compact({ gte: ALL_ENTRIES.gte, lt: entryKey(this.#endSeq) });
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, "cannot compact the queue");
    } finally {
      this.#compaction = null;
    }
  }
}
