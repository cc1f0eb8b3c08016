import { OperationalError } from "../../../shared/errors.ts";
import {
  type Beginning,
  type ChainDeps,
  ChainFiles,
  isSameFile,
  type Snapshot,
} from "./chain-files.ts";
import { type Chain, resolveChain } from "./chain-state.ts";
import type { DirectoryTimes } from "./directory-times.ts";
import { type FileLag, lagOf } from "./file-lag.ts";
import { lastLineStart } from "./line-start.ts";
import { lookAt } from "./look-state.ts";
import type { OpenFile, ReadTime } from "./open-file.ts";
import { OpenFiles } from "./open-files.ts";
import type { FileStatus } from "./ports.ts";
import { NO_MARK, newPosition, type Position, type Truncation } from "./position.ts";
import type { SiblingFile } from "./siblings.ts";
import { isCopyOfBefore, truncationOf, unreadOf, untilNext } from "./truncations.ts";

export type FollowLimits = {
  /** A file in whose place there is another one is closed after so long without a change. */
  readonly quietMs: number;
  /** A line without its end is finished after so long without a change. */
  readonly flushAfterMs: number;
};

export type FollowDeps = ChainDeps & {
  readonly times: DirectoryTimes;
  readonly limits: FollowLimits;
};

/** A batch with less room goes to the sink first. */
export const READ_ROOM_MIN = 32 * 1024;
/** Where no name changes near a file, its path is asked for so seldom: links may lead far. */
const STATUS_EVERY_MS = 10_000;
const RETRY_MS = 10_000; // of what cannot be opened
/** While files are being renamed no list of them is right. */
const RESOLVE_TRIES = 3;

type FollowedChain = Chain<SiblingFile> & Snapshot & { readonly isNew: boolean };

/**
 * Follows the file that has a path, and those that had it before, each to its end. The files are in
 * the order in which they had the path; one is read when those before it are at their end.
 */
export class PathFollower {
  readonly path: string;
  readonly #deps: FollowDeps;
  readonly #beginning: Beginning;
  /** At the first look. */
  #firstSeen: FileStatus | null = null;
  #hasLooked = false;
  readonly #open: OpenFiles;
  readonly #chain: ChainFiles;
  /** It is not known where the files are that were read before. */
  #isUnresolved = true;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #failingSinceMs: number | null = null;
  /** Where names would change if another file got the path. */
  #directories = "";
  /** Of these when nothing had happened; null: something had, or it is not known. */
  #namesState: string | null = null;
  #statusAtMs = 0;
  /** The file that is being read, for when that fails. */
  #reading: OpenFile | null = null;

  constructor(deps: FollowDeps, path: string, beginning: Beginning) {
    this.#deps = deps;
    this.path = path;
    this.#beginning = beginning;
    this.#open = new OpenFiles(deps, path);
    this.#chain = new ChainFiles(deps, path, this.#open);
  }

  get openCount(): number {
    return this.#open.list.length;
  }

  /** There may be more to read right now. */
  get isBehind(): boolean {
    return this.#open.list.some((file) => !file.isAtEnd && !file.isTruncated);
  }

  /** How far it is behind now, whether or not anybody looked at it since. */
  async lag({ nowMs, monotonicMs }: ReadTime): Promise<FileLag> {
    const { current, list } = this.#open;
    const isIdle = this.#namesState !== null && current?.hasSameSize() === true;
    if (isIdle) return lagOf(this.path, [], monotonicMs);
    const status = this.#status();
    const unread = this.#open.unread();
    const isResolved = !this.#isUnresolved && current !== null && status !== null;
    if (!isResolved || !isSameFile(current, status)) {
      const firstSeen = this.#hasLooked ? this.#firstSeen : status;
      const beginning = { ...this.#beginning, firstSeen };
      const bytes = await this.#chain.unopenedBytes(status, beginning, nowMs);
      const sinceMs = this.#failingSinceMs ?? monotonicMs;
      const caughtUpAtMs = Math.min(sinceMs, ...list.map((file) => file.caughtUpAtMs));
      const readAtMs = Math.min(sinceMs, ...list.map((file) => file.readAtMs));
      unread.push({ bytes, caughtUpAtMs, readAtMs });
    }
    return lagOf(this.path, unread, monotonicMs);
  }

  /** Nothing had happened at the last look; since, no name changed, and the size did not. */
  #isIdle({ nowMs, monotonicMs }: ReadTime): boolean {
    if (this.#namesState === null || monotonicMs >= this.#statusAtMs) return false;
    const { current } = this.#open;
    if (this.#deps.times.state(this.#directories, nowMs) !== this.#namesState) return false;
    if (current?.hasSameSize() !== true) return false;
    current.caughtUpAtMs = monotonicMs;
    return true;
  }

  /** A cheap look: false when nothing happened since the last one. */
  glance(time: ReadTime): boolean {
    const { current, list } = this.#open;
    if (this.#isIdle(time)) return false;
    const status = this.#status();
    this.#firstSeen ??= this.#hasLooked ? null : status;
    this.#hasLooked = true;
    const look = lookAt(current, status);
    const isAlias = look === "replaced" && this.#chain.isAlias(status);
    const isIdle = look === "idle" || isAlias || (look === "absent" && list.length === 0);
    const isQuiet = list.length === (current === null ? 0 : 1) && !this.#isUnresolved;
    if (isIdle && isQuiet && current?.hasPending !== true) {
      if (current !== null) current.caughtUpAtMs = time.monotonicMs;
      this.#namesState = this.#deps.times.state(this.#directories, time.nowMs);
      this.#statusAtMs = time.monotonicMs + STATUS_EVERY_MS;
      return false;
    }
    this.#namesState = null;
    if ((look === "replaced" && !isAlias) || look === "absent") this.#leaveCurrent(time);
    if (look === "truncated" && current !== null) this.#truncated(current, time);
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
  }

  /** Reads on, at most `bytesMax` and what the batch has room for. */
  async read(bytesMax: number, time: ReadTime): Promise<number> {
    let count = 0;
    const isRead = await this.#guarded(time, async () => {
      for (const file of this.#open.list) {
        while (!file.isAtEnd && !file.isTruncated) {
          if (count >= bytesMax || this.#deps.batch.room < READ_ROOM_MIN) return;
          this.#reading = file;
          count += await file.read(bytesMax - count, time);
          this.#reading = null;
          this.#open.keep(file);
        }
        if (file.isTruncated) return this.#truncated(file, time);
        if (!file.hasPending) continue;
        // What waits comes before the lines of the files behind it.
        if (!this.#isComplete(file)) return;
        file.flush(time.nowMs, true);
        this.#open.keep(file);
      }
    });
    if (isRead) this.#failingSinceMs = null;
    this.#deps.report.read(count);
    return count;
  }

  /** Nobody writes to it any more: it is compressed, or the files behind it are written to. */
  #isComplete(file: OpenFile): boolean {
    return file.isCompressed || this.#open.list.indexOf(file) < this.#open.list.length - 2;
  }

  /** Finishes lines and files that have been quiet for long enough. */
  settle(time: ReadTime): void {
    for (const file of this.#open.list) {
      const quietMs = time.monotonicMs - file.grownAtMs;
      if (!file.isAtEnd || file.isTruncated) return;
      const isCurrent = file === this.#open.current;
      if (file.hasPending) {
        file.flush(time.nowMs, isCurrent && quietMs >= this.#deps.limits.flushAfterMs);
        this.#open.keep(file);
      }
      if (isCurrent) continue;
      if (file.isCompressed || quietMs >= this.#deps.limits.quietMs) {
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

  #leaveCurrent(time: ReadTime): void {
    this.#isUnresolved = true;
    const { current } = this.#open;
    if (current === null) return;
    current.isAtEnd = false;
    current.grownAtMs = time.monotonicMs; // its program may go on writing for a while
    this.#open.current = null;
  }

  #truncated(file: OpenFile, time: ReadTime): void {
    file.isTruncated = true;
    this.#isUnresolved = true;
    if (file === this.#open.current) this.#leaveCurrent(time);
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
    if (file.isTruncated) this.#truncated(file, time);
  }

  /** False when files were renamed or truncated meanwhile, and nothing was done. */
  async #resolve(time: ReadTime): Promise<boolean> {
    const snapshot = await this.#chain.snapshot(time.nowMs, this.#beginning.at === "end");
    if (snapshot === null) return false;
    const { positions, files } = snapshot;
    const found = resolveChain(positions, files, { ...this.#beginning, nowMs: time.nowMs });
    const chain = { ...snapshot, ...found, isNew: positions.length === 0 };
    const descriptors = this.#descriptors(chain);
    if (descriptors === null) return false;
    this.#directories = snapshot.directories;
    this.#apply(chain, descriptors, time);
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
    for (const position of chain.empty) this.#forgo(position, chain, time);
    for (const { position, file } of chain.known) {
      const truncation = truncationOf(position, file, current, time.nowMs);
      if (file.kinship.get(position.id) === "shorter") {
        this.#miss({ ...position, isShort: true }, truncation, time);
        continue;
      }
      const open = this.#goOn(
        { ...position, truncation },
        file,
        descriptors.get(file) ?? null,
        time,
      );
      if (file === current) this.#open.current = open ?? null;
    }
    for (const position of chain.missing) {
      this.#miss(position, truncationOf(position, null, current, time.nowMs), time);
    }
    for (const file of chain.fresh) {
      const descriptor = descriptors.get(file);
      if (descriptor === undefined) continue;
      const open = this.#begin(file, descriptor, chain, time);
      if (file === current) this.#open.current = open;
      if (!chain.isNew) this.#deps.report.rotated();
    }
    this.#isUnresolved = false;
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
      open.truncation = position.truncation;
      this.#open.move(open, file, descriptor);
      return open;
    }
    const { device, inode, isCompressed, size, mtimeMs } = file;
    const seen = isSameFile(file, position) ? position.seen : NO_MARK; // a copy may be older
    const now = { ...position, device, inode, isCompressed, size, mtimeMs, seen };
    return this.#open.open(now, descriptor, time);
  }

  /**
   * An open file without a name is read on; of others there is nothing left that was not read, or
   * nothing at all.
   */
  #miss(position: Position, truncation: Truncation | null, time: ReadTime): void {
    if (position.isDone) return;
    const open = this.#open.byId(position.id);
    if (open !== undefined) {
      if (!open.isTruncated) return;
      open.truncation = truncation ?? unreadOf(position, time.nowMs);
      open.isShort = position.isShort;
      this.#open.finish(open, time);
      return;
    }
    this.#open.end({ ...position, truncation }, position.offset);
    // One that was rotated away and had no more at the last look is what is expected.
    if (truncation !== null || position.isCompressed || position.size <= position.offset) return;
    this.#open.lose("removed", unreadOf(position, time.nowMs), position.offset);
  }

  /** It was empty: what it is now is begun like any other. Without a name it is read on. */
  #forgo(position: Position, { files }: FollowedChain, time: ReadTime): void {
    if (position.isDone) return;
    const open = this.#open.byId(position.id);
    const isNamed = files.some((file) => isSameFile(file, position));
    if (open !== undefined && !open.isTruncated && !isNamed) return;
    if (open !== undefined) this.#open.finish(open, time);
    else this.#open.end(position, 0);
  }

  #begin(file: SiblingFile, descriptor: number, chain: FollowedChain, time: ReadTime): OpenFile {
    const id = this.#deps.positions.nextId();
    const offset = chain.isNew ? this.#firstOffset(file, descriptor) : 0;
    const position = newPosition(id, this.path, file, offset);
    if (file.start.length > 0) this.#deps.positions.setHead(id, file.start);
    const truncation = isCopyOfBefore(file, chain) ? untilNext(file, chain, time.nowMs) : null;
    return this.#open.open({ ...position, truncation }, descriptor, time);
  }

  /** What has come since the first look is read, also where reading begins at the end. */
  #firstOffset(file: SiblingFile, descriptor: number): number {
    const first = this.#firstSeen;
    if (this.#beginning.at === "start" || first === null || !isSameFile(first, file)) return 0;
    return lastLineStart(this.#deps.files, descriptor, Math.min(first.size, file.size));
  }

  /** False: a file that cannot be read any more is let go of, and looked for again. */
  async #guarded(time: ReadTime, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#fault(error);
      this.#isUnresolved = true;
      this.#failingSinceMs ??= time.monotonicMs;
      this.#retryAtMs = time.monotonicMs + RETRY_MS;
      const file = this.#reading;
      this.#reading = null;
      if (file === null) return false;
      if (file.isCompressed) {
        const now = { size: 0, fromMs: time.nowMs, untilMs: time.nowMs };
        this.#open.lose("damaged", now, file.readOffset);
        this.#deps.positions.set(file.position(true));
      }
      this.#open.drop(file);
      return false;
    }
  }

  #fault(error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    this.#deps.report.fault(error, this.path);
  }
}
