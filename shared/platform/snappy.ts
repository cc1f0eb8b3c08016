/** The longest copy is 64 bytes, by 3 bytes: a block that says it holds more than this is none. */
const EXPANSION_MAX = 22;
/** Shorter stretches are copied faster byte by byte. */
const SHORT = 24;

/**
 * Decompresses one Snappy block. Our own decoder, as what a block says of its length is looked at
 * before anything is allocated for it, which the package does not do. Format: snappy's
 * format_description.txt. Null when the bytes are no such block or hold more than `bytesMax`.
 */
export function decompressSnappy(input: Uint8Array, bytesMax: number): Buffer | null {
  const head = readLength(input);
  if (head === null || head.length > bytesMax) return null;
  if (head.length > input.length * EXPANSION_MAX) return null;
  const output = new Output(head.length);
  let at = head.start;
  while (at < input.length) {
    at = readElement(input, at, output);
    if (at < 0) return null;
  }
  return output.whole();
}

/** A literal or a copy. Returns where the next one is; -1: it cannot be. */
function readElement(input: Uint8Array, at: number, output: Output): number {
  const tag = input[at] ?? 0;
  const extra = extraBytes(tag);
  const number = extra === 0 ? 0 : readNumber(input, at + 1, extra);
  const start = at + 1 + extra;
  if ((tag & 3) === 0) {
    const length = (extra > 0 ? number : tag >> 2) + 1;
    return output.literal(input, start, length) ? start + length : -1;
  }
  const isShort = (tag & 3) === 1;
  const length = isShort ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
  const distance = isShort ? (tag >> 5) * 256 + number : number;
  return start <= input.length && output.copy(distance, length) ? start : -1;
}

class Output {
  readonly #bytes: Buffer;
  #written = 0;

  constructor(length: number) {
    this.#bytes = Buffer.allocUnsafe(length); // nobody sees it before it is written whole
  }

  /** False: there is not so much, or no room for it. */
  literal(input: Uint8Array, start: number, length: number): boolean {
    const bytes = this.#bytes;
    const written = this.#written;
    if (length > input.length - start || length > bytes.length - written) return false;
    if (length >= SHORT) bytes.set(input.subarray(start, start + length), written);
    else for (let i = 0; i < length; i += 1) bytes[written + i] = input[start + i] ?? 0;
    this.#written = written + length;
    return true;
  }

  /** What was written `distance` bytes ago; it may overlap what it makes. */
  copy(distance: number, length: number): boolean {
    const bytes = this.#bytes;
    const written = this.#written;
    const end = written + length;
    if (distance === 0 || distance > written || end > bytes.length) return false;
    for (let i = written; i < end; i += 1) bytes[i] = bytes[i - distance] ?? 0;
    this.#written = end;
    return true;
  }

  whole(): Buffer | null {
    return this.#written === this.#bytes.length ? this.#bytes : null;
  }
}

/** Of an element: the bytes of its length or distance that follow its first one. */
function extraBytes(tag: number): number {
  const kind = tag & 3;
  return kind === 0 ? Math.max(0, (tag >> 2) - 59) : (EXTRA_BYTES[kind] ?? 0);
}

/** Of the three kinds of copies: the bytes of their distance. */
const EXTRA_BYTES = [0, 1, 2, 4];

/** Bytes that a Snappy block says it holds, of which nothing is read; null: it does not say. */
export function snappyLength(input: Uint8Array): number | null {
  return readLength(input)?.length ?? null;
}

function readNumber(input: Uint8Array, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i -= 1) value = value * 256 + (input[at + i] ?? 0);
  return value;
}

function readLength(input: Uint8Array): { length: number; start: number } | null {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = input[at] ?? 0x80;
    length += (byte & 0x7f) * 128 ** at;
    if (byte < 0x80) return { length, start: at + 1 };
  }
  return null;
}
