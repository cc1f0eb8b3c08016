import { type RecordReader, streamOf } from "./container-record.ts";
import { latin1Text, type StreamName, type TextLine } from "./text-line.ts";

/**
 * What Docker's `local` driver writes of a line, a message of protobuf: source = 1, time_nano = 2,
 * line = 3, partial = 4, partial_log_metadata = 5 { last = 1, id = 2, ordinal = 3 }. The line has no
 * newline. Source: moby, api/types/plugins/logdriver/entry.proto, daemon/logger/local/local.go.
 */
export class LocalReader implements RecordReader {
  isPart = false;
  readonly isRewritten = false;
  readonly #fields = new FieldScanner();

  begin(): void {
    this.isPart = false; // the text is read where it stands
  }

  read(line: TextLine): boolean {
    const fields = this.#fields;
    let stream: StreamName | null = null;
    let timeNs = -1n;
    let [textStart, textEnd] = [line.end, line.end]; // no field: an empty line
    let [isPartial, isLast] = [false, false];
    fields.begin(line.bytes, line.start, line.end);
    while (fields.next()) {
      if (fields.tag === SOURCE)
        stream = streamOf(latin1Text(line.bytes, fields.start, fields.end));
      else if (fields.tag === TIME_NANO) timeNs = fields.value;
      else if (fields.tag === LINE) [textStart, textEnd] = [fields.start, fields.end];
      else if (fields.tag === PARTIAL) isPartial = fields.value !== 0n;
      else if (fields.tag === PART) isLast = isLastPart(line.bytes, fields.start, fields.end);
    }
    if (!fields.isWhole || stream === null || timeNs < 0n) return false;
    this.isPart = isPartial && !isLast;
    line.timeUs = Number(timeNs / 1000n);
    line.stream = stream;
    line.start = textStart;
    line.end = textEnd;
    return true;
  }
}

const VARINT = 0;
const BYTES = 2;
// Tags: the number of the field, and how it is written.
const SOURCE = (1 << 3) | BYTES;
const TIME_NANO = (2 << 3) | VARINT;
const LINE = (3 << 3) | BYTES;
const PARTIAL = (4 << 3) | VARINT;
const PART = (5 << 3) | BYTES;
const IS_LAST = (1 << 3) | VARINT;

function isLastPart(bytes: Uint8Array, start: number, end: number): boolean {
  const fields = new FieldScanner();
  let isLast = false;
  fields.begin(bytes, start, end);
  while (fields.next()) if (fields.tag === IS_LAST) isLast = fields.value !== 0n;
  return isLast;
}

/** The fields of a message, one after the other; numbers and texts are all that it reads. */
class FieldScanner {
  tag = 0;
  /** Of a number. */
  value = 0n;
  /** Of a text. */
  start = 0;
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #limit = 0;
  #isMalformed = false;

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
    this.#isMalformed = false;
  }

  /** All was read, to the end. */
  get isWhole(): boolean {
    return !this.#isMalformed && this.#at === this.#limit;
  }

  /** False at the end, and where what follows is no field. */
  next(): boolean {
    if (this.#at >= this.#limit || this.#isMalformed) return false;
    this.tag = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    const wire = this.tag & 7;
    const number = this.#varint();
    if (number === null || (wire !== VARINT && wire !== BYTES) || this.tag >= 0x80) {
      return this.#stop();
    }
    if (wire === VARINT) {
      this.value = number;
      return true;
    }
    if (number > BigInt(this.#limit - this.#at)) return this.#stop();
    this.start = this.#at;
    this.#at += Number(number);
    this.end = this.#at;
    return true;
  }

  #stop(): false {
    this.#isMalformed = true;
    return false;
  }

  /** At most 64 bits, of which those of a time fit into two halves; null: there is none. */
  #varint(): bigint | null {
    let low = 0;
    let high = 0;
    for (let place = 0; place < 10 && this.#at < this.#limit; place += 1) {
      const byte = this.#bytes[this.#at] ?? 0;
      this.#at += 1;
      if (place < 7) low += (byte & 127) * 2 ** (place * 7);
      else high += (byte & 127) * 2 ** ((place - 7) * 7);
      if (byte < 128) return high === 0 ? BigInt(low) : (BigInt(high) << 49n) + BigInt(low);
    }
    return null;
  }
}
