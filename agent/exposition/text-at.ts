import type { OperationalError } from "../../shared/errors.ts";
import { BACKSLASH } from "./exposition-bytes.ts";
import type { ExpositionFormat } from "./exposition-format.ts";

export type Fault = (what: string, code?: "PARSE" | "LIMIT") => OperationalError;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NO_BYTES = Buffer.of();
const REPLACEMENT = "\ufffd";
const FNV_PRIME = 0x01000193;

/** Ranges of a page's bytes as texts. */
export class TextAt {
  #bytes: Buffer = NO_BYTES;
  #format: ExpositionFormat = "text";
  readonly #fault: Fault;

  constructor(fault: Fault) {
    this.#fault = fault;
  }

  start(bytes: Uint8Array, format: ExpositionFormat): void {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
  }

  plain(start: number, end: number): string {
    const text = this.#bytes.toString("utf8", start, end);
    if (!text.includes(REPLACEMENT)) return text;
    try {
      // Much slower, but it tells what was replaced from what was written so.
      return DECODER.decode(this.#bytes.subarray(start, end));
    } catch {
      throw this.#fault("text is not UTF-8");
    }
  }

  /** Of a label's value, or of a name in quotes. */
  unescaped(start: number, end: number): string {
    const written = this.plain(start, end);
    // Labels are joined by zero bytes, so none has one.
    const text = written.includes("\0") ? written.replaceAll("\0", REPLACEMENT) : written;
    if (!text.includes("\\")) return text;
    return text.replace(/\\(.?)/gsu, (sequence, character: string) => {
      if (character === "n") return "\n";
      if (character === "\\" || character === '"') return character;
      if (this.#format === "file") throw this.#fault(`unknown escape ${sequence}`);
      return sequence;
    });
  }

  /** The same for the same unescaped text. */
  hash(start: number, end: number, seed: number): number {
    let hash = seed;
    for (let at = start; at < end; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte === BACKSLASH || byte === 0) return this.#unescapedHash(start, end, seed);
      hash = Math.imul(hash ^ byte, FNV_PRIME);
    }
    return mixed(hash);
  }

  #unescapedHash(start: number, end: number, seed: number): number {
    let hash = seed;
    for (const byte of Buffer.from(this.unescaped(start, end))) {
      hash = Math.imul(hash ^ byte, FNV_PRIME);
    }
    return mixed(hash);
  }
}

/** So that every bit depends on every other one. Source: MurmurHash3's fmix32. */
function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
