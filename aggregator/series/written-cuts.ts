import { errorMessage } from "../../shared/errors.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import type { SerialQueue } from "../../shared/time/serial-queue.ts";
import { writtenUpTo } from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import { WrittenCutter } from "./written-cutter.ts";

/** Samples of one segment: 20 bytes each. */
const SEGMENT_SAMPLES_MAX = 2_000_000;
/** A series with fewer samples than this costs more for its chunk's head than for its values. */
const SERIES_SAMPLES_MIN = 120;
/** With fewer a segment becomes chunks after this many times the usual time. */
const CHUNK_TIMES_MAX = 6;

/** When what was written becomes chunks, and how. */
export class WrittenCuts {
  readonly #parts: StoreParts;
  readonly #cutter: WrittenCutter;
  readonly #turns: SerialQueue;
  readonly #cuts: SerialQueue;
  #running: Promise<void> | null = null;

  /** @param turns between which a commit's decisions hold; @param cuts one is made at a time */
  constructor(parts: StoreParts, turns: SerialQueue, cuts: SerialQueue) {
    this.#parts = parts;
    this.#cutter = new WrittenCutter(parts);
    this.#turns = turns;
    this.#cuts = cuts;
  }

  get isFull(): boolean {
    return this.#running === null && this.#parts.written.open.count >= SEGMENT_SAMPLES_MAX;
  }

  isDue(nowMs: number, chunkMs: number): boolean {
    const { open, sealed, seriesCount } = this.#parts.written;
    if (this.#running !== null) return false;
    if (sealed !== null || this.isFull) return true; // a cut that failed is tried again
    // A segment without samples is cut, too, when there are series that it lets go.
    if (open.count === 0 && seriesCount === 0) return false;
    const elapsedMs = nowMs - open.openedAtMs;
    const isDense = open.count >= SERIES_SAMPLES_MIN * seriesCount;
    return elapsedMs >= (isDense ? chunkMs : chunkMs * CHUNK_TIMES_MAX);
  }

  /** Resolves when what comes next does not fill the memory. */
  async room(): Promise<void> {
    const { written } = this.#parts;
    if (written.open.count >= 2 * SEGMENT_SAMPLES_MAX) await this.#running;
  }

  /** Whether it was due. @throws OperationalError STORAGE */
  async runIfDue(nowMs: number, chunkMs: number): Promise<boolean> {
    if (!this.isDue(nowMs, chunkMs)) return false;
    await this.run(nowMs);
    return true;
  }

  /** Without waiting for it. What was committed is safe; where it fails, `isDue` says so again. */
  runIfFull({ clock, logger }: Pick<PartDeps, "clock" | "logger">): void {
    if (!this.isFull) return;
    this.run(clock.monotonicMs()).catch((error) => {
      logger.warn({}, `Chunks not written: ${errorMessage(error)}`);
    });
  }

  /** Seals the open segment and turns it into chunks. @throws OperationalError STORAGE */
  async run(nowMs: number): Promise<void> {
    if (this.#running !== null) return await this.#running;
    this.#running = this.#cuts.run(() => this.#cut(nowMs));
    try {
      await this.#running;
    } finally {
      this.#running = null;
    }
  }

  async #cut(nowMs: number): Promise<void> {
    const { store, written } = this.#parts;
    const segment = await this.#turns.run(() => written.sealed ?? written.seal(nowMs));
    const idle = await this.#cutter.write(segment);
    await this.#turns.run(() => written.dropSealed(idle));
    await store.clear(writtenUpTo(segment.number));
  }
}
