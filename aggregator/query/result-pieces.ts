import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";
import { decimalText, secondsText } from "../../shared/model/go-number.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { NUMBER_BYTES_MAX, writeSample, writeSeconds } from "./number-bytes.ts";
import type { QueryResult } from "./result.ts";

/** Of a piece, about: more is handed on at once, so that a large result is never whole in memory. */
const PIECE_BYTES = 64 * 1024;
/** `[time,"` */
const TIME_BYTES_MAX = NUMBER_BYTES_MAX;
/** `,[time,"value"]` */
const POINT_BYTES_MAX = TIME_BYTES_MAX + NUMBER_BYTES_MAX;
/** Columns with more times than this are rather written anew for each series. */
const TIMES_KEPT_MAX = 65_536;

const [OPEN, CLOSE, COMMA, QUOTE] = [91, 93, 44, 34];

/**
 * The JSON of a result as Prometheus' HTTP API writes it, without its type, in pieces of UTF-8: it
 * can have millions of samples. `before` and `after` are what stands around it. Each piece belongs to
 * whoever takes it.
 */
export function* resultPieces(
  before: string,
  result: QueryResult,
  after: string,
): Generator<Uint8Array, void, void> {
  const writer = new PieceWriter();
  writer.text(before);
  switch (result.type) {
    case "scalar":
      writer.text(`[${secondsText(result.timeMs)},"${decimalText(result.value)}"]`);
      break;
    case "string":
      writer.text(`[${secondsText(result.timeMs)},${JSON.stringify(result.value)}]`);
      break;
    case "vector":
      yield* vectorPieces(writer, result.samples, result.timeMs);
      break;
    case "matrix":
      yield* matrixPieces(writer, result.series);
  }
  writer.text(after);
  yield* writer.full();
  yield writer.take();
}

function* vectorPieces(
  writer: PieceWriter,
  samples: readonly VectorSample[],
  timeMs: number,
): Iterable<Uint8Array> {
  const time = secondsText(timeMs);
  writer.text("[");
  for (const [i, { labels, value }] of samples.entries()) {
    writer.text(`${i > 0 ? "," : ""}{"metric":${labelsText(labels)},"value":[${time},"`);
    writer.sample(value);
    writer.text('"]}');
    yield* writer.full();
  }
  writer.text("]");
}

function* matrixPieces(
  writer: PieceWriter,
  series: readonly SeriesColumns[],
): Iterable<Uint8Array> {
  const known = new TimeTexts();
  writer.text("[");
  for (const [i, { labels, times, values }] of series.entries()) {
    writer.text(`${i > 0 ? "," : ""}{"metric":${labelsText(labels)},"values":[`);
    known.use(times);
    for (let from = 0; from < times.length; ) {
      from = writer.points(known, values, from);
      yield* writer.full();
    }
    writer.text("]}");
  }
  writer.text("]");
}

/** A JSON object; text, because a label may be called `__proto__`. */
export function labelsText(labels: Labels): string {
  let text = "{";
  for (let i = 0; i < labels.length; i += 2) {
    if (i > 0) text += ",";
    text += `${JSON.stringify(labels[i])}:${JSON.stringify(labels[i + 1])}`;
  }
  return `${text}}`;
}

/** `[time,"` of each time of a column, kept from one series to the next where they share it. */
class TimeTexts {
  times: Float64Array = new Float64Array(0);
  bytes = new Uint8Array(0);
  /** Where each text begins, and behind the last one where it ends; empty where none are kept. */
  starts = new Uint32Array(0);

  use(times: Float64Array): void {
    if (times === this.times) return;
    this.times = times;
    this.starts = new Uint32Array(times.length > TIMES_KEPT_MAX ? 0 : times.length + 1);
    if (this.starts.length === 0) return;
    const room = times.length * TIME_BYTES_MAX;
    if (this.bytes.length < room) this.bytes = new Uint8Array(room);
    let end = 0;
    for (let i = 0; i < times.length; i += 1) {
      end = writeTime(this.bytes, end, times[i] ?? 0);
      this.starts[i + 1] = end;
    }
  }

  /** @returns where it ends */
  write(bytes: Uint8Array, at: number, index: number): number {
    const { starts, times } = this;
    if (starts.length === 0) return writeTime(bytes, at, times[index] ?? 0);
    const from = starts[index] ?? 0;
    const end = starts[index + 1] ?? from;
    const shift = at - from;
    for (let i = from; i < end; i += 1) bytes[i + shift] = this.bytes[i] ?? 0;
    return end + shift;
  }
}

function writeTime(bytes: Uint8Array, start: number, timeMs: number): number {
  bytes[start] = OPEN;
  const end = writeSeconds(bytes, start + 1, timeMs);
  bytes[end] = COMMA;
  bytes[end + 1] = QUOTE;
  return end + 2;
}

class PieceWriter {
  #piece = newPiece();
  #at = 0;
  /** What is ready to be taken. */
  #ready: Uint8Array[] = [];

  text(text: string): void {
    // A character becomes at most three bytes.
    if (text.length * 3 > this.#piece.length - this.#at) this.#close();
    if (text.length * 3 > this.#piece.length) this.#ready.push(Buffer.from(text));
    else this.#at += this.#piece.write(text, this.#at);
  }

  sample(value: number): void {
    if (this.#piece.length - this.#at < NUMBER_BYTES_MAX) this.#close();
    this.#at = writeSample(this.#piece, this.#at, value);
  }

  /** Writes points from number `from` on until there is no more room; returns the next one. */
  points(times: TimeTexts, values: Float64Array, from: number): number {
    const piece = this.#piece;
    const last = piece.length - POINT_BYTES_MAX;
    let at = this.#at;
    let i = from;
    for (; i < values.length && at <= last; i += 1) {
      if (i > 0) {
        piece[at] = COMMA;
        at += 1;
      }
      at = writeSample(piece, times.write(piece, at, i), values[i] ?? 0);
      piece[at] = QUOTE;
      piece[at + 1] = CLOSE;
      at += 2;
    }
    this.#at = at;
    if (i < values.length) this.#close();
    return i;
  }

  /** Whole pieces, where there are some. */
  *full(): Iterable<Uint8Array> {
    if (this.#ready.length === 0) return;
    yield* this.#ready;
    this.#ready = [];
  }

  /** What was begun. */
  take(): Uint8Array {
    return this.#piece.subarray(0, this.#at);
  }

  #close(): void {
    if (this.#at > 0) this.#ready.push(this.take());
    this.#piece = newPiece();
    this.#at = 0;
  }
}

function newPiece(): Buffer {
  return Buffer.allocUnsafeSlow(PIECE_BYTES);
}
