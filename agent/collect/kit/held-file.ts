import { closeSync, openSync } from "node:fs";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";
import { loadPread } from "../../../shared/platform/pread.ts";
import { ByteScanner } from "./byte-scanner.ts";

const pread = loadPread();

/** Of a larger file the first lines are read: 10,000 mounts take 9 MB, so few files get here. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;
const BUFFER_BYTES_FIRST = 16 * 1024;
const NEWLINE = 10;

/**
 * A read of a file of many records ends early only when the next record does not fit into the
 * kernel's buffer, which has at least a page. So where records are short, a read of less than a page
 * without the longest record reached the end; of others only 0 bytes is the end.
 * Source: kernel, fs/seq_file.c (seq_read_iter).
 */
const PART_BYTES_MIN = 4096 - 1024;

/** What a read found. */
export const SAME = 0; // the bytes of the last read
export const CHANGED = 1;
export const MISSING = 2; // no such file here, or this kernel does not serve it
export const GONE = 3; // it was there at the last read: its cgroup was removed

/** One buffer for all files; what is in it is valid until the next read of any file. */
export class ReadBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_FIRST);

  /** Doubles; keeps the content. False when it has its full size. */
  grow(): boolean {
    if (this.bytes.length >= FILE_BYTES_MAX) return false;
    const larger = Buffer.allocUnsafeSlow(this.bytes.length * 2);
    this.bytes.copy(larger);
    this.bytes = larger;
    return true;
  }
}

export type HeldFileOptions = {
  /**
   * The kernel hands out a file of many records (a line per network device, per process) by the
   * page, so a short read is not the end. A file that it makes in one piece comes in one read.
   */
  readonly hasManyRecords?: boolean;
  /** As `hasManyRecords`, where a record may have more than 1 KiB: a mount, a disk, a CPU. */
  readonly hasLongRecords?: boolean;
  /** Tell SAME from CHANGED. Not worth it where the file is one number. */
  readonly comparesBytes?: boolean;
};

/**
 * A /proc, /sys or cgroup file that stays open and is read again and again from its start: opening
 * costs several times what reading does.
 */
export class HeldFile {
  readonly path: string;
  /** Bytes of the last read, at the start of the buffer. */
  length = 0;
  /** Whether the last read left out lines behind FILE_BYTES_MAX. */
  isCut = false;
  readonly #buffer: ReadBuffer;
  /** A read of fewer bytes was the last. */
  readonly #partBytesMin: number;
  readonly #comparesBytes: boolean;
  #descriptor = -1;
  #last: Buffer | null = null;
  #lastLength = -1;

  constructor(path: string, buffer: ReadBuffer, options: HeldFileOptions = {}) {
    this.path = path;
    this.#buffer = buffer;
    const { hasManyRecords = false, hasLongRecords = false } = options;
    const shortBytesMin = hasManyRecords ? PART_BYTES_MIN : Number.POSITIVE_INFINITY;
    this.#partBytesMin = hasLongRecords ? 1 : shortBytesMin;
    this.#comparesBytes = options.comparesBytes ?? true;
  }

  get isOpen(): boolean {
    return this.#descriptor >= 0;
  }

  /** False when there is no such file. @throws OperationalError UNAVAILABLE for other reasons */
  open(): boolean {
    if (this.#descriptor >= 0) return true;
    try {
      this.#descriptor = openSync(this.path, "r");
      return true;
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT" || code === "ENOTDIR" || code === "ENODEV") return false;
      throw unreadable(this.path, error);
    }
  }

  /**
   * Reads the file into the buffer; opens it if it is not.
   * @throws OperationalError UNAVAILABLE when it cannot be read
   */
  read(): number {
    if (this.#descriptor < 0 && !this.open()) return MISSING;
    try {
      this.length = this.#readAll();
    } catch (error) {
      this.close();
      const code = systemCode(error);
      if (code === "ENODEV" || code === "ENOENT" || code === "ESRCH") return GONE;
      // A controller or pressure accounting that is switched off.
      if (code === "EOPNOTSUPP" || code === "ENOTSUP" || code === "EINVAL") return MISSING;
      throw unreadable(this.path, error);
    }
    return this.#comparesBytes ? this.#compare() : CHANGED;
  }

  /** What the last read found; valid until the next read of any file. */
  scan(): ByteScanner {
    return new ByteScanner(this.#buffer.bytes, this.length);
  }

  close(): void {
    if (this.#descriptor < 0) return;
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    this.#lastLength = -1;
    closeSync(descriptor);
  }

  #readAll(): number {
    const buffer = this.#buffer;
    let length = 0;
    this.isCut = false;
    for (;;) {
      const room = buffer.bytes.length - length;
      const count = pread(this.#descriptor, buffer.bytes, length, room, length);
      length += count;
      if (count < room) {
        if (count < this.#partBytesMin) return length;
      } else if (!buffer.grow()) {
        this.isCut = true;
        return buffer.bytes.lastIndexOf(NEWLINE, length - 1) + 1;
      }
    }
  }

  #compare(): number {
    const bytes = this.#buffer.bytes;
    const length = this.length;
    const last = this.#last;
    const isSame =
      last !== null &&
      length === this.#lastLength &&
      bytes.compare(last, 0, length, 0, length) === 0;
    if (isSame) return SAME;
    // A little longer than needed: counters grow by a digit now and then.
    if (last === null || last.length < length) {
      this.#last = Buffer.allocUnsafeSlow(length + 32);
    }
    bytes.copy(this.#last as Buffer, 0, 0, length);
    this.#lastLength = length;
    return CHANGED;
  }
}

/** The whole of a file that is read once; null when it is not there, or not ours to read. */
export function readOnce(path: string, buffer: ReadBuffer): string | null {
  const file = new HeldFile(path, buffer, { hasManyRecords: true, comparesBytes: false });
  try {
    return file.read() < MISSING ? buffer.bytes.toString("utf8", 0, file.length) : null;
  } catch {
    return null;
  } finally {
    file.close();
  }
}

function unreadable(path: string, cause: unknown): OperationalError {
  return new OperationalError("UNAVAILABLE", `Cannot read ${path}: ${errorMessage(cause)}`, {
    cause,
  });
}
