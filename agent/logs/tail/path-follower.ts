import { basename, dirname } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import { type ChainDeps, ChainFiles } from "./chain-files.ts";
import { type Chain, resolveChain } from "./chain-state.ts";
import { lastLineStart } from "./line-start.ts";
import { lookAt } from "./look-state.ts";
import type { OpenFile, ReadTime } from "./open-file.ts";
import { OpenFiles } from "./open-files.ts";
import type { FileStatus } from "./ports.ts";
import { newPosition, type Position } from "./position.ts";
import type { SiblingFile } from "./siblings.ts";

export type FollowLimits = {
  /** A file in whose place there is another one is closed after so long without a change. */
  readonly quietMs: number;
  /** A line without its end is finished after so long without a change. */
  readonly flushAfterMs: number;
};

export type FollowDeps = ChainDeps & {
  readonly limits: FollowLimits;
};

/** Where reading of a path begins of which nothing was read before. */
export type Beginning = {
  readonly at: "start" | "end";
  /** A rotated file of it that was written since then is read too. */
  readonly writtenAfterMs: number;
};

export type FileLag = {
  readonly path: string;
  readonly bytes: number;
  /** Since it was last read to its end. */
  readonly seconds: number;
  /** Since anything was read of it. */
  readonly unreadSeconds: number;
};

/** A batch with less room goes to the sink first. */
export const READ_ROOM_MIN = 32 * 1024;
const RETRY_MS = 10_000; // of what cannot be opened
/** While files are being renamed no list of them is right. */
const RESOLVE_TRIES = 3;
/** A copy that is being made is not empty for longer. */
const COPY_BEGINS_MS = 500;

type FollowedChain = Chain<SiblingFile> & {
  readonly current: SiblingFile | null;
  readonly isNew: boolean;
};

/**
 * Follows the file that has a path, and those that had it before, each to its end. The files are in
 * the order in which they had the path; one is read when those before it are at their end.
 */
export class PathFollower {
  readonly path: string;
  readonly #deps: FollowDeps;
  readonly #beginning: Beginning;
  readonly #open: OpenFiles;
  readonly #chain: ChainFiles;
  /** It is not known where the files are that were read before. */
  #isUnresolved = true;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs: number;
  /** The file that is being read, for when that fails. */
  #reading: OpenFile | null = null;

  constructor(deps: FollowDeps, path: string, beginning: Beginning, time: ReadTime) {
    this.#deps = deps;
    this.path = path;
    this.#beginning = beginning;
    this.#open = new OpenFiles(deps, path);
    this.#chain = new ChainFiles(deps, path, this.#open);
    this.#lookedAtMs = time.monotonicMs;
  }

  get openCount(): number {
    return this.#open.list.length;
  }

  /** There may be more to read right now. */
  get isBehind(): boolean {
    return this.#open.list.some((file) => !file.isAtEnd && !file.isTruncated);
  }

  /** How far it is behind now, whether or not anybody looked at it since. */
  lag({ monotonicMs }: ReadTime): FileLag {
    const status = this.#status();
    let lag = { path: this.path, bytes: 0, seconds: 0, unreadSeconds: 0 };
    for (const file of this.#open.list) {
      const isThere = file === this.#open.current && file.inode === status?.inode;
      const bytes = isThere ? Math.max(0, status.size - file.readOffset) : file.unreadBytes;
      if (bytes === 0) continue;
      lag = {
        ...lag,
        bytes: lag.bytes + bytes,
        seconds: Math.max(lag.seconds, (monotonicMs - file.caughtUpAtMs) / 1000),
        unreadSeconds: Math.max(lag.unreadSeconds, (monotonicMs - file.readAtMs) / 1000),
      };
    }
    return lag;
  }

  /** A cheap look: false when nothing happened since the last one. */
  glance(time: ReadTime): boolean {
    const { current, list } = this.#open;
    const status = this.#status();
    const look = lookAt(current, status);
    const isAlias = look === "replaced" && this.#chain.isAlias(status);
    const isIdle = look === "idle" || isAlias || (look === "absent" && list.length === 0);
    const isQuiet = list.length === (current === null ? 0 : 1) && !this.#isUnresolved;
    if (isIdle && isQuiet && current?.hasPending !== true) {
      this.#lookedAtMs = time.monotonicMs;
      if (current !== null) current.caughtUpAtMs = time.monotonicMs;
      return false;
    }
    if ((look === "replaced" && !isAlias) || look === "absent") this.#leaveCurrent();
    if (look === "truncated" && current !== null) this.#truncated(current);
    return true;
  }

  /** What a glance found is followed up: afterwards the files that are to be read are open. */
  async look(time: ReadTime): Promise<void> {
    await this.#guarded(time, async () => {
      for (const file of this.#open.list) this.#lookAtOpen(file, time);
      if (!this.#isUnresolved || time.monotonicMs < this.#retryAtMs) return;
      for (let tries = RESOLVE_TRIES; tries > 0; tries -= 1) {
        if (await this.#resolve(time)) return;
      }
    });
    this.#lookedAtMs = time.monotonicMs;
  }

  /** Reads on, at most `bytesMax` and what the batch has room for. */
  async read(bytesMax: number, time: ReadTime): Promise<number> {
    let count = 0;
    await this.#guarded(time, async () => {
      for (const file of this.#open.list) {
        while (!file.isAtEnd && !file.isTruncated) {
          if (count >= bytesMax || this.#deps.batch.room < READ_ROOM_MIN) return;
          this.#reading = file;
          count += await file.read(bytesMax - count, time);
          this.#reading = null;
          this.#deps.positions.set(file.position(false));
        }
        if (file.isTruncated) return this.#truncated(file);
      }
    });
    this.#deps.report.read(count);
    return count;
  }

  /** Finishes lines and files that have been quiet for long enough. */
  settle(time: ReadTime): void {
    for (const file of this.#open.list) {
      const quietMs = time.monotonicMs - file.grownAtMs;
      if (!file.isAtEnd || file.isTruncated) return;
      if (file === this.#open.current) {
        if (!file.hasPending || quietMs < this.#deps.limits.flushAfterMs) continue;
        file.flush(time.nowMs);
        this.#deps.positions.set(file.position(false));
      } else if (file.isCompressed || quietMs >= this.#deps.limits.quietMs) {
        this.#open.finish(file, time);
      }
    }
  }

  /** Lets go of the files; what is not in the sink is read again. */
  close(): void {
    for (const file of this.#open.list) this.#open.drop(file);
  }

  #status(): FileStatus | null {
    try {
      return this.#deps.files.status(this.path);
    } catch (error) {
      this.#fault(error);
      return null;
    }
  }

  #leaveCurrent(): void {
    this.#isUnresolved = true;
    const { current } = this.#open;
    if (current === null) return;
    current.isAtEnd = false;
    this.#open.current = null;
  }

  #truncated(file: OpenFile): void {
    file.isTruncated = true;
    this.#isUnresolved = true;
    if (file === this.#open.current) this.#leaveCurrent();
  }

  #lookAtOpen(file: OpenFile, time: ReadTime): void {
    if (file.isTruncated || file.isCompressed) return;
    const status = file.statusOfDescriptor();
    const look = lookAt(file, status);
    const hasChanged = look === "changed" && file.noteStatus(status, time);
    if (look !== "truncated") {
      if (!hasChanged && file.isAtEnd) return;
      file.isAtEnd = false;
      file.checkHead();
    } else file.isTruncated = true;
    if (file.isTruncated) this.#truncated(file);
  }

  /** False when files were renamed meanwhile, and nothing was done. */
  async #resolve(time: ReadTime): Promise<boolean> {
    const sightings = this.#chain.sightings();
    const real = this.#deps.files.resolve(this.path) ?? this.path;
    const [directory, name] = [dirname(real), basename(real)];
    const before = await this.#chain.namesNow(directory, name);
    const rotated = await this.#deps.siblings.find(directory, name, sightings);
    const current = await this.#chain.current(sightings);
    const files = (current === null ? rotated : [...rotated, current]).map((file) => {
      const open = this.#open.at(file);
      return open === undefined
        ? file
        : { ...file, kinship: new Map(file.kinship).set(open.id, "same" as const) };
    });
    const positions = sightings.map(({ position }) => position);
    const chain = resolveChain(positions, files, this.#beginning.writtenAfterMs);
    const isNew = positions.length === 0;
    const newest = files.find(({ order }) => order === null) ?? null;
    const fresh = chain.fresh.filter(
      (file) => file === newest || !this.#chain.isBeingCopied(file, newest),
    );
    const hasBegun = ({ order, size, mtimeMs }: SiblingFile) =>
      order !== null && size === 0 && Math.abs(time.nowMs - mtimeMs) < COPY_BEGINS_MS;
    if (fresh.some(hasBegun)) return false; // a look later it shows what it is a copy of
    // The number of a file that was seen empty may be that of a copy now.
    const isReused = ({ position, file }: { position: Position; file: SiblingFile }) =>
      position.marks.length === 0 &&
      file !== newest &&
      this.#open.byId(position.id) === undefined &&
      this.#chain.isBeingCopied(file, newest);
    const known = chain.known.filter((one) => !isReused(one));
    const inOrder = { ...chain, known, fresh, current: newest, isNew };
    const descriptors = this.#descriptors(inOrder);
    if (descriptors === null) return false;
    if (before !== (await this.#chain.namesNow(directory, name))) {
      for (const descriptor of descriptors.values()) this.#deps.files.close(descriptor);
      return false;
    }
    this.#apply(inOrder, descriptors, time);
    return true;
  }

  /** Of all files that have to be opened; null when one has another name by now. */
  #descriptors({ known, fresh }: FollowedChain): Map<SiblingFile, number> | null {
    const descriptors = new Map<SiblingFile, number>();
    const wanted = known.filter(({ position, file }) => this.#hasToOpen(position, file));
    for (const file of [...wanted.map((one) => one.file), ...fresh]) {
      const descriptor = this.#open.descriptorOf(file);
      if (descriptor === null) {
        for (const other of descriptors.values()) this.#deps.files.close(other);
        return null;
      }
      descriptors.set(file, descriptor);
    }
    return descriptors;
  }

  #hasToOpen(position: Position, file: SiblingFile): boolean {
    const open = this.#open.byId(position.id);
    if (file.kinship.get(position.id) === "shorter") return false;
    if (open !== undefined) return open.isTruncated;
    if (!position.isDone || file.order === null) return true;
    return !file.isCompressed && file.size > position.offset; // it was written to later
  }

  #apply(chain: FollowedChain, descriptors: Map<SiblingFile, number>, time: ReadTime): void {
    const { current } = chain;
    const isTruncated = ({ device, inode }: Position) =>
      current !== null && current.device === device && current.inode === inode;
    for (const { position, file } of chain.known) {
      if (file.kinship.get(position.id) === "shorter") {
        this.#miss(position, isTruncated(position), time);
        continue;
      }
      const descriptor = descriptors.get(file) ?? null;
      const open = this.#goOn(position, file, descriptor, time);
      if (file === current) this.#open.current = open ?? null;
      else if (open !== undefined && isTruncated(position)) {
        // A copy was complete when it was last written.
        const windowMs = Math.max(0, time.nowMs - file.mtimeMs);
        open.truncation = { size: position.size, windowMs };
      }
    }
    this.#missAll(chain, isTruncated, time);
    for (const file of chain.fresh) {
      const descriptor = descriptors.get(file);
      if (descriptor === undefined) continue;
      const open = this.#begin(file, descriptor, chain.isNew, time);
      if (file === current) this.#open.current = open;
      if (!chain.isNew) this.#deps.report.rotated();
    }
    this.#isUnresolved = false;
  }

  #missAll(
    { missing, fresh }: FollowedChain,
    isTruncated: (position: Position) => boolean,
    time: ReadTime,
  ): void {
    const isRead = fresh.some(({ order }) => order !== null);
    for (const position of missing) {
      // Of which nothing was read, it is one of those that are read now.
      if (isRead && position.marks.length === 0) this.#forgo(position, time);
      else this.#miss(position, isTruncated(position), time);
    }
  }

  #goOn(
    position: Position,
    file: SiblingFile,
    descriptor: number | null,
    time: ReadTime,
  ): OpenFile | undefined {
    const open = this.#open.byId(position.id);
    if (descriptor === null) return open;
    if (open !== undefined) {
      this.#open.move(open, file, descriptor);
      return open;
    }
    const { device, inode, isCompressed, size, mtimeMs } = file;
    const now = { ...position, device, inode, isCompressed, size, mtimeMs };
    return this.#open.open(now, descriptor, time);
  }

  /**
   * An open file without a name is read on; of others there is nothing left that was not read, or
   * nothing at all.
   */
  #miss(position: Position, isTruncated: boolean, time: ReadTime): void {
    if (position.isDone) return;
    const open = this.#open.byId(position.id);
    if (open !== undefined && !open.isTruncated) return;
    const windowMs = time.monotonicMs - this.#lookedAtMs;
    if (open === undefined) {
      const reason = isTruncated ? "truncated" : "removed";
      // One that was rotated away and had no more at the last look is what is expected.
      if (isTruncated || position.size > position.offset) {
        this.#open.lose(reason, position.size, position.offset, windowMs);
      }
      this.#deps.positions.set({ ...position, isDone: true });
    } else {
      open.truncation = { size: position.size, windowMs };
      this.#open.finish(open, time);
    }
  }

  /** Without a loss. */
  #forgo(position: Position, time: ReadTime): void {
    const open = this.#open.byId(position.id);
    if (open !== undefined) this.#open.finish(open, time);
    else this.#deps.positions.set({ ...position, isDone: true });
  }

  #begin(file: SiblingFile, descriptor: number, isNew: boolean, time: ReadTime): OpenFile {
    const isAtEnd = isNew && this.#beginning.at === "end";
    const id = this.#deps.positions.nextId();
    const offset = isAtEnd ? lastLineStart(this.#deps.files, descriptor, file.size) : 0;
    const position = newPosition(id, this.path, file, offset);
    return this.#open.open(position, descriptor, time);
  }

  /** A file that cannot be read any more is let go of, and looked for again. */
  async #guarded(time: ReadTime, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fault(error);
      this.#isUnresolved = true;
      this.#retryAtMs = time.monotonicMs + RETRY_MS;
      const file = this.#reading;
      this.#reading = null;
      if (file === null) return;
      if (file.isCompressed) {
        this.#open.lose("damaged", 0, file.readOffset, 0);
        this.#deps.positions.set(file.position(true));
      }
      this.#open.drop(file);
    }
  }

  #fault(error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    this.#deps.report.fault(error, this.path);
  }
}
