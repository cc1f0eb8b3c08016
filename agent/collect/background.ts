import { AssertionError } from "node:assert";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { type Collector, JOB_NODE, type MetricFamily, type SeriesSpec } from "./collector.ts";
import type { CollectContext } from "./context.ts";
import { BackgroundFiles, NodeDisk, type SlowDisk } from "./kit/background-files.ts";
import { isUnknown } from "./kit/small-file.ts";

/**
 * Files that may be slow or never answer: attributes that ask hardware, directories on a mount whose
 * server died. They are read in the background, in Node's thread pool; the tick after a reading sets
 * its values, with the time when it ended. A read that hangs keeps one of the pool's four threads for good, and the
 * agent's own disk needs them too: so all readings go one after another (context.background), and never
 * hold more than one thread.
 */
export type BackgroundSource = {
  readonly name: string;
  readonly intervalMs?: number;
  readonly seriesMax?: number;
  /** Waits for a socket, which takes no thread: no need to wait for other readings. */
  readonly isThreadless?: boolean;
  /** Reads everything once. What it does not set ends. Aborted when the collector is closed. */
  read(files: BackgroundFiles, reading: Reading, signal: AbortSignal): Promise<void>;
};

type Labels = Readonly<Record<string, string>>;

const INTERVAL_MS = 10_000;
/** From when a reading was wanted; its values end and the collector fails until it returns. */
export const TIMEOUT_MS = 5000;
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
/** Times of readings are told to this precision, as those of ticks. */
const TIME_PRECISION_MS = 50;

const SERIES_MAX = 4096;
const LABEL_CHARACTERS_MAX = 1024;

/** The values of one reading. */
export class Reading {
  readonly keys: string[] = [];
  readonly values: number[] = [];
  readonly specs: SeriesSpec[] = [];
  readonly labels: Labels[] = [];
  readonly #seriesMax: number;
  readonly #seen = new Set<string>();
  /** How often names were given that are not unique. */
  readonly #given = new Map<string, number>();
  /** Values that are not numbers. */
  malformed = 0;
  overflow = 0;
  /** Values with labels that another had before. */
  duplicates = 0;

  constructor(seriesMax = SERIES_MAX) {
    this.#seriesMax = seriesMax;
  }

  /** `name`, or if it was given before in this reading, the name and what tells the two apart. */
  distinct(name: string, apart: string): string {
    const count = this.#given.get(name) ?? 0;
    this.#given.set(name, count + 1);
    return count === 0 ? name : this.distinct(`${name}_${apart}`, String(count + 1));
  }

  /**
   * `value` as the integer (or, with DOUBLE_SCALE, the double) of the spec's scale; may be negative.
   * Of two values with the same labels the second gets a label `duplicate`.
   */
  set(spec: SeriesSpec, labels: Labels, value: number): void {
    const key = `${spec.name}\0${JSON.stringify(labels)}\0${JSON.stringify(spec.labels ?? null)}`;
    if (this.#seen.has(key)) {
      this.duplicates += 1;
      const count = (this.#given.get(key) ?? 1) + 1;
      this.#given.set(key, count);
      this.set(spec, { ...labels, duplicate: String(count) }, value);
      return;
    }
    if (this.keys.length >= this.#seriesMax) {
      this.overflow += 1;
      return;
    }
    this.#seen.add(key);
    this.keys.push(key);
    this.values.push(value);
    this.specs.push(spec);
    this.labels.push(labels);
  }

  /**
   * As `set` of a whole number in text, such as an attribute's. No series if there is no text, or if
   * it is a gauge's way to say that the value is unknown.
   */
  setText(spec: SeriesSpec, labels: Labels, text: string | null): void {
    if (text === null || text === "") return;
    const value = wholeNumber(text);
    if (value === null) this.malformed += 1;
    else if (spec.type === "counter" || !isUnknown(value)) this.set(spec, labels, value);
  }
}

/** null: not a whole number of at most 20 digits. */
export function wholeNumber(text: string): number | null {
  return /^-?[0-9]{1,20}$/.test(text) ? Number(text) : null;
}

type Series = { readonly slot: number };

export class BackgroundCollector implements Collector {
  readonly name: string;
  readonly families: MetricFamily[] = [];
  readonly #context: CollectContext;
  readonly #source: BackgroundSource;
  readonly #disk: SlowDisk;
  readonly #files: BackgroundFiles;
  readonly #queue: SerialQueue;
  readonly #series = new Map<string, Series>();
  readonly #familyNames = new Set<string>();
  /** In the order of the last reading. */
  #keys: readonly string[] = [];
  #slots: readonly number[] = [];
  /** A reading that no tick has taken yet, and when it ended. */
  #finished: { readonly reading: Reading; readonly endedAtMs: number } | null = null;
  #readAtMs: number | null = null;
  #failure: unknown = null;
  #isUnderway = false;
  /** Its turn has come, if one is under way. */
  #hasBegun = false;
  /** That a reading puts to the disk, when it remembers what it can. */
  #questions = 0;
  readonly #stop = new AbortController();
  #wantedAtMs = Number.NEGATIVE_INFINITY;
  #rememberedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CollectContext, source: BackgroundSource, disk: SlowDisk = new NodeDisk()) {
    this.name = source.name;
    this.#context = context;
    this.#source = source;
    this.#disk = disk;
    this.#files = new BackgroundFiles(disk);
    this.#queue = source.isThreadless === true ? new SerialQueue() : context.background;
  }

  get readAtMs(): number | null {
    return this.#readAtMs;
  }

  /** @throws OperationalError LIMIT when a reading takes too long, UNAVAILABLE when one failed */
  collect(nowMs: number): void {
    this.#readAtMs = this.#finished?.endedAtMs ?? null;
    if (this.#finished !== null) this.#take(this.#finished.reading);
    // A clock that was set back begins the wait anew.
    if (nowMs < this.#wantedAtMs) this.#wantedAtMs = nowMs;
    const sinceMs = nowMs - this.#wantedAtMs;
    if (this.#isUnderway) {
      if (sinceMs >= TIMEOUT_MS) throw tooSlow(this.#hasBegun);
    } else if (sinceMs >= this.#intervalMs()) {
      this.#begin(nowMs);
    }
    if (this.#failure !== null) throw this.#failure;
  }

  close(): void {
    this.#stop.abort();
    if (!this.#isUnderway) this.#disk.close();
  }

  #intervalMs(): number {
    const leastMs = this.#questions > 0 && this.#keys.length === 0 ? ABSENT_MS : INTERVAL_MS;
    const spreadMs = Math.min(this.#questions * QUESTION_MS, QUESTIONS_MS_MAX);
    return Math.max(this.#source.intervalMs ?? leastMs, spreadMs);
  }

  #begin(nowMs: number): void {
    this.#wantedAtMs = nowMs;
    this.#isUnderway = true;
    this.#hasBegun = false;
    const isAnew = Math.abs(nowMs - this.#rememberedAtMs) >= REMEMBER_MS;
    if (isAnew) this.#rememberedAtMs = nowMs;
    void this.#queue.run(() => this.#read(isAnew));
  }

  async #read(isAnew: boolean): Promise<void> {
    this.#hasBegun = true;
    const reading = new Reading(this.#source.seriesMax);
    try {
      if (this.#stop.signal.aborted) return;
      this.#files.begin(isAnew);
      await this.#source.read(this.#files, reading, this.#stop.signal);
      this.#files.end();
      // The first reading, and each that remembers nothing, asks more than others do.
      if (!isAnew || reading.keys.length === 0) this.#questions = this.#files.touched;
      const nowMs = this.#context.clock.nowMs();
      this.#finished = { reading, endedAtMs: nowMs - (nowMs % TIME_PRECISION_MS) };
      this.#failure = null;
    } catch (error) {
      this.#failure = readingFailure(error);
      this.#rememberedAtMs = Number.NEGATIVE_INFINITY;
    } finally {
      this.#isUnderway = false;
      if (this.#stop.signal.aborted) this.#disk.close();
    }
  }

  #take(reading: Reading): void {
    this.#finished = null;
    const { faults } = this.#context;
    faults.add(this.name, "malformed", reading.malformed);
    faults.add(this.name, "limit", reading.overflow + this.#files.overLimit);
    faults.add(this.name, "unreadable", this.#files.unreadable);
    if (!isSameList(this.#keys, reading.keys)) this.#redefine(reading);
    const { sink } = this.#context;
    for (let i = 0; i < this.#slots.length; i += 1) {
      sink.set(this.#slots[i] as number, reading.values[i] as number);
    }
  }

  #redefine(reading: Reading): void {
    const wanted = new Set(reading.keys);
    for (const [key, { slot }] of this.#series) {
      if (wanted.has(key)) continue;
      this.#context.sink.retire(slot);
      this.#series.delete(key);
    }
    this.#keys = reading.keys;
    this.#slots = reading.keys.map((key, index) => {
      const known = this.#series.get(key);
      if (known !== undefined) return known.slot;
      const spec = reading.specs[index] as SeriesSpec;
      const slot = this.#define(spec, reading.labels[index] ?? {});
      this.#series.set(key, { slot });
      return slot;
    });
  }

  #define(spec: SeriesSpec, own: Labels): number {
    if (!this.#familyNames.has(spec.name)) {
      this.#familyNames.add(spec.name);
      this.families.push({ name: spec.name, type: spec.type, help: spec.help });
    }
    const labels: Record<string, string> = { job: JOB_NODE };
    for (const [name, value] of Object.entries({ ...own, ...spec.labels })) {
      labels[name] = value.slice(0, LABEL_CHARACTERS_MAX);
    }
    return this.#context.sink.define(spec.scale, labelsOf({ ...labels, __name__: spec.name }));
  }
}

/** What a collector throws for a reading that failed. */
export function readingFailure(error: unknown): unknown {
  if (error instanceof AssertionError || error instanceof OperationalError) return error;
  const message = `Reading failed: ${errorMessage(error)}`;
  return new OperationalError("UNAVAILABLE", message, { cause: error });
}

/** @param hasBegun false: it waits for another collector's, which then says the same of itself */
export function tooSlow(hasBegun: boolean): OperationalError {
  const what = hasBegun ? "Reading" : "Reading of another collector, which this one waits for,";
  return new OperationalError("LIMIT", `${what} has not ended within ${TIMEOUT_MS / 1000} s`);
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
