import { SerialQueue } from "../../shared/time/serial-queue.ts";
import type { Collector, MetricFamily, SeriesSpec } from "./collector.ts";
import type { CollectContext } from "./context.ts";
import { BackgroundFiles, NodeDisk, type SlowDisk } from "./kit/background-files.ts";
import { BackgroundWork, readingTimeMs, TIMEOUT_MS } from "./kit/background-work.ts";
import { Reading, ReadingSeries } from "./kit/reading.ts";

/**
 * Files that may be slow or never answer: attributes that ask hardware, directories on a mount
 * whose server died. They are read in the background, in Node's thread pool; the tick after a
 * reading sets its values, with the time when it ended. A read that hangs keeps one of the pool's
 * four threads for good, and the agent's own disk needs them too: so all readings go one after
 * another (context.background), and never hold more than one thread.
 */
export type BackgroundSource = {
  readonly name: string;
  /** Those that are known before the first reading. */
  readonly specs?: readonly SeriesSpec[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly seriesMax?: number;
  /** Takes no threads, or sees to it itself: no need to wait for other readings. */
  readonly hasOwnQueue?: boolean;
  /** Reads everything once. What it does not set ends. Aborted when the collector is closed. */
  read(files: BackgroundFiles, reading: Reading, signal: AbortSignal): Promise<void>;
  close?(): void;
};

const INTERVAL_MS = 10_000;
/** How often what is remembered of the devices is read anew. */
const REMEMBER_MS = 600_000;
/**
 * The pool's threads have to be woken for each question to the disk: 50 to 130 µs of CPU, where the
 * read itself takes 5. So at most 5 are put in a second, and many attributes are read less often.
 */
const QUESTION_MS = 200;
/** How often a host without such devices is asked whether it has them now. */
const ABSENT_MS = 60_000;
/** However many there are: queries look back 5 minutes for a value. */
const QUESTIONS_MS_MAX = 120_000;

export class BackgroundCollector implements Collector {
  readonly name: string;
  readonly families: readonly MetricFamily[];
  readonly #context: CollectContext;
  readonly #source: BackgroundSource;
  readonly #files: BackgroundFiles;
  readonly #work: BackgroundWork;
  readonly #series: ReadingSeries;
  /** A reading that no tick has taken yet, and when it ended. */
  #finished: { readonly reading: Reading; readonly endedAtMs: number } | null = null;
  #readAtMs: number | null = null;
  /** The last reading found nothing. */
  #isEmpty = true;
  /** That a reading puts to the disk, when it remembers what it can. */
  #questions = 0;
  #rememberedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CollectContext, source: BackgroundSource, disk: SlowDisk = new NodeDisk()) {
    this.name = source.name;
    this.#context = context;
    this.#source = source;
    this.#files = new BackgroundFiles(disk);
    this.#series = new ReadingSeries(context, source.name, source.specs);
    this.families = this.#series.families;
    this.#work = new BackgroundWork({
      queue: source.hasOwnQueue === true ? new SerialQueue() : context.background,
      timeoutMs: source.timeoutMs ?? TIMEOUT_MS,
      work: (nowMs, signal) => this.#read(nowMs, signal),
      end: () => {
        disk.close();
        source.close?.();
      },
    });
  }

  get readAtMs(): number | null {
    return this.#readAtMs;
  }

  /** @throws OperationalError LIMIT when a reading takes too long, UNAVAILABLE when one failed */
  collect(nowMs: number): void {
    this.#readAtMs = this.#finished?.endedAtMs ?? null;
    if (this.#finished !== null) this.#take(this.#finished.reading);
    this.#work.goOn(nowMs, (sinceMs) => sinceMs >= this.#intervalMs());
  }

  close(): void {
    this.#work.close();
  }

  #intervalMs(): number {
    const leastMs = this.#questions > 0 && this.#isEmpty ? ABSENT_MS : INTERVAL_MS;
    const spreadMs = Math.min(this.#questions * QUESTION_MS, QUESTIONS_MS_MAX);
    return Math.max(this.#source.intervalMs ?? leastMs, spreadMs);
  }

  async #read(nowMs: number, signal: AbortSignal): Promise<void> {
    const isAnew = Math.abs(nowMs - this.#rememberedAtMs) >= REMEMBER_MS;
    const rememberedAtMs = isAnew ? nowMs : this.#rememberedAtMs;
    // Should this reading fail, the next remembers nothing.
    this.#rememberedAtMs = Number.NEGATIVE_INFINITY;
    const reading = new Reading(this.#source.seriesMax);
    this.#files.begin(isAnew);
    await this.#source.read(this.#files, reading, signal);
    this.#files.end();
    this.#rememberedAtMs = rememberedAtMs;
    // The first reading, and each that remembers nothing, asks more than others do.
    if (!isAnew || reading.values.size === 0) this.#questions = this.#files.touched;
    this.#finished = { reading, endedAtMs: readingTimeMs(this.#context.clock) };
  }

  #take(reading: Reading): void {
    this.#finished = null;
    this.#isEmpty = reading.values.size === 0;
    this.#series.take(reading);
    this.#context.faults.add(this.name, "limit", this.#files.overLimit);
    this.#context.faults.add(this.name, "unreadable", this.#files.unreadable);
  }
}
