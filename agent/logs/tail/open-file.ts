import { strict as assert } from "node:assert";
import type { Labels } from "../../../shared/model/labels.ts";
import type { Emit, ShapedLine, Shaper } from "../shape/shaper.ts";
import { GzipReader } from "./gzip-reader.ts";
import type { LineBatch } from "./line-batch.ts";
import type { FileSource, FileStatus, LogFiles, SourcedLine } from "./ports.ts";
import {
  HEAD_BYTES_MAX,
  MARKS_MAX,
  type Mark,
  markOf,
  NO_MARK,
  type Position,
  TAIL_BYTES_MAX,
  type Traits,
  type Truncation,
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
  /** Set when it was, and is read of a copy. */
  truncation: Truncation | null;
  /** That copy ends before the place where it was read. */
  isShort: boolean;
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
  seenMtimeMs: number;
  mtimeMs: number;
  device: number;
  inode: number;
  readOffset: number;
  readonly #files: LogFiles;
  readonly #batch: LineBatch;
  readonly #source: FileSource;
  readonly #shaper: Shaper;
  /** Emitted, and stored with the next line whose end is above that of the last one. */
  readonly #held: SourcedLine[] = [];
  readonly #labels = new Map<ShapedLine["stream"], Labels>();
  readonly #head = Buffer.alloc(HEAD_BYTES_MAX);
  readonly #tail = Buffer.alloc(TAIL_BYTES_MAX);
  #headBytes = 0;
  #tailBytes = 0;
  #headMark: Mark;
  #seen: Mark;
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
    this.seenMtimeMs = position.mtimeMs;
    this.readOffset = position.offset;
    this.#emittedEnd = position.offset;
    this.#headMark = position.head;
    this.#seen = position.seen;
    this.#marks = position.marks;
    this.truncation = position.truncation;
    this.isShort = position.isShort;
    this.grownAtMs = time.monotonicMs;
    this.caughtUpAtMs = time.monotonicMs;
    this.readAtMs = time.monotonicMs;
    this.#descriptor = descriptor;
    if (position.isCompressed) this.#gzip = new GzipReader(deps.files, descriptor);
    else this.#recall();
    this.#shaper = deps.source.createShaper(position.offset, this.#emit, this.head);
  }

  get isCompressed(): boolean {
    return this.#gzip !== null;
  }

  get isKnown(): boolean {
    return this.#headMark.bytes > 0 || this.#headBytes > 0;
  }

  get hasPending(): boolean {
    return this.#shaper.hasPending;
  }

  /** Now, whether or not anybody looked at it since. */
  unreadBytes(): number {
    if (this.isTruncated || this.isCompressed) return 0;
    const size = this.#files.size(this.#descriptor);
    return Math.max(0, (size < 0 ? this.size : size) - this.readOffset);
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
      seen: this.#seen,
      truncation: this.truncation,
      isShort: this.isShort,
      offset: this.#emittedEnd,
      marks: this.#marks,
      size: this.seenSize,
      mtimeMs: this.seenMtimeMs,
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

  /** It has the size of the last look. */
  hasSameSize(): boolean {
    return this.#files.size(this.#descriptor) === this.size;
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
  moveTo(file: Traits, descriptor: number): void {
    this.close();
    this.#seen = NO_MARK; // the copy may be older
    this.#gzipOffset = 0;
    this.#gzipPiece = Buffer.alloc(0);
    ({ device: this.device, inode: this.inode } = file);
    ({ size: this.size, mtimeMs: this.mtimeMs } = file);
    this.seenMtimeMs = file.mtimeMs;
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

  /**
   * To be called now and then at the end of the file: finishes entries that have waited for long
   * enough, and with `isLast` all that is pending, to which nothing that follows belongs.
   */
  flush(nowMs: number, isLast: boolean): void {
    this.#nowMs = nowMs;
    const emittedBefore = this.#emittedEnd;
    this.#shaper.flush(nowMs, isLast);
    if (this.#emittedEnd > emittedBefore)
      this.#markEmitted(this.#tail.subarray(0, this.#tailBytes));
    assert(!isLast || this.#held.length === 0, "with nothing pending no lines overlap");
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
    // It was empty: what it has now may not be all that it had since.
    const isNew = !this.isKnown && count > 0;
    const isSame =
      !isNew &&
      buffer.compare(this.#tail, 0, overlap, used, used + overlap) === 0 &&
      (overlap > 0 || this.#hasHead(buffer.subarray(used, used + count))) &&
      this.#hasSeen();
    this.isAtEnd = count < overlap + want;
    if (count < overlap || !isSame || (this.isAtEnd && at + count < this.size)) {
      this.isTruncated = true;
      return 0;
    }
    this.seenSize = Math.max(this.size, at + count);
    this.seenMtimeMs = this.mtimeMs;
    if (count > overlap) this.#accept(overlap, count - overlap);
    return count - overlap;
  }

  /** Of the first bytes that are read, for which there is no tail yet. */
  #hasHead(bytes: Buffer): boolean {
    const length = Math.min(bytes.length, this.#headBytes);
    return this.#head.compare(bytes, 0, length, 0, length) === 0;
  }

  /** Asked after a read: what was there before is of the same content. */
  #hasSeen(): boolean {
    const { end, bytes, hash } = this.#seen;
    if (end <= this.readOffset) return true;
    const found = Buffer.allocUnsafe(bytes);
    const count = this.#files.read(this.#descriptor, found, 0, bytes, end - bytes);
    return count === bytes && markOf(found, end).hash === hash;
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
    const headFrom = this.#headBytes - this.readOffset;
    if (headFrom >= 0 && headFrom < count && this.#headBytes < HEAD_BYTES_MAX) {
      const from = used + overlap + headFrom;
      this.#headBytes += buffer.copy(this.#head, this.#headBytes, from, end);
    }
    this.#tailBytes = Math.min(TAIL_BYTES_MAX, overlap + count);
    buffer.copy(this.#tail, 0, end - this.#tailBytes, end);
    this.readOffset += count;
    const emittedBefore = this.#emittedEnd;
    this.#shaper.push(buffer.subarray(used + overlap, end), this.#nowMs);
    assert(this.#emittedEnd <= this.readOffset, "a line ends where it was read to");
    if (this.#emittedEnd > emittedBefore) this.#markEmitted(buffer.subarray(used, end));
  }

  /** @param bytes the last that were read */
  #markEmitted(bytes: Uint8Array): void {
    this.#passSeen();
    const end = bytes.length - (this.readOffset - this.#emittedEnd);
    // An entry is pending that is longer than these: where it begins is not known by its content.
    if (end <= 0) return;
    const last = bytes.subarray(Math.max(0, end - TAIL_BYTES_MAX), end);
    this.#addMark(markOf(last, this.#emittedEnd));
  }

  /**
   * A line whose end is not above that of the one before is stored with those that follow, up to one
   * whose end is: so no batch ends between them.
   */
  readonly #emit: Emit = (line, endOffset) => {
    assert(endOffset >= this.#emittedEnd, "lines are in the order of the file");
    let labels = this.#labels.get(line.stream);
    if (labels === undefined) {
      labels = this.#source.labels(this.path, line.stream);
      this.#labels.set(line.stream, labels);
    }
    const timeUs = line.timeUs ?? this.#nowMs * 1000;
    if (endOffset === this.#emittedEnd) {
      const bytes = line.bytes.slice(line.start, line.end);
      this.#held.push({ labels, timeUs, bytes, isCut: line.isCut });
      return;
    }
    this.#emittedEnd = endOffset;
    if (this.#held.length > 0) this.#addHeld();
    this.#batch.add(labels, timeUs, line);
  };

  #addHeld(): void {
    for (const { labels, timeUs, bytes, isCut } of this.#held) {
      this.#batch.add(labels, timeUs, { bytes, start: 0, end: bytes.length, isCut });
    }
    this.#held.length = 0;
  }

  /** The head and the bytes before the offset: what is there now may be another content already. */
  #recall(): void {
    const [headBytes, tailBytes] = [
      Math.min(HEAD_BYTES_MAX, this.size),
      Math.min(TAIL_BYTES_MAX, this.readOffset),
    ];
    const at = this.readOffset - tailBytes;
    this.#tailBytes = this.#files.read(this.#descriptor, this.#tail, 0, tailBytes, at);
    this.#headBytes = this.#files.read(this.#descriptor, this.#head, 0, headBytes, 0);
    if (this.#tailBytes < tailBytes || !this.#isRecalled() || !this.#hasSeen()) {
      this.isTruncated = true;
      [this.#headBytes, this.#tailBytes] = [0, 0];
    } else if (tailBytes > 0 && this.#marks.at(-1)?.end !== this.readOffset) {
      this.#addMark(markOf(this.#tail.subarray(0, tailBytes), this.readOffset));
    }
  }

  #isRecalled(): boolean {
    const { bytes, hash } = this.#headMark;
    const mark = this.#marks.findLast(({ end }) => end === this.readOffset);
    const tail = this.#tail.subarray(this.#tailBytes - (mark?.bytes ?? 0), this.#tailBytes);
    const isTail = mark === undefined || markOf(tail, mark.end).hash === mark.hash;
    if (this.#headBytes < bytes || !isTail) return false;
    return bytes === 0 || markOf(this.#head.subarray(0, bytes), bytes).hash === hash;
  }

  /** The first and the last are kept, one a look: the newest takes the place of those since. */
  #addMark(mark: Mark): void {
    const older = this.#isMarkOld ? this.#marks : this.#marks.slice(0, -1);
    const [first, ...later] = older;
    this.#marks = first === undefined ? [mark] : [first, ...later.slice(2 - MARKS_MAX), mark];
    this.#isMarkOld = false;
  }

  /** What was seen at first is read by now. */
  #passSeen(): void {
    if (this.#seen.end === 0 || this.#seen.end > this.#emittedEnd) return;
    this.#marks = [...this.#marks, this.#seen];
    this.#isMarkOld = true;
    this.#seen = NO_MARK;
  }

  #markHead(): Mark {
    if (this.#headBytes > this.#headMark.bytes) {
      this.#headMark = markOf(this.head, this.#headBytes);
    }
    return this.#headMark;
  }
}
