import { join } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import type { ChainFile } from "./chain-state.ts";
import { FileContent } from "./file-content.ts";
import type { FileStatus, LogFiles } from "./ports.ts";
import { HEAD_BYTES_MAX, type Position, type Traits } from "./position.ts";
import { inodeKey } from "./positions.ts";
import { basesOfRotated, type RotatedName, rotatedName } from "./rotated-names.ts";

/** The newest rotated files of one log that are looked at. */
const SIBLINGS_MAX = 256;
const DIRECTORY_ENTRIES_MAX = 100_000;
const LISTINGS_MAX = 64;
/** A change within this time of a listing may have the same mtime as the listing saw. */
const MTIME_STEP_MS = 20;

export type SiblingFile = ChainFile &
  Traits &
  Pick<FileStatus, "birthMs"> & { /** The first bytes. */ readonly start: Buffer };

/** A file to be compared with what was read. */
export type Sighting = {
  readonly position: Position;
  /** The first bytes, where they are still known and not only their hash. */
  readonly head: Buffer | null;
};

/** Names of rotated files by what they are rotated of. */
type Listing = {
  readonly mtimeMs: number;
  readonly listedAtMs: number;
  readonly byBase: ReadonlyMap<string, readonly string[]>;
};

type Named = RotatedName & { readonly path: string; readonly status: FileStatus };

export class Siblings {
  readonly #files: LogFiles;
  readonly #isFollowed: (path: string) => boolean;
  readonly #onFault: (error: OperationalError) => void;
  readonly #listings = new Map<string, Listing>();

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
    nowMs: number,
  ): Promise<readonly SiblingFile[]> {
    const found: SiblingFile[] = [];
    for (const { path, order, compression } of await this.named(directory, base, nowMs)) {
      if (compression === "other") continue;
      try {
        const file = await this.compare(path, order, compression === "gzip", sightings);
        if (file !== null) found.push(file);
      } catch (error) {
        this.#fault(error);
      }
    }
    return found;
  }

  /** A text that changes when one of them gets another name. */
  async names(directory: string, base: string, nowMs: number): Promise<string> {
    const named = await this.named(directory, base, nowMs);
    const keys = named.map(
      ({ path, status }) => `${path} ${inodeKey(status.device, status.inode)}`,
    );
    return keys.sort().join(" ");
  }

  /**
   * Null when it is gone, no file, or was truncated meanwhile.
   * @throws OperationalError UNAVAILABLE when it cannot be read
   */
  async compare(
    path: string,
    order: ChainFile["order"],
    isCompressed: boolean,
    sightings: readonly Sighting[],
  ): Promise<SiblingFile | null> {
    const descriptor = this.#files.open(path);
    if (descriptor === null) return null;
    try {
      const status = this.#files.statusOf(descriptor);
      if (status.kind !== "file") return null;
      const content = new FileContent(this.#files, descriptor, isCompressed, status.size);
      const traits = content.traits();
      if (traits === null) return null;
      const kinship = new Map<number, "same" | "shorter" | "other">();
      for (const { position, head } of sightings) {
        kinship.set(position.id, await content.kinship(position, head));
      }
      if (!content.isSame()) return null;
      const { kind: _, ...rest } = status;
      return { path, ...rest, isCompressed, order, kinship, ...traits };
    } finally {
      this.#files.close(descriptor);
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
      const [first, second] = descriptors.map((descriptor) => {
        return new FileContent(this.#files, descriptor, false, copy.size);
      });
      const bytes = Math.min(HEAD_BYTES_MAX, copy.size);
      return [bytes, copy.size].every((end) => {
        const part = first?.part(end, bytes);
        return part?.equals(second?.part(end, bytes) ?? Buffer.alloc(0)) === true;
      });
    } finally {
      for (const descriptor of descriptors) this.#files.close(descriptor);
    }
  }

  /** The rotated forms of `base` in the directory, those written last first. */
  async named(directory: string, base: string, nowMs: number): Promise<readonly Named[]> {
    const rotated: [string, RotatedName][] = [];
    for (const name of (await this.#listing(directory, nowMs)).byBase.get(base) ?? []) {
      const one = rotatedName(name, base);
      if (one !== null && !this.#isFollowed(join(directory, name))) rotated.push([name, one]);
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

  /** Of all logs of a directory at once; it is read again when it has changed. */
  async #listing(directory: string, nowMs: number): Promise<Listing> {
    const mtimeMs = this.#status(directory)?.mtimeMs ?? Number.POSITIVE_INFINITY;
    const known = this.#listings.get(directory);
    if (known?.mtimeMs === mtimeMs && mtimeMs < known.listedAtMs - MTIME_STEP_MS) return known;
    const byBase = new Map<string, string[]>();
    try {
      await this.#files.list(directory, DIRECTORY_ENTRIES_MAX, (name, kind) => {
        if (kind !== "file") return;
        for (const base of basesOfRotated(name)) getOrInsert(byBase, base, () => []).push(name);
      });
    } catch (error) {
      this.#fault(error);
    }
    const listing = { mtimeMs, listedAtMs: nowMs, byBase };
    if (this.#listings.size >= LISTINGS_MAX) this.#listings.clear();
    this.#listings.set(directory, listing);
    return listing;
  }

  #status(path: string): FileStatus | null {
    try {
      return this.#files.status(path);
    } catch (error) {
      this.#fault(error);
      return null;
    }
  }

  #fault(error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    this.#onFault(error);
  }
}
