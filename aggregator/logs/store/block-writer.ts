import { crc32 } from "node:zlib";
import { ByteWriter } from "../../../shared/wire/bytes.ts";
import { Signature } from "./signature.ts";
import { TokenSummary } from "./token-summary.ts";

/** A payload of at least so many bytes is a section of its own, read only when it is needed. */
const OWN_BYTES_MIN = 2048;
/** Smaller ones share sections of about this. */
const SHARED_BYTES = 16_384;

/** `isShared`: of several columns. */
export type RawSection = {
  readonly bytes: Uint8Array;
  readonly summary: TokenSummary;
  readonly isShared: boolean;
};

/** `summary`: of its section. */
type Placed = {
  readonly bytes: Uint8Array;
  readonly place: readonly [number, number, number];
  readonly summary: TokenSummary;
};

/**
 * Takes the columns of a block: the layout says how to read them, their payloads lie in sections.
 * A payload's place in the layout: section, offset, length. What is the same as an earlier one has
 * its place: lines say things twice, and one line of a request what the next one says again.
 */
export class BlockWriter {
  readonly pause: () => Promise<void>;
  readonly layout = new ByteWriter(1 << 14);
  /** Of the texts in the layout. */
  readonly signature = new Signature();
  readonly #sections: (RawSection | null)[] = [];
  #shared = new ByteWriter(SHARED_BYTES);
  #sharedSummary = new TokenSummary();
  /** null: none is begun. */
  #sharedNumber: number | null = null;
  /** By checksum. */
  readonly #placed = new Map<number, Placed>();

  /** @param pause awaited after some tens of milliseconds of work */
  constructor(pause: () => Promise<void>) {
    this.pause = pause;
  }

  /** A text of the layout: one code unit a byte. */
  text(text: string): void {
    const bytes = Buffer.from(text, "latin1");
    this.layout.varint(bytes.length);
    this.layout.bytes(bytes);
    this.signature.add(text);
  }

  /** @param summary of the tokens in it; null: it has none. The bytes are copied. */
  payload(bytes: Uint8Array, summary: TokenSummary | null): void {
    const sum = crc32(bytes);
    const earlier = this.#placed.get(sum);
    const isSame = earlier !== undefined && Buffer.compare(earlier.bytes, bytes) === 0;
    const placed = isSame ? earlier : this.#add(bytes.slice());
    this.#placed.set(sum, placed);
    // The same bytes may stand for other texts: "7" and "007", or a field of the line's time.
    if (summary !== null) placed.summary.merge(summary);
    for (const number of placed.place) this.layout.varint(number);
  }

  sections(): RawSection[] {
    this.#closeShared();
    return this.#sections.filter((section) => section !== null);
  }

  #add(bytes: Uint8Array): Placed {
    if (bytes.length >= OWN_BYTES_MIN) {
      const summary = new TokenSummary();
      this.#sections.push({ bytes, summary, isShared: false });
      return { bytes, place: [this.#sections.length - 1, 0, bytes.length], summary };
    }
    if (this.#sharedNumber === null) {
      this.#sharedNumber = this.#sections.length;
      this.#sections.push(null);
    }
    const place = [this.#sharedNumber, this.#shared.length, bytes.length] as const;
    const summary = this.#sharedSummary;
    this.#shared.bytes(bytes);
    if (this.#shared.length >= SHARED_BYTES) this.#closeShared();
    return { bytes, place, summary };
  }

  #closeShared(): void {
    if (this.#sharedNumber === null) return;
    const bytes = this.#shared.written().slice();
    this.#sections[this.#sharedNumber] = { bytes, summary: this.#sharedSummary, isShared: true };
    this.#shared.reset();
    this.#sharedSummary = new TokenSummary();
    this.#sharedNumber = null;
  }
}
