import type { Clock } from "../../shared/platform/ports.ts";

/** Time from one look at the disk to the next. */
export const DISK_LOOK_MS = 5000;

/** Looks now and then how much room is left on a disk. */
export class DiskSpace {
  readonly #clock: Clock;
  readonly #freeBytes: () => Promise<number>;
  readonly #freeBytesMin: number;
  #lacking = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, freeBytes: () => Promise<number>, freeBytesMin: number) {
    this.#clock = clock;
    this.#freeBytes = freeBytes;
    this.#freeBytesMin = freeBytesMin;
  }

  /** Bytes that are missing to the least that should be left, as of the last look. */
  async lackingBytes(): Promise<number> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs >= DISK_LOOK_MS) {
      this.#lookedAtMs = nowMs;
      this.#lacking = Math.max(0, this.#freeBytesMin - (await this.#freeBytes()));
    }
    return this.#lacking;
  }

  /** So much was deleted since: the disk shows it when it was compacted. */
  freed(bytes: number): void {
    this.#lacking = Math.max(0, this.#lacking - bytes);
  }
}
