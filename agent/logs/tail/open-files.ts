import type { LineBatch } from "./line-batch.ts";
import { OpenFile, type ReadTime } from "./open-file.ts";
import type { FileSource, LogFiles } from "./ports.ts";
import type { Position } from "./position.ts";
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

  byId(id: number): OpenFile | undefined {
    return this.#list.find((file) => file.id === id);
  }

  /** The files that are still where they were read. */
  at({ device, inode }: { readonly device: number; readonly inode: number }): OpenFile | undefined {
    return this.#list.find((file) => {
      return file.device === device && file.inode === inode && !file.isTruncated;
    });
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
    this.#deps.positions.set(file.position(false));
    return file;
  }

  /** Goes on in a copy. */
  move(file: OpenFile, to: SiblingFile, descriptor: number): void {
    this.#disown(file);
    file.moveTo(to, descriptor);
    this.#own(file);
    this.#deps.positions.set(file.position(false));
  }

  /** It has no more lines. */
  finish(file: OpenFile, time: ReadTime): void {
    file.flush(time.nowMs);
    this.#deps.positions.set(file.position(true));
    this.drop(file);
    if (file.truncation === null) return;
    const { size, windowMs } = file.truncation;
    this.lose("truncated", size, file.readOffset, windowMs);
  }

  lose(reason: Loss["reason"], size: number, fromOffset: number, windowMs: number): void {
    const bytesSeen = Math.max(0, size - fromOffset);
    this.#deps.report.lost({ path: this.#path, reason, fromOffset, bytesSeen, windowMs });
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
