import { OperationalError } from "../../shared/errors.ts";
import { type ByteReader, unzigzag } from "../../shared/wire/bytes.ts";
import { STATE_FIRST } from "./number-encoder.ts";
import { TOKEN_KINDS, type TokenKind } from "./number-tokens.ts";
import { TABLE_BITS_MAX, TABLE_BITS_MIN, TokenTable } from "./token-table.ts";

/** Bits that are read at once. */
const BITS_MAX = 24;
/** Tokens below it stand for numbers of 30 bits at most, each with 24 bits behind it or fewer. */
const SMALL_MAX = 2 ** 25;
/** Bytes behind the codes that may be looked at. */
const PADDING = 8;

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

/** Where the words and bits of the numbers that are read lie, with zeros behind them. */
let codes = new Uint8Array(4096);
let view = new DataView(codes.buffer);

function setCodes(words: Uint8Array, raw: Uint8Array): void {
  const length = words.length + raw.length;
  if (length + PADDING > codes.length) {
    codes = new Uint8Array((length + PADDING) * 2);
    view = new DataView(codes.buffer);
  }
  codes.set(words);
  codes.set(raw, words.length);
  codes.fill(0, length, length + PADDING);
}

/**
 * Into `out` from `from` on: numbers with their sign, the middle not added. In 32 bits where all
 * numbers fit: most columns are like that, and reading them is what a long query takes its time for.
 */
function readCodes(
  out: Float64Array,
  from: number,
  kind: TokenKind,
  words: Uint8Array,
  raw: Uint8Array,
): void {
  setCodes(words, raw);
  const bitsOf = (kind.bases[table.tokenCount - 1] ?? 0) < SMALL_MAX ? fewBits : bitsAt;
  const { bases, bits: counts } = kind;
  const { bits: tableBits } = table;
  const mask = (1 << tableBits) - 1;
  const wordsEnd = words.length;
  const bitsEnd = (wordsEnd + raw.length) * 8;
  let bit = wordsEnd * 8;
  let state = (view.getUint16(0, true) << 16) | view.getUint16(2, true);
  let at = 4;
  for (let i = from; i < out.length; i += 1) {
    const slot = slots[state & mask] ?? 0;
    state = Math.imul(((slot >>> 8) & 0xfff) + 1, state >>> tableBits) + (slot >>> 20);
    if (state < STATE_FIRST) {
      if (at >= wordsEnd) break;
      state = (state << 16) | view.getUint16(at, true);
      at += 2;
    }
    let code = slot & 0xff;
    if (code >= 16) {
      const count = counts[code] ?? 0;
      if (bit + count > bitsEnd) break;
      code = (bases[code] ?? 0) + bitsOf(bit, count);
      bit += count;
    }
    out[i] = signed(code);
  }
  const isAtEnd = at === wordsEnd && bitsEnd - bit < 8;
  if (state !== STATE_FIRST || !isAtEnd) throw damaged("numbers end where they should not");
}

function signed(code: number): number {
  return code < 0x40000000 ? (code >>> 1) ^ -(code & 1) : unzigzag(code);
}

/** Any number of bits, from the most significant one of a byte on. */
function bitsAt(bit: number, count: number): number {
  if (count <= BITS_MAX) return fewBits(bit, count);
  const rest = count - BITS_MAX;
  return bitsAt(bit, rest) * 0x1000000 + fewBits(bit + rest, BITS_MAX);
}

function fewBits(bit: number, count: number): number {
  return count === 0 ? 0 : (view.getInt32(bit >>> 3) << (bit & 7)) >>> (32 - count);
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
