import { OperationalError } from "../../shared/errors.ts";
import { type ByteReader, unzigzag } from "../../shared/wire/bytes.ts";
import { STATE_FIRST } from "./number-encoder.ts";
import { TOKEN_KINDS, type TokenKind } from "./number-tokens.ts";
import { TABLE_BITS_MAX, TABLE_BITS_MIN, TokenTable } from "./token-table.ts";

/** Bits that are read at once. */
const BITS_MAX = 24;

const table = new TokenTable();
/** For each place of the table: its distance to the token's first (12 bits), frequency - 1 (12), token (8). */
const slots = new Int32Array(1 << TABLE_BITS_MAX);

/**
 * Reads so many numbers as `out` has places, as NumberEncoder wrote them.
 * @throws OperationalError PARSE
 */
export function readNumbers(reader: ByteReader, out: Float64Array): void {
  const params = reader.byte();
  const order = params & 3;
  const kind = TOKEN_KINDS[(params >> 2) & 3];
  const bits = TABLE_BITS_MIN + (params >> 4);
  if (order > 2 || order > out.length || kind === undefined || bits > TABLE_BITS_MAX) {
    throw damaged(`numbers of kind ${params}`);
  }
  const middle = unzigzag(reader.varint());
  const divisor = reader.varint();
  for (let i = 0; i < order; i += 1) out[i] = unzigzag(reader.varint());
  if (!table.read(reader, bits)) throw damaged("a table of tokens");
  fillSlots();
  const wordCount = reader.count(2);
  const rawCount = reader.varint();
  const words = reader.bytes(wordCount * 2 + 4);
  const raw = reader.bytes(rawCount);
  readCodes(out, order, kind, words, raw);
  addUp(out, order, middle, divisor);
}

function fillSlots(): void {
  let slot = 0;
  for (let token = 0; token < table.tokenCount; token += 1) {
    const frequency = table.frequencies[token] ?? 0;
    const entry = ((frequency - 1) << 8) | token;
    for (let place = 0; place < frequency; place += 1) {
      slots[slot] = (place << 20) | entry;
      slot += 1;
    }
  }
}

/** Into `out` from `from` on: numbers with their sign, the middle not added. */
function readCodes(
  out: Float64Array,
  from: number,
  kind: TokenKind,
  words: Uint8Array,
  raw: Uint8Array,
): void {
  const { bits } = table;
  const mask = (1 << bits) - 1;
  const bitReader = new RawBits(raw);
  let state = ((words[1] ?? 0) << 24) | ((words[0] ?? 0) << 16) | wordAt(words, 2);
  let at = 4;
  for (let i = from; i < out.length; i += 1) {
    const slot = slots[state & mask] ?? 0;
    state = Math.imul(((slot >>> 8) & 0xfff) + 1, state >>> bits) + (slot >>> 20);
    if (state < STATE_FIRST) {
      state = (state << 16) | wordAt(words, at);
      at += 2;
    }
    const token = slot & 0xff;
    if (token < 16) {
      out[i] = (token >>> 1) ^ -(token & 1);
      continue;
    }
    const count = kind.bits[token] ?? 0;
    const code = (kind.bases[token] ?? 0) + bitReader.take(count);
    out[i] = code < 0x40000000 ? (code >>> 1) ^ -(code & 1) : unzigzag(code);
  }
  const isWhole = state === STATE_FIRST && at === words.length && bitReader.isAtEnd;
  if (!isWhole) throw damaged("numbers that do not end where they should");
}

function wordAt(words: Uint8Array, at: number): number {
  return (words[at] ?? 0) | ((words[at + 1] ?? 0) << 8);
}

/** Bits from the most significant one of a byte on; past the end they are 0. */
class RawBits {
  readonly #bytes: Uint8Array;
  #bit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return (this.#bit + 7) >>> 3 === this.#bytes.length;
  }

  take(count: number): number {
    if (count <= BITS_MAX) return this.#few(count);
    const high = this.take(count - BITS_MAX);
    return high * 0x1000000 + this.#few(BITS_MAX);
  }

  #few(count: number): number {
    if (count === 0) return 0;
    const bytes = this.#bytes;
    const at = this.#bit >>> 3;
    const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
    const window = high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const value = (window << (this.#bit & 7)) >>> (32 - count);
    this.#bit += count;
    return value;
  }
}

/** Differences become the numbers again. */
function addUp(out: Float64Array, order: number, middle: number, divisor: number): void {
  let number = order === 0 ? 0 : (out[order - 1] ?? 0);
  let step = order === 2 ? number - (out[0] ?? 0) : 0;
  for (let i = order; i < out.length; i += 1) {
    const difference = (out[i] ?? 0) * divisor + middle;
    if (order === 0) number = difference;
    else if (order === 1) number += difference;
    else {
      step += difference;
      number += step;
    }
    out[i] = number;
  }
}

function damaged(what: string): OperationalError {
  return new OperationalError("PARSE", `chunk is damaged: ${what}`);
}
