import type { ByteReader, ByteWriter } from "../../../shared/wire/bytes.ts";
import { CLASS_OF, hashOf } from "./tokens.ts";

const GRAM = 3;
const BITS_PER_GRAM = 8;
const BYTES_MIN = 32;
const BYTES_MAX = 8192;

/**
 * Which runs of three characters the tokens of some texts have: a filter of one hash. What has
 * one that is not here is in no token of them, not even as a part.
 */
export class Signature {
  readonly #grams = new Set<number>();

  add(text: string): void {
    let run = 0;
    for (let i = 0; i < text.length; i += 1) {
      run = (CLASS_OF[text.charCodeAt(i)] ?? 0) === 0 ? 0 : run + 1;
      if (run >= GRAM) this.#grams.add(hashOf(text, i + 1 - GRAM, i + 1));
    }
  }

  write(writer: ByteWriter): void {
    let length = BYTES_MIN;
    while (length < BYTES_MAX && length * 8 < this.#grams.size * BITS_PER_GRAM) length *= 2;
    const bits = new Uint8Array(length);
    for (const gram of this.#grams) {
      const bit = gram % (length * 8);
      bits[bit >>> 3] = (bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
    writer.varint(length);
    writer.bytes(bits);
  }
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
