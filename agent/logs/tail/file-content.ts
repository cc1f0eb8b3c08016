import { OperationalError } from "../../../shared/errors.ts";
import type { Kinship } from "./chain-state.ts";
import { GzipReader, gunzipHead } from "./gzip-reader.ts";
import type { LogFiles } from "./ports.ts";
import {
  HEAD_BYTES_MAX,
  type Mark,
  markOf,
  NO_MARK,
  type Position,
  TAIL_BYTES_MAX,
} from "./position.ts";

/** What a file holds, as far as it is needed to know it again. The descriptor stays the caller's. */
export class FileContent {
  readonly #files: LogFiles;
  readonly #descriptor: number;
  readonly #isCompressed: boolean;
  readonly #size: number;
  #head: Buffer = Buffer.alloc(0);
  #seen: Mark = NO_MARK;

  /** @param size of the file; what was added since is not looked at */
  constructor(files: LogFiles, descriptor: number, isCompressed: boolean, size: number) {
    this.#files = files;
    this.#descriptor = descriptor;
    this.#isCompressed = isCompressed;
    this.#size = size;
  }

  /** To be called first. Null when it was truncated since its size was asked for. */
  traits(): (Pick<Position, "head" | "seen"> & { readonly start: Buffer }) | null {
    if (this.#isCompressed) {
      this.#head = gunzipHead(this.#files, this.#descriptor, HEAD_BYTES_MAX);
    } else {
      const headBytes = Math.min(HEAD_BYTES_MAX, this.#size);
      const head = this.part(headBytes, headBytes);
      const end = this.part(this.#size, Math.min(TAIL_BYTES_MAX, this.#size));
      if (head === null || end === null) return null;
      this.#head = head;
      this.#seen = markOf(end, this.#size);
    }
    const head = markOf(this.#head, this.#head.length);
    return { head, seen: this.#seen, start: this.#head };
  }

  /** Whether it still holds what `traits` found: all that was found between is of one content. */
  isSame(): boolean {
    if (this.#isCompressed || this.#size === 0) return true;
    return (
      this.part(this.#head.length, this.#head.length)?.equals(this.#head) === true &&
      this.#has(this.#seen)
    );
  }

  /** @param known the first bytes, where not only their hash is known */
  async kinship(position: Position, known: Buffer | null): Promise<Kinship> {
    const { bytes, hash } = position.head;
    if (bytes === 0) return "other"; // nothing is known of it
    if (this.#head.length < bytes)
      return this.#isBeginningOf(position, known) ? "shorter" : "other";
    if (markOf(this.#head.subarray(0, bytes), bytes).hash !== hash) return "other";
    return await this.#compareMarks(position);
  }

  /** The `length` bytes that end at `end`; null when the file ends before that. */
  part(end: number, length: number): Buffer | null {
    const bytes = Buffer.allocUnsafe(length);
    const count = this.#files.read(this.#descriptor, bytes, 0, length, end - length);
    return count < length ? null : bytes;
  }

  /** A copy that was made when the file was shorter than its head is now. */
  #isBeginningOf({ marks }: Position, known: Buffer | null): boolean {
    const head = this.#head;
    if (head.length === 0) return false;
    if (known !== null) return known.subarray(0, head.length).equals(head);
    const last = marks.findLast(({ end }) => end <= head.length);
    if (last === undefined) return false;
    return markOf(head.subarray(last.end - last.bytes, last.end), last.end).hash === last.hash;
  }

  async #compareMarks({ marks, seen, offset }: Position): Promise<Kinship> {
    const all = seen.end > offset ? [...marks, seen] : marks;
    for (const mark of all.toReversed()) {
      const found = this.#isCompressed
        ? await this.#plainTail(mark.end, mark.bytes)
        : this.part(mark.end, mark.bytes);
      if (found === null) continue; // it ends before
      if (markOf(found, mark.end).hash !== mark.hash) return "other";
      const isWhole = mark.end >= offset || (await this.#reaches(offset));
      return isWhole ? "same" : "shorter";
    }
    // Programs may begin all their files alike, so that the head alone does not say much.
    if (this.#head.length === HEAD_BYTES_MAX && all.length > 0) return "other";
    return this.#head.length >= offset ? "same" : "shorter";
  }

  #has({ end, bytes, hash }: Mark): boolean {
    const found = this.part(end, bytes);
    return found !== null && markOf(found, end).hash === hash;
  }

  async #reaches(offset: number): Promise<boolean> {
    if (!this.#isCompressed) return this.#size >= offset;
    return (await this.#plainTail(offset, 0)) !== null;
  }

  /** Null when the content ends before `end`. */
  async #plainTail(end: number, length: number): Promise<Buffer | null> {
    const reader = new GzipReader(this.#files, this.#descriptor);
    let kept = Buffer.alloc(0);
    let offset = 0;
    try {
      while (offset < end) {
        const piece = await reader.next();
        if (piece === null) return null;
        const wanted = piece.subarray(0, end - offset);
        offset += wanted.length;
        kept = Buffer.concat([kept, wanted.subarray(-TAIL_BYTES_MAX)]).subarray(-TAIL_BYTES_MAX);
      }
      return kept.subarray(kept.length - length);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return null; // cut off before that
    } finally {
      await reader.close();
    }
  }
}
