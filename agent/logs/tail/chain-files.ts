import { basename, dirname } from "node:path/posix";
import { directoriesOf } from "./directory-times.ts";
import type { OpenFile } from "./open-file.ts";
import type { OpenDeps, OpenFiles } from "./open-files.ts";
import type { FileStatus } from "./ports.ts";
import { newPosition, type Position } from "./position.ts";
import { inodeKey } from "./positions.ts";
import { compareRotation } from "./rotated-names.ts";
import type { SiblingFile, Siblings, Sighting } from "./siblings.ts";

export type ChainDeps = OpenDeps & { readonly siblings: Siblings };

/** Where reading of a path begins of which nothing was read before. */
export type Beginning = {
  readonly at: "start" | "end";
  /** A rotated file of it that was written since then is read too. */
  readonly writtenAfterMs: number;
};

/** What is there now of the files that a path has and had, all at one moment. */
export type Snapshot = {
  /** Oldest first. */
  readonly positions: readonly Position[];
  /** But for one that is a copy of `current` so far. */
  readonly files: readonly SiblingFile[];
  /** Null: nothing has the path, or another follower reads it. */
  readonly current: SiblingFile | null;
  /** Of the path, and of the file that it leads to. */
  readonly directories: string;
};

/** A copy that is being made is not empty for longer. */
const COPY_BEGINS_MS = 500;

export class ChainFiles {
  readonly #deps: ChainDeps;
  readonly #path: string;
  readonly #open: OpenFiles;
  /** The file that has the path is read under another one. */
  #alias = "";

  constructor(deps: ChainDeps, path: string, open: OpenFiles) {
    this.#deps = deps;
    this.#path = path;
    this.#open = open;
  }

  isAlias(status: FileStatus | null): boolean {
    if (status === null) return false;
    const key = inodeKey(status.device, status.inode);
    return this.#alias === key && this.#deps.owners.has(key);
  }

  /**
   * Null when something was renamed, truncated or copied meanwhile. What has the path is looked at
   * before the others: when it was truncated already, its copy is complete.
   * @param isFromEnd rotated files are not read as long as nothing was read of the path
   * @throws OperationalError UNAVAILABLE when what has the path cannot be read
   */
  async snapshot(nowMs: number, isFromEnd: boolean): Promise<Snapshot | null> {
    const real = this.#deps.files.resolve(this.#path) ?? this.#path;
    const [directory, name] = [dirname(real), basename(real)];
    const before = await this.#names(directory, name, nowMs);
    const sightings = this.#sightings();
    const current = await this.#current(sightings);
    if (current === "changing") return null;
    const rotated = await this.#deps.siblings.find(directory, name, sightings, nowMs);
    const newest = rotated.reduce<SiblingFile | null>((a, b) => (isNewer(b, a) ? b : a), null);
    const isCopyAwaited = sightings.length > 0 || !isFromEnd;
    if (isCopyAwaited && newest !== null && isBeginning(newest, nowMs)) return null;
    const copy = newest !== null && this.#isCopyOf(newest, current) ? newest : null;
    if (current !== null && !(await this.#isStill(current))) return null;
    if (before !== (await this.#names(directory, name, nowMs))) return null;
    const files = rotated.filter((file) => file !== copy);
    // The copy may be older than what was added since: it is known by what it has.
    if (current !== null) files.push({ ...current, seen: copy?.seen ?? current.seen });
    const positions = sightings.map(({ position }) => position);
    const compared = files.map((file) => this.#withOpen(file, files));
    const directories = directoriesOf([dirname(this.#path), directory]);
    return {
      positions,
      files: compared,
      current: current && (compared.at(-1) ?? null),
      directories,
    };
  }

  /**
   * What there is to read of files that are not open, by their names, sizes and times alone: at most
   * so much of what is copied and truncated, at least so much of what is compressed.
   * @param status of what has the path now
   */
  async unopenedBytes(
    status: FileStatus | null,
    beginning: Beginning & { readonly firstSeen: FileStatus | null },
    nowMs: number,
  ): Promise<number> {
    const real = this.#deps.files.resolve(this.#path) ?? this.#path;
    const rotated = await this.#deps.siblings.named(dirname(real), basename(real), nowMs);
    const positions = this.#deps.positions.ofPath(this.#path);
    const afterMs = positions.at(-1)?.mtimeMs ?? beginning.writtenAfterMs;
    const first = beginning.at === "end" ? beginning.firstSeen : null;
    const unreadOf = (file: FileStatus, isCurrent: boolean): number => {
      const isOpen = (one: OpenFile) => isSameFile(one, file) && !one.isTruncated;
      if (this.#open.list.some(isOpen)) return 0;
      const known = positions.find((one) => isSameFile(one, file));
      const isFirst = known === undefined && first !== null && isSameFile(first, file);
      const offset = known?.offset ?? (isFirst ? first.size : 0);
      if (known === undefined && !isCurrent && file.mtimeMs <= afterMs) return 0;
      return offset <= file.size ? file.size - offset : file.size; // it was truncated
    };
    const current = status?.kind === "file" ? unreadOf(status, true) : 0;
    return rotated.reduce((sum, file) => sum + unreadOf(file.status, false), current);
  }

  /** What was read of the path, for a file to be compared with. */
  #sightings(): Sighting[] {
    const { positions } = this.#deps;
    return positions.ofPath(this.#path).map((kept) => {
      const file = this.#open.byId(kept.id);
      const position = file === undefined ? kept : { ...file.sighting(), isDone: kept.isDone };
      return { position, head: positions.headOf(kept.id) };
    });
  }

  /** What has the path, unless another follower reads it. */
  async #current(sightings: Sighting[]): Promise<SiblingFile | null | "changing"> {
    this.#alias = "";
    const status = this.#deps.files.status(this.#path);
    if (status === null || status.kind !== "file") return null;
    const key = inodeKey(status.device, status.inode);
    const owner = this.#deps.owners.get(key);
    if (owner !== undefined && owner !== this.#open) {
      this.#alias = key;
      return null;
    }
    await this.#adopt(status, sightings);
    const file = await this.#deps.siblings.compare(this.#path, null, false, sightings);
    return file !== null && isSameFile(file, status) ? file : "changing";
  }

  /** Changes when any file of the chain gets another name. */
  async #names(directory: string, name: string, nowMs: number): Promise<string> {
    const status = this.#deps.files.status(this.#path);
    const own = status === null ? "" : inodeKey(status.device, status.inode);
    return `${own} ${await this.#deps.siblings.names(directory, name, nowMs)}`;
  }

  /** It is not truncated yet. */
  #isCopyOf(copy: SiblingFile, current: SiblingFile | null): boolean {
    if (copy.isCompressed || copy.size === 0 || current === null) return false;
    return !isSameFile(copy, current) && this.#deps.siblings.beginsWith(current, copy);
  }

  /** Whether what has the path still begins with what was found there. */
  async #isStill(current: SiblingFile): Promise<boolean> {
    const position = newPosition(0, this.#path, current, 0);
    const sightings = [{ position, head: null }];
    const now = await this.#deps.siblings.compare(this.#path, null, false, sightings);
    if (now === null || !isSameFile(now, current)) return false;
    return current.size === 0 ? now.size === 0 : now.kinship.get(0) === "same";
  }

  /** One that is open is known to be the same, and to be no other. */
  #withOpen(file: SiblingFile, files: readonly SiblingFile[]): SiblingFile {
    const kinship = new Map(file.kinship);
    for (const open of this.#open.list) {
      if (open.isTruncated) continue;
      const itself = files.find((one) => isSameFile(one, open));
      if (itself !== undefined) kinship.set(open.id, itself === file ? "same" : "other");
    }
    return { ...file, kinship };
  }

  /** It was read under another path, and renamed. */
  async #adopt(status: FileStatus, sightings: Sighting[]): Promise<void> {
    const { positions, siblings } = this.#deps;
    const elsewhere = positions
      .atInode(status.device, status.inode)
      .filter(({ path }) => path !== this.#path);
    if (elsewhere.length === 0) return;
    const others = elsewhere.map((position) => {
      return { position, head: positions.headOf(position.id) };
    });
    const file = await siblings.compare(this.#path, null, false, others);
    const found = elsewhere.find(({ id, head }) => {
      return head.bytes > 0 && file?.kinship.get(id) === "same";
    });
    if (found === undefined) return;
    const position = { ...found, id: positions.nextId(), path: this.#path, isDone: false };
    const head = positions.headOf(found.id);
    positions.forget(found);
    positions.set(position);
    if (head !== null) positions.setHead(position.id, head);
    sightings.push({ position, head });
  }
}

type Identity = Pick<FileStatus, "device" | "inode">;

export function isSameFile(a: Identity, b: Identity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

function isNewer(a: SiblingFile, b: SiblingFile | null): boolean {
  if (b?.order == null || a.order === null) return true;
  return (compareRotation(a.order, b.order) || a.mtimeMs - b.mtimeMs) > 0;
}

/** A look later it shows what it is a copy of. */
function isBeginning({ size, mtimeMs }: SiblingFile, nowMs: number): boolean {
  return size === 0 && Math.abs(nowMs - mtimeMs) < COPY_BEGINS_MS;
}
