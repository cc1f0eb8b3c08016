import type { ByteReader, ByteWriter } from "../../../shared/wire/bytes.ts";
import { CLASS_OF, hashOf } from "./tokens.ts";

const GRAM = 3;
const BYTES_MIN = 32;
const BYTES_MAX = 8192;
/** So many of the bits may be set: a word of five letters is then missed in one of 64 cases. */
const DENSITY_MAX = 0.25;

/**
 * Which runs of three characters the tokens of some texts have: a filter of one hash. What has
 * one that is not here is in no token of them, not even as a part.
 */
export class Signature {
  #bits: Uint8Array = new Uint8Array(BYTES_MAX);

  /** All tokens of a text. */
  add(text: string): void {
    let run = 0;
    for (let i = 0; i < text.length; i += 1) {
      run = (CLASS_OF[text.charCodeAt(i)] ?? 0) === 0 ? 0 : run + 1;
      if (run >= GRAM) this.#addGram(text, i + 1 - GRAM);
    }
  }

  /** The token from `start` up to `end`. */
  addToken(text: string, start: number, end: number): void {
    for (let i = start; i + GRAM <= end; i += 1) this.#addGram(text, i);
  }

  write(writer: ByteWriter): void {
    let bits = this.#bits;
    for (;;) {
      const half = folded(bits);
      if (bits.length === BYTES_MIN || density(half) > DENSITY_MAX) break;
      bits = half;
    }
    writer.varint(bits.length);
    writer.bytes(bits);
  }

  #addGram(text: string, start: number): void {
    const bit = hashOf(text, start, start + GRAM) % (BYTES_MAX * 8);
    this.#bits[bit >>> 3] = (this.#bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
  }
}

/** The same filter of half the size: lengths are powers of two. */
function folded(bits: Uint8Array): Uint8Array {
  const half = new Uint8Array(bits.length / 2);
  for (let i = 0; i < half.length; i += 1) {
    half[i] = (bits[i] ?? 0) | (bits[half.length + i] ?? 0);
  }
  return half;
}

function density(bits: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bits.length; i += 1) {
    for (let rest = bits[i] ?? 0; rest !== 0; rest &= rest - 1) count += 1;
  }
  return count / (bits.length * 8);
}

export function readSignature(reader: ByteReader): Uint8Array {
  return reader.bytes(reader.count(1));
}

/** Whether a token of the texts may have this in it. */
export function signatureAdmits(signature: Uint8Array, token: string): boolean {
  for (let i = 0; i + GRAM <= token.length; i += 1) {
    const bit = hashOf(token, i, i + GRAM) % (signature.length * 8);
    if (((signature[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}
