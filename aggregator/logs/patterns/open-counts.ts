import { current, type Pattern } from "../../../shared/log-patterns/pattern.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey, NO_LABELS } from "../../../shared/model/labels.ts";
import type { HistoryPlace } from "./pattern-records.ts";

/** History is kept by so many minutes. */
export const BUCKET_MINUTES = 5;
const MINUTE_US = 60_000_000;
const BUCKET_US = BUCKET_MINUTES * MINUTE_US;
/** Lines of one stream come mostly in the order of time: so many times are counted at once. */
const BUCKETS_OPEN_MAX = 3;
/** With more, cells of patterns that are no more are looked for. */
const CELLS_MAX = 20_000;
/** What a time may be at most; later ones count as then. */
const MINUTES_MAX = 2 ** 32 - BUCKET_MINUTES;

/** Lines of one pattern in a bucket. */
export type Cell = {
  readonly bucket: Bucket;
  readonly pattern: Pattern;
  count: number;
  /** So many of them are not known to be written. */
  pending: number;
  /** What is to be written was not given out since the last line. */
  isTouched: boolean;
};

/** A part of the history of a stream that lines are still counted in. */
export type Bucket = {
  readonly place: HistoryPlace;
  readonly startUs: number;
  cells: Map<Pattern, Cell>;
  /** So many of its cells have lines that are not known to be written: it has to stay. */
  pendingCells: number;
};

export type CountedStream = {
  readonly number: number;
  readonly labels: Labels;
  /** The one that was used last comes first. */
  buckets: Bucket[];
  /** How many were ever opened since the start. */
  opened: number;
};

/** Lines of streams that are too many are counted for it. */
const NO_STREAM = 0;

/** The streams whose lines are counted, and of each what is counted at the moment. */
export class OpenCounts {
  readonly #streamsMax: number;
  readonly #byKey = new Map<string, CountedStream>();
  readonly #byNumber = new Map<number, CountedStream>();
  readonly #rest: CountedStream = newStream(NO_STREAM, NO_LABELS);
  /** Of the line before: lines of one source follow each other with the same array. */
  #last: CountedStream = this.#rest;
  #lastLabels: Labels | null = null;
  #nextNumber = 1;

  constructor(streamsMax: number) {
    this.#streamsMax = streamsMax;
    this.#byNumber.set(NO_STREAM, this.#rest);
  }

  get streams(): readonly CountedStream[] {
    return [...this.#byNumber.values()];
  }

  get(number: number): CountedStream | undefined {
    return this.#byNumber.get(number);
  }

  /** One that was there before the start. */
  restore(number: number, labels: Labels): void {
    this.#add(newStream(number, labels));
    this.#nextNumber = Math.max(this.#nextNumber, number + 1);
  }

  /** @param added hears of a stream that is new */
  streamOf(labels: Labels, added: (stream: CountedStream) => void): CountedStream {
    if (this.#lastLabels === labels) return this.#last;
    let stream = this.#byKey.get(labelsKey(labels));
    if (stream === undefined) {
      if (this.#byKey.size >= this.#streamsMax) return this.#rest;
      stream = newStream(this.#nextNumber, labels);
      this.#nextNumber += 1;
      this.#add(stream);
      added(stream);
    }
    this.#last = stream;
    this.#lastLabels = labels;
    return stream;
  }

  /**
   * @param lines of all patterns so far. A part that is in the store has a smaller number, for what
   *   it counts are some of them; so no other part of the stream and time has this one.
   */
  bucketAt(stream: CountedStream, timeUs: number, lines: number): Bucket {
    const newest = stream.buckets[0];
    if (newest !== undefined && timeUs >= newest.startUs && timeUs < newest.startUs + BUCKET_US) {
      return newest;
    }
    const startMin = Math.min(bucketStart(timeUs), MINUTES_MAX);
    const known = stream.buckets.findIndex(({ place }) => place.startMin === startMin);
    if (known >= 0) {
      const [bucket] = stream.buckets.splice(known, 1);
      stream.buckets.unshift(bucket as Bucket);
      return bucket as Bucket;
    }
    const place = { stream: stream.number, startMin, part: lines };
    const bucket: Bucket = {
      place,
      startUs: startMin * MINUTE_US,
      cells: new Map(),
      pendingCells: 0,
    };
    stream.buckets.unshift(bucket);
    stream.opened += 1;
    if (stream.buckets.length > BUCKETS_OPEN_MAX) {
      const oldest = stream.buckets.findLastIndex((one) => one.pendingCells === 0);
      if (oldest > 0) stream.buckets.splice(oldest, 1);
    }
    return bucket;
  }

  /** Lines of the stream that come later are counted in parts of their own. */
  closeBefore(stream: CountedStream, minute: number): void {
    const isOpen = ({ place, pendingCells }: Bucket) =>
      place.startMin + BUCKET_MINUTES > minute || pendingCells > 0;
    stream.buckets = stream.buckets.filter(isOpen);
  }

  forget(stream: CountedStream): void {
    this.#byKey.delete(labelsKey(stream.labels));
    this.#byNumber.delete(stream.number);
    if (this.#last === stream) this.#lastLabels = null;
  }

  #add(stream: CountedStream): void {
    this.#byKey.set(labelsKey(stream.labels), stream);
    this.#byNumber.set(stream.number, stream);
  }
}

/** Ends a batch: no line is pending. Lines of patterns that were merged or evicted move to theirs. */
export function settleBucket(bucket: Bucket): void {
  bucket.pendingCells = 0;
  if (bucket.cells.size <= CELLS_MAX) return;
  const cells = new Map<Pattern, Cell>();
  for (const { pattern, count } of bucket.cells.values()) {
    const now = current(pattern);
    const cell = getOrInsert(cells, now, () => newCell(bucket, now));
    cell.count += count;
  }
  bucket.cells = cells;
}

export function newCell(bucket: Bucket, pattern: Pattern): Cell {
  return { bucket, pattern, count: 0, pending: 0, isTouched: false };
}

/** In minutes since 1970. */
export function bucketStart(timeUs: number): number {
  return Math.max(0, Math.floor(timeUs / BUCKET_US)) * BUCKET_MINUTES;
}

/** Lines by the number that their pattern has now. */
export function countsOf({ cells }: Bucket): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { pattern, count } of cells.values()) {
    if (count === 0) continue;
    const { number } = current(pattern);
    counts.set(number, (counts.get(number) ?? 0) + count);
  }
  return counts;
}

function newStream(number: number, labels: Labels): CountedStream {
  return { number, labels, buckets: [], opened: 0 };
}
