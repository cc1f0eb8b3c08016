/**
 * Which paths the patterns of a source match. Directories are listed again only when their mtime
 * changed: an idle look costs one stat for each directory with a pattern in it.
 */
import { join } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import { expandBraces, isLiteral, matchesName, matchesPath, segmentsOf } from "./glob.ts";
import type { EntryKind, LogFiles } from "./ports.ts";

/** Of one directory; the rest is left out and counted. */
const DIRECTORY_ENTRIES_MAX = 100_000;
/** Directories that one source looks into. */
const DIRECTORIES_MAX = 5000;
const DEPTH_MAX = 32; // below a `**`
/** A change within this time of a listing may have the same mtime as the listing saw. */
const MTIME_STEP_MS = 2000;
/** A listing waits so long per entry of the last one: 10 s for 100,000 entries. */
const LIST_PAUSE_MS_PER_ENTRY = 0.1;
const LIST_AGAIN_MS = 60_000; // some file systems do not keep the mtime of a directory

export type Found = {
  /** Sorted, none twice. */
  readonly paths: readonly string[];
  /** Entries, directories or paths beyond the limits. */
  readonly leftOut: number;
};

type Listing = {
  readonly directory: string;
  readonly mtimeMs: number;
  readonly listedAtMs: number;
  readonly entries: number;
  readonly isWhole: boolean;
  readonly names: readonly { readonly name: string; readonly kind: EntryKind }[];
};

export class FileFinder {
  readonly #files: LogFiles;
  readonly #include: readonly (readonly string[])[];
  readonly #exclude: readonly string[];
  readonly #pathsMax: number;
  readonly #onFault: (error: OperationalError) => void;
  /** By directory and segment of a pattern. */
  #listings = new Map<string, Listing>();
  #used = new Map<string, Listing>();
  #found: Set<string> = new Set();
  #leftOut = 0;
  #last: Found | null = null;
  /** What was found can change only together with a directory that was listed. */
  #isSure = true;

  /** @throws OperationalError CONFIG when a pattern is invalid */
  constructor(
    files: LogFiles,
    patterns: { readonly include: readonly string[]; readonly exclude: readonly string[] },
    pathsMax: number,
    onFault: (error: OperationalError) => void,
  ) {
    this.#files = files;
    this.#include = patterns.include.flatMap(expandBraces).map(segmentsOf);
    this.#exclude = patterns.exclude.flatMap(expandBraces);
    this.#pathsMax = pathsMax;
    this.#onFault = onFault;
  }

  /**
   * Paths of a literal pattern are found whether or not they are there. The same object as before as
   * long as nothing has changed.
   */
  async find(nowMs: number): Promise<Found> {
    if (this.#last !== null && this.#isUnchanged(nowMs)) return this.#last;
    this.#isSure = true;
    this.#found = new Set();
    this.#used = new Map();
    this.#leftOut = 0;
    for (const segments of this.#include) await this.#walk("/", segments, nowMs, 0);
    this.#listings = this.#used;
    const found = { paths: [...this.#found].sort(), leftOut: this.#leftOut };
    this.#last = this.#isSure ? found : null;
    return found;
  }

  #isUnchanged(nowMs: number): boolean {
    for (const listing of this.#listings.values()) {
      const mtimeMs = this.#guard(() => this.#files.status(listing.directory))?.mtimeMs;
      if (mtimeMs === undefined || isDue(listing, mtimeMs, nowMs)) return false;
    }
    return true;
  }

  isMatch(path: string): boolean {
    const isIncluded = this.#include.some((segments) =>
      matchesPath(`/${segments.join("/")}`, path),
    );
    return isIncluded && !this.#isExcluded(path);
  }

  async #walk(
    directory: string,
    segments: readonly string[],
    nowMs: number,
    depth: number,
  ): Promise<void> {
    const [segment, ...rest] = segments;
    if (segment === undefined) return;
    if (segment === "**") return await this.#walkBelow(directory, rest, nowMs, depth);
    if (isLiteral(segment)) {
      const path = join(directory, segment);
      if (rest.length === 0) this.#add(path);
      else await this.#walk(path, rest, nowMs, depth);
      return;
    }
    for (const { name, kind } of await this.#list(directory, segment, nowMs)) {
      const path = join(directory, name);
      if (rest.length > 0) {
        if (kind !== "file" && kind !== "other") await this.#walk(path, rest, nowMs, depth);
      } else if (kind === "file" || (kind === "link" && this.#isFile(path))) this.#add(path);
    }
  }

  /** Links to directories are not followed here, so no loop is possible. */
  async #walkBelow(
    directory: string,
    rest: readonly string[],
    nowMs: number,
    depth: number,
  ): Promise<void> {
    await this.#walk(directory, rest.length === 0 ? ["*"] : rest, nowMs, depth);
    if (depth === DEPTH_MAX) {
      this.#leftOut += 1;
      return;
    }
    for (const { name, kind } of await this.#list(directory, "**", nowMs)) {
      if (kind !== "directory") continue;
      await this.#walkBelow(join(directory, name), rest, nowMs, depth + 1);
    }
  }

  #add(path: string): void {
    if (this.#isExcluded(path) || this.#found.has(path)) return;
    if (this.#found.size < this.#pathsMax) this.#found.add(path);
    else this.#leftOut += 1;
  }

  #isExcluded(path: string): boolean {
    return this.#exclude.some((pattern) => matchesPath(pattern, path));
  }

  #isFile(path: string): boolean {
    const isFile = this.#guard(() => this.#files.status(path)?.kind === "file") ?? false;
    if (!isFile) this.#isSure = false; // what a link leads to may come later
    return isFile;
  }

  async #list(directory: string, segment: string, nowMs: number): Promise<Listing["names"]> {
    const key = `${directory}\u0000${segment}`;
    const known = this.#used.get(key) ?? this.#listings.get(key);
    const mtimeMs = this.#guard(() => this.#files.status(directory))?.mtimeMs;
    if (mtimeMs === undefined) {
      this.#isSure = false;
      return [];
    }
    if (this.#used.size >= DIRECTORIES_MAX) {
      this.#leftOut += 1;
      return [];
    }
    const listing =
      known !== undefined && !isDue(known, mtimeMs, nowMs)
        ? known
        : await this.#read(directory, segment, mtimeMs, nowMs);
    this.#used.set(key, listing);
    if (!listing.isWhole) this.#leftOut += 1;
    return listing.names;
  }

  async #read(
    directory: string,
    segment: string,
    mtimeMs: number,
    nowMs: number,
  ): Promise<Listing> {
    const names: { name: string; kind: EntryKind }[] = [];
    let entries = 0;
    let isWhole = false;
    try {
      isWhole = await this.#files.list(directory, DIRECTORY_ENTRIES_MAX, (name, kind) => {
        entries += 1;
        const isWanted =
          segment === "**"
            ? kind === "directory" && !name.startsWith(".")
            : matchesName(segment, name);
        if (isWanted) names.push({ name, kind });
      });
    } catch (error) {
      this.#fault(error);
    }
    return { directory, mtimeMs, listedAtMs: nowMs, entries, isWhole, names };
  }

  #guard<T>(work: () => T): T | null {
    try {
      return work();
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

function isDue(known: Listing, mtimeMs: number, nowMs: number): boolean {
  const ageMs = nowMs - known.listedAtMs;
  if (ageMs < 0) return true; // the clock was set back
  if (ageMs < known.entries * LIST_PAUSE_MS_PER_ENTRY) return false;
  if (ageMs >= LIST_AGAIN_MS) return true;
  return mtimeMs !== known.mtimeMs || mtimeMs > known.listedAtMs - MTIME_STEP_MS;
}
