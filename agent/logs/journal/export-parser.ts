import { OperationalError } from "../../../shared/errors.ts";
import { TextRoom } from "../shape/text-line.ts";

/**
 * The journal's export format, as `journalctl --output=export` writes it: fields of an entry one
 * behind the other, and an empty line at its end. A field is `NAME=VALUE` and a newline; or NAME, a
 * newline, the value's length (64 bits, the lowest first), the value, and a newline.
 * Source: systemd.io/JOURNAL_EXPORT_FORMATS.
 */

/** The fields that were asked for; of one that is there several times, the first. */
export type JournalEntry = {
  /** Names its place in the journal. */
  cursor: string;
  /** Unix microseconds at which the journal took it; null: not told. */
  timeUs: number | null;
  /** null: it has none. Valid until the call returns. */
  message: Uint8Array | null;
  /** Bytes of the message that were left out. */
  bytesCut: number;
  readonly fields: Map<string, string>;
};

export type ExportLimits = {
  /** Of the message; one byte more is kept, so that it is seen to be cut. */
  readonly messageBytesMax: number;
  /** Names of the other fields that are wanted. */
  readonly fields: ReadonlySet<string>;
};

const NEWLINE = 10;
const EQUALS = 61;
/** The journal's own limit is 64. */
const NAME_BYTES_MAX = 256;
/** Of fields besides the message; the rest is left out. */
const FIELD_BYTES_MAX = 1024;
/** The journal's own limit is 768 MB. */
const BINARY_BYTES_MAX = 2 ** 30;
const LENGTH_BYTES = 8;

type State = "line" | "length" | "binary" | "end";

/** Reads entries from bytes that come in pieces. What it holds is bounded, whatever comes. */
export class ExportParser {
  readonly #limits: ExportLimits;
  readonly #emit: (entry: JournalEntry) => void;
  readonly #entry: JournalEntry;
  readonly #message = new TextRoom();
  /** The line, the length or the value that has begun, as much of it as is kept. */
  readonly #held = new TextRoom();
  #state: State = "line";
  /** Of the line or value that has begun. */
  #bytesLeftOut = 0;
  #name = "";
  /** Of a binary value, still to come. */
  #bytesToCome = 0;
  #isEmpty = true;

  constructor(limits: ExportLimits, emit: (entry: JournalEntry) => void) {
    this.#limits = limits;
    this.#emit = emit;
    this.#entry = { cursor: "", timeUs: null, message: null, bytesCut: 0, fields: new Map() };
  }

  /** @throws OperationalError PARSE where it is not that format; what follows cannot be read */
  push(piece: Uint8Array): void {
    const bytes = asBuffer(piece, piece.length);
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "line") at = this.#readLine(bytes, at);
      else if (this.#state === "length") at = this.#readLength(bytes, at);
      else if (this.#state === "binary") at = this.#readBinary(bytes, at);
      else at = this.#readEnd(bytes, at);
    }
  }

  #readLine(bytes: Buffer, from: number): number {
    const newline = bytes.indexOf(NEWLINE, from);
    const end = newline < 0 ? bytes.length : newline;
    if (newline >= 0 && this.#held.length === 0) {
      this.#line(bytes, from, end);
    } else {
      const valueBytesMax = Math.max(this.#limits.messageBytesMax, FIELD_BYTES_MAX);
      this.#hold(bytes, from, end, valueBytesMax + NAME_BYTES_MAX);
      if (newline < 0) return end;
      this.#line(asBuffer(this.#held.bytes, this.#held.length), 0, this.#held.length);
      this.#release();
    }
    return end + 1;
  }

  #line(bytes: Buffer, start: number, end: number): void {
    if (start === end) {
      this.#finish();
      return;
    }
    const nameEnd = indexUpTo(bytes, EQUALS, start, Math.min(end, start + NAME_BYTES_MAX));
    if (nameEnd >= 0) {
      this.#field(bytes.toString("latin1", start, nameEnd), bytes, nameEnd + 1, end);
      return;
    }
    if (end - start > NAME_BYTES_MAX) throw malformed("a name without an end");
    this.#name = bytes.toString("latin1", start, end);
    this.#state = "length";
  }

  #readLength(bytes: Uint8Array, from: number): number {
    const end = Math.min(bytes.length, from + LENGTH_BYTES - this.#held.length);
    this.#held.append(bytes, from, end);
    if (this.#held.length < LENGTH_BYTES) return end;
    const length = asBuffer(this.#held.bytes, LENGTH_BYTES).readBigUInt64LE();
    if (length > BINARY_BYTES_MAX) throw malformed(`a value of ${length} bytes`);
    this.#release();
    this.#bytesToCome = Number(length);
    this.#state = this.#bytesToCome === 0 ? "end" : "binary";
    return end;
  }

  #readBinary(bytes: Uint8Array, from: number): number {
    const end = Math.min(bytes.length, from + this.#bytesToCome);
    const bytesMax = this.#name === "MESSAGE" ? this.#limits.messageBytesMax : FIELD_BYTES_MAX;
    this.#hold(bytes, from, end, bytesMax);
    this.#bytesToCome -= end - from;
    if (this.#bytesToCome === 0) this.#state = "end";
    return end;
  }

  #readEnd(bytes: Uint8Array, at: number): number {
    if (bytes[at] !== NEWLINE) throw malformed("a value that goes on behind its end");
    const { bytes: value, length } = this.#held;
    this.#field(this.#name, asBuffer(value, length), 0, length);
    this.#release();
    this.#state = "line";
    return at + 1;
  }

  #hold(bytes: Uint8Array, from: number, to: number, bytesMax: number): void {
    const taken = Math.max(0, Math.min(to - from, bytesMax + 1 - this.#held.length));
    this.#held.append(bytes, from, from + taken);
    this.#bytesLeftOut += to - from - taken;
  }

  #release(): void {
    this.#held.clear();
    this.#bytesLeftOut = 0;
  }

  #field(name: string, bytes: Buffer, start: number, end: number): void {
    const entry = this.#entry;
    this.#isEmpty = false;
    if (this.#limits.fields.has(name)) {
      if (entry.fields.has(name)) return;
      entry.fields.set(name, bytes.toString("utf8", start, Math.min(end, start + FIELD_BYTES_MAX)));
    } else if (name === "MESSAGE") {
      if (entry.message !== null) return;
      const keptEnd = Math.min(end, start + this.#limits.messageBytesMax + 1);
      this.#message.append(bytes, start, keptEnd);
      entry.message = this.#message.bytes.subarray(0, this.#message.length);
      entry.bytesCut = end - keptEnd + this.#bytesLeftOut;
    } else if (name === "__CURSOR") {
      if (end - start <= FIELD_BYTES_MAX) entry.cursor = bytes.toString("latin1", start, end);
    } else if (name === "__REALTIME_TIMESTAMP") {
      entry.timeUs = wholeNumber(bytes.toString("latin1", start, Math.min(end, start + 32)));
    }
  }

  #finish(): void {
    const entry = this.#entry;
    if (!this.#isEmpty) this.#emit(entry);
    this.#isEmpty = true;
    this.#message.clear();
    entry.cursor = "";
    entry.timeUs = null;
    entry.message = null;
    entry.bytesCut = 0;
    entry.fields.clear();
  }
}

function asBuffer({ buffer, byteOffset }: Uint8Array, length: number): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function indexUpTo(bytes: Uint8Array, byte: number, from: number, to: number): number {
  for (let at = from; at < to; at += 1) if (bytes[at] === byte) return at;
  return -1;
}

function wholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : null;
}

function malformed(what: string): OperationalError {
  return new OperationalError("PARSE", `The journal's export has ${what}`);
}
