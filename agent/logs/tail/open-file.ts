import { strict as assert } from "node:assert";
import type { Labels } from "../../../shared/model/labels.ts";
import { GzipReader } from "./gzip-reader.ts";
import type { LineBatch } from "./line-batch.ts";
import type { FileSource, FileStatus, LogFiles, ShapedLine, Shaper } from "./ports.ts";
import {
  HEAD_BYTES_MAX,
  MARKS_MAX,
  type Mark,
  markOf,
  type Position,
  TAIL_BYTES_MAX,
} from "./position.ts";

/** One system call reads at most so much. */
const READ_BYTES = 256 * 1024;

export type ReadTime = { readonly nowMs: number; readonly monotonicMs: number };

/**
 * A file that is read. `emittedEnd <= readOffset`: what lies between is in the shaper, and is read
 * again after a restart. Each read begins with the last bytes of the one before, so a file that was
 * truncated and has grown past the offset since is noticed before anything of it is taken.
 */
export class OpenFile {
  readonly id: number;
  readonly path: string;
  /** Its content is gone from the place where it was read. */
  isTruncated = false;
  /** Set when it was: its size before, and how long it may have been written unseen. */
  truncation: { readonly size: number; readonly windowMs: number } | null = null;
  /** The last read found nothing more. */
  isAtEnd = false;
  /** Monotonic: when it was last seen to grow or read to its end. */
  grownAtMs: number;
  caughtUpAtMs: number;
  /** Monotonic: when a read last gave something or came to the end. */
  readAtMs: number;
  size: number;
  /** The size at the last look after which its content was found to be the same. */
  seenSize: number;
  mtimeMs: number;
  device: number;
  inode: number;
  readOffset: number;
  readonly #files: LogFiles;
  readonly #batch: LineBatch;
  readonly #source: FileSource;
  readonly #shaper: Shaper;
  readonly #labels = new Map<ShapedLine["stream"], Labels>();
  readonly #head = Buffer.alloc(HEAD_BYTES_MAX);
  readonly #tail = Buffer.alloc(TAIL_BYTES_MAX);
  #headBytes = 0;
  #tailBytes = 0;
  #headMark: Mark;
  #marks: readonly Mark[];
  /** The newest mark was made before the last look. */
  #isMarkOld = true;
  #emittedEnd: number;
  #descriptor: number;
  #gzip: GzipReader | null = null;
  /** Content of the compressed file that is skipped, since it was read. */
  #gzipOffset = 0;
  #gzipPiece: Buffer = Buffer.alloc(0);
  #nowMs = 0;

  /** @param descriptor is its own from now on, as is what it takes of the batch */
  constructor(
    deps: { readonly files: LogFiles; readonly batch: LineBatch; readonly source: FileSource },
    position: Position,
    descriptor: number,
    time: ReadTime,
  ) {
    this.#files = deps.files;
    this.#batch = deps.batch;
    this.#source = deps.source;
    ({ id: this.id, path: this.path } = position);
    ({ device: this.device, inode: this.inode } = position);
    ({ size: this.size, mtimeMs: this.mtimeMs } = position);
    this.seenSize = position.size;
    // What names the source may be gone by the time when the first line is whole.
    this.#labels.set("", deps.source.labels(position.path, ""));
    this.readOffset = position.offset;
    this.#emittedEnd = position.offset;
    this.#headMark = position.head;
    this.#marks = position.marks;
    this.grownAtMs = time.monotonicMs;
    this.caughtUpAtMs = time.monotonicMs;
    this.readAtMs = time.monotonicMs;
    this.#shaper = deps.source.createShaper(position.offset, this.#emit);
    this.#descriptor = descriptor;
    if (position.isCompressed) this.#gzip = new GzipReader(deps.files, descriptor);
    else this.#recall();
  }

  get isCompressed(): boolean {
    return this.#gzip !== null;
  }

  get hasPending(): boolean {
    return this.#shaper.hasPending;
  }

  get unreadBytes(): number {
    return this.isTruncated || this.isCompressed ? 0 : Math.max(0, this.size - this.readOffset);
  }

  /** As it is to be kept; all lines emitted so far have to go to the sink along with it. */
  position(isDone: boolean): Position {
    return {
      id: this.id,
      path: this.path,
      device: this.device,
      inode: this.inode,
      isCompressed: this.isCompressed,
      head: this.#markHead(),
      offset: this.#emittedEnd,
      marks: this.#marks,
      size: this.seenSize,
      mtimeMs: this.mtimeMs,
      isDone,
    };
  }

  /** What a copy of it is compared with: all that was read, whether or not it is in lines yet. */
  sighting(): Position {
    const position = this.position(false);
    if (this.isCompressed || this.readOffset === this.#emittedEnd) return position;
    const mark = markOf(this.#tail.subarray(0, this.#tailBytes), this.readOffset);
    return { ...position, marks: [...position.marks, mark], offset: this.readOffset };
  }

  /** The first bytes, as far as they were read or found. */
  get head(): Buffer {
    return this.#head.subarray(0, this.#headBytes);
  }

  statusOfDescriptor(): FileStatus {
    return this.#files.statusOf(this.#descriptor);
  }

  /** At each look; true when it changed since the last. */
  noteStatus({ size, mtimeMs }: FileStatus, { monotonicMs }: ReadTime): boolean {
    this.#isMarkOld = true;
    const hasChanged = size !== this.size || mtimeMs !== this.mtimeMs;
    if (hasChanged) this.grownAtMs = monotonicMs;
    this.size = size;
    this.mtimeMs = mtimeMs;
    return hasChanged;
  }

  /** Compares the first bytes of the file with those that it had. */
  checkHead(): void {
    if (this.isCompressed || this.#headBytes === 0) return;
    const bytes = Buffer.allocUnsafe(this.#headBytes);
    const count = this.#files.read(this.#descriptor, bytes, 0, bytes.length, 0);
    if (count < bytes.length || !bytes.equals(this.head)) this.isTruncated = true;
  }

  /** Goes on in a copy of what it read, from where it stands. */
  moveTo(file: FileStatus & { readonly isCompressed: boolean }, descriptor: number): void {
    this.#files.close(this.#descriptor);
    ({ device: this.device, inode: this.inode } = file);
    ({ size: this.size, mtimeMs: this.mtimeMs } = file);
    this.#descriptor = descriptor;
    this.#gzip = file.isCompressed ? new GzipReader(this.#files, descriptor) : null;
    this.isTruncated = false;
    this.isAtEnd = false;
  }

  /** Reads on and hands it to the shaper: at most `bytesMax`, and what the batch has room for. */
  async read(bytesMax: number, time: ReadTime): Promise<number> {
    this.#nowMs = time.nowMs;
    const want = Math.min(bytesMax, READ_BYTES, this.#batch.room - this.#tailBytes);
    assert(want > 0, "the batch has room");
    const count =
      this.#gzip === null ? this.#readPlain(want) : await this.#readGzip(this.#gzip, want);
    if (count > 0) this.grownAtMs = time.monotonicMs;
    if (this.isAtEnd) this.caughtUpAtMs = time.monotonicMs;
    if (count > 0 || this.isAtEnd) this.readAtMs = time.monotonicMs;
    return count;
  }

  /** Finishes what is pending: nothing that follows belongs to it. */
  flush(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#shaper.flush(nowMs);
  }

  close(): void {
    void this.#gzip?.close();
    this.#files.close(this.#descriptor);
  }

  #readPlain(want: number): number {
    const { buffer, used } = this.#batch;
    const overlap = this.#tailBytes;
    const at = this.readOffset - overlap;
    const count = this.#files.read(this.#descriptor, buffer, used, overlap + want, at);
    const isSame =
      buffer.compare(this.#tail, 0, overlap, used, used + overlap) === 0 &&
      (overlap > 0 || this.#hasHead(buffer.subarray(used, used + count)));
    this.isAtEnd = count < overlap + want;
    if (count < overlap || !isSame || (this.isAtEnd && at + count < this.size)) {
      this.isTruncated = true;
      return 0;
    }
    this.seenSize = Math.max(this.size, at + count);
    if (count > overlap) this.#accept(overlap, count - overlap);
    return count - overlap;
  }

  /** Of the first bytes that are read, for which there is no tail yet. */
  #hasHead(bytes: Buffer): boolean {
    const length = Math.min(bytes.length, this.#headBytes);
    return this.#head.compare(bytes, 0, length, 0, length) === 0;
  }

  async #readGzip(gzip: GzipReader, want: number): Promise<number> {
    while (this.#gzipPiece.length === 0) {
      const piece = await gzip.next();
      if (piece === null) {
        this.isAtEnd = true;
        return 0;
      }
      const skip = Math.min(piece.length, Math.max(0, this.readOffset - this.#gzipOffset));
      this.#gzipOffset += piece.length;
      this.#gzipPiece = piece.subarray(skip);
    }
    const count = Math.min(want, this.#gzipPiece.length);
    const { buffer, used } = this.#batch;
    this.#tail.copy(buffer, used, 0, this.#tailBytes);
    this.#gzipPiece.copy(buffer, used + this.#tailBytes, 0, count);
    this.#gzipPiece = this.#gzipPiece.subarray(count);
    this.#accept(this.#tailBytes, count);
    return count;
  }

  /** The batch's next bytes are `overlap` that were read before, and `count` that follow. */
  #accept(overlap: number, count: number): void {
    const { buffer, used } = this.#batch;
    const end = used + overlap + count;
    this.#batch.take(overlap + count);
    if (this.#headBytes === this.readOffset && this.#headBytes < HEAD_BYTES_MAX) {
      this.#headBytes += buffer.copy(this.#head, this.#headBytes, used + overlap, end);
    }
    this.#tailBytes = Math.min(TAIL_BYTES_MAX, overlap + count);
    buffer.copy(this.#tail, 0, end - this.#tailBytes, end);
    this.readOffset += count;
    const emittedBefore = this.#emittedEnd;
    this.#shaper.push(buffer.subarray(used + overlap, end), this.#nowMs);
    assert(this.#emittedEnd <= this.readOffset, "a line ends where it was read to");
    if (this.#emittedEnd === emittedBefore) return;
    const markEnd = end - (this.readOffset - this.#emittedEnd);
    if (markEnd <= used) return;
    const from = Math.max(used, markEnd - TAIL_BYTES_MAX);
    this.#addMark(markOf(buffer.subarray(from, markEnd), this.#emittedEnd));
  }

  readonly #emit = (line: ShapedLine, endOffset: number): void => {
    assert(endOffset >= this.#emittedEnd, "lines are in the order of the file");
    this.#emittedEnd = endOffset;
    let labels = this.#labels.get(line.stream);
    if (labels === undefined) {
      labels = this.#source.labels(this.path, line.stream);
      this.#labels.set(line.stream, labels);
    }
    this.#batch.add(labels, line.timeUs ?? this.#nowMs * 1000, line);
  };

  /** The head and the bytes before the offset, of a file that is opened in the middle. */
  #recall(): void {
    const headBytes = Math.min(HEAD_BYTES_MAX, this.size);
    this.#headBytes = this.#files.read(this.#descriptor, this.#head, 0, headBytes, 0);
    const tailBytes = Math.min(TAIL_BYTES_MAX, this.readOffset);
    const at = this.readOffset - tailBytes;
    this.#tailBytes = this.#files.read(this.#descriptor, this.#tail, 0, tailBytes, at);
    if (this.#tailBytes < tailBytes) this.isTruncated = true;
    if (this.#tailBytes === 0 || this.#marks.at(-1)?.end === this.readOffset) return;
    this.#addMark(markOf(this.#tail.subarray(0, this.#tailBytes), this.readOffset));
  }

  /** One a look is kept: the newest takes the place of those since. */
  #addMark(mark: Mark): void {
    const older = this.#isMarkOld ? this.#marks : this.#marks.slice(0, -1);
    this.#marks = [...older.slice(1 - MARKS_MAX), mark];
    this.#isMarkOld = false;
  }

  #markHead(): Mark {
    if (this.#headBytes > this.#headMark.bytes) {
      this.#headMark = markOf(this.head, this.#headBytes);
    }
    return this.#headMark;
  }
}
