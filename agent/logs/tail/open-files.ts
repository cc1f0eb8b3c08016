import type { Unread } from "./file-lag.ts";
import type { LineBatch } from "./line-batch.ts";
import { OpenFile, type ReadTime } from "./open-file.ts";
import type { FileSource, LogFiles } from "./ports.ts";
import type { Position, Truncation } from "./position.ts";
import { inodeKey, type Positions } from "./positions.ts";
import type { SiblingFile } from "./siblings.ts";
import type { Loss, TailReport } from "./tail-report.ts";

export type OpenDeps = {
  readonly files: LogFiles;
  readonly batch: LineBatch;
  readonly positions: Positions;
  readonly report: TailReport;
  readonly source: FileSource;
  /** Which path has a file open, by `inodeKey`: a file with two names is read once. */
  readonly owners: Map<string, OpenFiles>;
};

/**
 * The files of one path that are open, in the order in which they had the path.
 * Invariant: `current`, which has the path now, is the last of them, or null.
 */
export class OpenFiles {
  current: OpenFile | null = null;
  readonly #deps: OpenDeps;
  readonly #path: string;
  #list: readonly OpenFile[] = [];

  constructor(deps: OpenDeps, path: string) {
    this.#deps = deps;
    this.#path = path;
  }

  /** Oldest first. */
  get list(): readonly OpenFile[] {
    return this.#list;
  }

  /** What there is to read of each. */
  unread(): Unread[] {
    return this.#list.map((file) => {
      const { caughtUpAtMs, readAtMs } = file;
      return { bytes: file.unreadBytes(), caughtUpAtMs, readAtMs };
    });
  }

  byId(id: number): OpenFile | undefined {
    return this.#list.find((file) => file.id === id);
  }

  /** Null when another file has its name by now. @throws OperationalError UNAVAILABLE */
  descriptorOf(file: SiblingFile): number | null {
    const descriptor = this.#deps.files.open(file.path);
    if (descriptor === null) return null;
    const { device, inode } = this.#deps.files.statusOf(descriptor);
    if (device === file.device && inode === file.inode) return descriptor;
    this.#deps.files.close(descriptor);
    return null;
  }

  /** @param descriptor is the open file's from now on */
  open(position: Position, descriptor: number, time: ReadTime): OpenFile {
    const file = new OpenFile(this.#deps, position, descriptor, time);
    this.#list = [...this.#list, file].sort((a, b) => a.id - b.id);
    this.#own(file);
    this.keep(file);
    return file;
  }

  /** How far it was read is written with the next batch. */
  keep(file: OpenFile): void {
    const { positions } = this.#deps;
    positions.set(file.position(false));
    if (file.head.length > (positions.headOf(file.id)?.length ?? 0)) {
      positions.setHead(file.id, file.head);
    }
  }

  /** Goes on in a copy. */
  move(file: OpenFile, to: SiblingFile, descriptor: number): void {
    this.#disown(file);
    file.moveTo(to, descriptor);
    this.#own(file);
    this.keep(file);
  }

  /** It has no more lines. */
  finish(file: OpenFile, time: ReadTime): void {
    file.flush(time.nowMs, true);
    this.end(file.position(true), file.readOffset);
    this.drop(file);
  }

  /** Of a file that is not open any more. */
  end(position: Position, fromOffset: number): void {
    this.#deps.positions.set({ ...position, truncation: null, isDone: true });
    if (position.truncation !== null) this.lose("truncated", position.truncation, fromOffset);
  }

  lose(reason: Loss["reason"], { size, fromMs, untilMs }: Truncation, fromOffset: number): void {
    const bytesSeen = Math.max(0, size - fromOffset);
    this.#deps.report.lost({ path: this.#path, reason, fromOffset, bytesSeen, fromMs, untilMs });
  }

  drop(file: OpenFile): void {
    this.#list = this.#list.filter((one) => one !== file);
    if (this.current === file) this.current = null;
    this.#disown(file);
    file.close();
  }

  #own(file: OpenFile): void {
    this.#deps.owners.set(inodeKey(file.device, file.inode), this);
  }

  #disown(file: OpenFile): void {
    const key = inodeKey(file.device, file.inode);
    const isShared = this.#list.some(
      (one) => one !== file && inodeKey(one.device, one.inode) === key,
    );
    if (!isShared && this.#deps.owners.get(key) === this) this.#deps.owners.delete(key);
  }
}
