import { type RecordReader, streamOf, timeUsAt } from "./container-record.ts";
import type { TextLine } from "./text-line.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;
const LOWER_U = 117;
/** `\u00e4` */
const UNICODE_BYTES = 6;
const TIME_BYTES_MAX = 40;
const HEAD = Buffer.from('{"log":"');
const MIDDLE_OUT = Buffer.from('","stream":"stdout","time":"');
const MIDDLE_ERR = Buffer.from('","stream":"stderr","time":"');
const TAIL = Buffer.from('"}');
/** By the character behind a backslash, the byte that both stand for; 0: none. */
const ESCAPED = escapedBytes({ n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" });

/**
 * Docker's json-file driver: `{"log":"TEXT\n","stream":"stdout","time":"…Z"}`, a text without its
 * newline for a part (the daemon cuts at 16 KiB), and further members such as `attrs`. As the daemon
 * writes it, it is read at once; with anything else in it, by JSON.parse.
 */
export class DockerReader implements RecordReader {
  isPart = false;
  isRewritten = false;
  /** Decoded texts of a region: never longer than the records. */
  #decoded = new Uint8Array(0);
  #length = 0;

  begin(start: number, end: number): void {
    this.#length = 0;
    const isTooBig = this.#decoded.length > 2 * Math.max(end - start, 32 * 1024);
    if (this.#decoded.length < end - start || isTooBig) this.#decoded = new Uint8Array(end - start);
  }

  read(line: TextLine): boolean {
    this.isRewritten = false;
    return this.#readUsual(line) || this.#readAny(line);
  }

  #readUsual(line: TextLine): boolean {
    const { bytes, start, end } = line;
    const timeEnd = end - TAIL.length;
    if (!isAt(bytes, timeEnd, TAIL) || !isAt(bytes, start, HEAD)) return false;
    let timeStart = timeEnd;
    while (timeEnd - timeStart < TIME_BYTES_MAX && bytes[timeStart - 1] !== QUOTE) timeStart -= 1;
    const textStart = start + HEAD.length;
    const textEnd = timeStart - MIDDLE_OUT.length;
    if (textEnd < textStart) return false;
    const isErr = isAt(bytes, textEnd, MIDDLE_ERR);
    if (!isErr && !isAt(bytes, textEnd, MIDDLE_OUT)) return false;
    const timeUs = timeUsAt(bytes, timeStart, timeEnd);
    const decodedStart = this.#length;
    if (timeUs === null || !this.#decode(bytes, textStart, textEnd)) return false;
    line.timeUs = timeUs;
    line.stream = isErr ? "stderr" : "stdout";
    this.#finish(line, this.#decoded, decodedStart, this.#length);
    return true;
  }

  /** Appends the text to #decoded; false, with nothing appended, where it is not read so. */
  #decode(bytes: Uint8Array, from: number, to: number): boolean {
    const decoded = this.#decoded;
    let length = this.#length;
    let at = from;
    while (at < to) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE || byte < SPACE) return false;
      if (byte !== BACKSLASH) {
        decoded[length] = byte;
        length += 1;
        at += 1;
        continue;
      }
      const escaped = at + 1 < to ? (ESCAPED[bytes[at + 1] ?? 0] ?? 0) : 0;
      if (escaped !== 0) {
        decoded[length] = escaped;
        length += 1;
        at += 2;
        continue;
      }
      const written = writeUnicode(bytes, at, to, { decoded, length });
      if (written === 0) return false;
      this.isRewritten = true;
      length += written;
      at += UNICODE_BYTES;
    }
    this.#length = length;
    return true;
  }

  #readAny(line: TextLine): boolean {
    const record = parseRecord(line);
    const text = record?.["log"];
    const time = record?.["time"];
    const stream = streamOf(String(record?.["stream"]));
    if (typeof text !== "string" || typeof time !== "string" || stream === null) return false;
    const timeUs = timeUsAt(Buffer.from(time, "latin1"), 0, time.length);
    if (timeUs === null) return false;
    line.timeUs = timeUs;
    line.stream = stream;
    this.isRewritten = true;
    const bytes = new TextEncoder().encode(text);
    this.#finish(line, bytes, 0, bytes.length);
    return true;
  }

  #finish(line: TextLine, bytes: Uint8Array, start: number, end: number): void {
    this.isPart = end === start || bytes[end - 1] !== NEWLINE;
    const hasReturn = !this.isPart && end - start >= 2 && bytes[end - 2] === CARRIAGE_RETURN;
    line.bytes = bytes;
    line.start = start;
    line.end = this.isPart ? end : end - (hasReturn ? 2 : 1);
  }
}

/**
 * Writes the character of `\u00e4` as UTF-8; 0, and nothing written, where it is half of a pair, or
 * none.
 */
function writeUnicode(
  bytes: Uint8Array,
  at: number,
  to: number,
  { decoded, length }: { readonly decoded: Uint8Array; readonly length: number },
): number {
  if (bytes[at + 1] !== LOWER_U || at + UNICODE_BYTES > to) return 0;
  const code = hexValue(bytes, at + 2);
  if (code < 0 || (code >= 0xd800 && code < 0xe000)) return 0;
  if (code < 0x80) {
    decoded[length] = code;
    return 1;
  }
  if (code < 0x800) {
    decoded[length] = 0xc0 | (code >> 6);
    decoded[length + 1] = 0x80 | (code & 63);
    return 2;
  }
  decoded[length] = 0xe0 | (code >> 12);
  decoded[length + 1] = 0x80 | ((code >> 6) & 63);
  decoded[length + 2] = 0x80 | (code & 63);
  return 3;
}

/** Of four hexadecimal digits; -1: there are none. */
function hexValue(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 4; i += 1) {
    const byte = bytes[i] ?? 0;
    const letter = (byte | 32) - 97;
    const digit =
      byte >= 48 && byte <= 57 ? byte - 48 : letter >= 0 && letter < 6 ? letter + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

function parseRecord({ bytes, start, end }: TextLine): Readonly<Record<string, unknown>> | null {
  if (bytes[start] !== HEAD[0]) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null; // the caller counts it
  }
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at < 0) return false;
  for (let i = 0; i < wanted.length; i += 1) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function escapedBytes(letters: Readonly<Record<string, string>>): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of ['"', "\\", "/"])
    table[character.charCodeAt(0)] = character.charCodeAt(0);
  for (const [letter, to] of Object.entries(letters)) {
    table[letter.charCodeAt(0)] = to.charCodeAt(0);
  }
  return table;
}
