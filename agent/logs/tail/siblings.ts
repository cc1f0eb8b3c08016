import { join } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import type { ChainFile, Kinship } from "./chain-state.ts";
import { GzipReader, gunzipHead } from "./gzip-reader.ts";
import type { FileStatus, LogFiles } from "./ports.ts";
import { HEAD_BYTES_MAX, markOf, type Position, TAIL_BYTES_MAX } from "./position.ts";
import { inodeKey } from "./positions.ts";
import { type RotatedName, rotatedName } from "./rotated-names.ts";

/** The newest rotated files of one log that are looked at. */
const SIBLINGS_MAX = 256;
const DIRECTORY_ENTRIES_MAX = 100_000;

export type SiblingFile = ChainFile & FileStatus & { readonly isCompressed: boolean };

/** A file to be compared with what was read. */
export type Sighting = {
  readonly position: Position;
  /** The first bytes, where they are still known and not only their hash. */
  readonly head: Buffer | null;
};

type Named = RotatedName & { readonly path: string; readonly status: FileStatus };

export class Siblings {
  readonly #files: LogFiles;
  readonly #isFollowed: (path: string) => boolean;
  readonly #onFault: (error: OperationalError) => void;

  /** @param isFollowed whether a path is followed by itself, and so is nobody's rotated form */
  constructor(
    files: LogFiles,
    isFollowed: (path: string) => boolean,
    onFault: (error: OperationalError) => void,
  ) {
    this.#files = files;
    this.#isFollowed = isFollowed;
    this.#onFault = onFault;
  }

  /** The rotated forms of `base` in the directory, compared with what was read. */
  async find(
    directory: string,
    base: string,
    sightings: readonly Sighting[],
  ): Promise<readonly SiblingFile[]> {
    const found: SiblingFile[] = [];
    for (const { path, order, compression, status } of await this.#named(directory, base)) {
      if (compression === "other") continue;
      const file = { ...status, path, order, isCompressed: compression === "gzip" };
      const kinship = await this.compare(file, sightings);
      if (kinship !== null) found.push({ ...file, kinship });
    }
    return found;
  }

  /** A text that changes when one of them gets another name. */
  async names(directory: string, base: string): Promise<string> {
    const named = await this.#named(directory, base);
    const keys = named.map(
      ({ path, status }) => `${path} ${inodeKey(status.device, status.inode)}`,
    );
    return keys.sort().join(" ");
  }

  /** Null when it is gone or cannot be read. */
  async compare(
    file: FileStatus & { readonly path: string; readonly isCompressed: boolean },
    sightings: readonly Sighting[],
  ): Promise<ReadonlyMap<number, Kinship> | null> {
    let descriptor: number | null = null;
    try {
      descriptor = this.#files.open(file.path);
      if (descriptor === null) return null;
      const now = this.#files.statusOf(descriptor);
      const isSame = now.inode === file.inode && now.device === file.device;
      if (!isSame || now.kind !== "file") return null;
      return await this.#kinships(descriptor, file, sightings);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#onFault(error);
      return null;
    } finally {
      if (descriptor !== null) this.#files.close(descriptor);
    }
  }

  /**
   * Whether a file begins with all that is in the other: one that is being copied, and will be
   * truncated when the copy is complete.
   */
  beginsWith(file: SiblingFile, copy: SiblingFile): boolean {
    if (copy.size > file.size) return false;
    const descriptors: number[] = [];
    try {
      for (const { path } of [file, copy]) {
        const descriptor = this.#files.open(path);
        if (descriptor === null) return false;
        descriptors.push(descriptor);
      }
      const [first = -1, second = -1] = descriptors;
      const bytes = Math.min(HEAD_BYTES_MAX, copy.size);
      return [0, copy.size - bytes].every((start) => {
        const part = this.#part(first, start, bytes);
        return part?.equals(this.#part(second, start, bytes) ?? Buffer.alloc(0)) === true;
      });
    } finally {
      for (const descriptor of descriptors) this.#files.close(descriptor);
    }
  }

  async #named(directory: string, base: string): Promise<readonly Named[]> {
    const rotated: [string, RotatedName][] = [];
    try {
      await this.#files.list(directory, DIRECTORY_ENTRIES_MAX, (name, kind) => {
        const one = kind === "file" ? rotatedName(name, base) : null;
        if (one !== null && !this.#isFollowed(join(directory, name))) rotated.push([name, one]);
      });
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#onFault(error);
    }
    const plain = new Set(rotated.filter(([, one]) => one.compression === "none").map(([n]) => n));
    const named: Named[] = [];
    for (const [name, one] of rotated) {
      // It is being compressed, and still there as it was.
      if (one.compression !== "none" && plain.has(one.plainName)) continue;
      const path = join(directory, name);
      const status = this.#status(path);
      if (status !== null) named.push({ ...one, path, status });
    }
    named.sort((a, b) => b.status.mtimeMs - a.status.mtimeMs);
    return named.slice(0, SIBLINGS_MAX);
  }

  #status(path: string): FileStatus | null {
    try {
      return this.#files.status(path);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#onFault(error);
      return null;
    }
  }

  async #kinships(
    descriptor: number,
    file: FileStatus & { readonly isCompressed: boolean },
    sightings: readonly Sighting[],
  ): Promise<ReadonlyMap<number, Kinship>> {
    const head = file.isCompressed
      ? gunzipHead(this.#files, descriptor, HEAD_BYTES_MAX)
      : this.#head(descriptor);
    const kinships = new Map<number, Kinship>();
    for (const sighting of sightings) {
      const kinship = hasSameHead(head, sighting)
        ? await this.#compareMarks(descriptor, file, head.length, sighting.position)
        : "other";
      kinships.set(sighting.position.id, kinship);
    }
    return kinships;
  }

  #head(descriptor: number): Buffer {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES_MAX);
    return bytes.subarray(0, this.#files.read(descriptor, bytes, 0, bytes.length, 0));
  }

  async #compareMarks(
    descriptor: number,
    file: FileStatus & { readonly isCompressed: boolean },
    headBytes: number,
    { marks, offset }: Position,
  ): Promise<Kinship> {
    for (const { end, bytes, hash } of marks.toReversed()) {
      const found = file.isCompressed
        ? await this.#plainTail(descriptor, end, bytes)
        : this.#part(descriptor, end - bytes, bytes);
      if (found === null) continue; // it ends before
      if (markOf(found, end).hash !== hash) return "other";
      return end === marks.at(-1)?.end && (file.isCompressed || file.size >= offset)
        ? "same"
        : "shorter";
    }
    if (marks.length === 0) return "same";
    // Programs may begin all their files alike, so that the head alone does not say much.
    return headBytes < HEAD_BYTES_MAX ? "shorter" : "other";
  }

  /** Null when the file ends before that. */
  #part(descriptor: number, start: number, length: number): Buffer | null {
    const bytes = Buffer.allocUnsafe(length);
    return this.#files.read(descriptor, bytes, 0, length, start) < length ? null : bytes;
  }

  /** Null when the content ends before `end`. */
  async #plainTail(descriptor: number, end: number, length: number): Promise<Buffer | null> {
    const reader = new GzipReader(this.#files, descriptor);
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

function hasSameHead(head: Buffer, { position, head: known }: Sighting): boolean {
  const { bytes, hash } = position.head;
  if (head.length >= bytes) return bytes === 0 || markOf(head.subarray(0, bytes), 0).hash === hash;
  // A copy that was made when the file was shorter than its head is now.
  return head.length > 0 && known !== null && known.subarray(0, head.length).equals(head);
}
