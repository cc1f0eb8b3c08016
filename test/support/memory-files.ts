import { dirname } from "node:path/posix";
import { gzipSync } from "node:zlib";
import type { EntryKind, FileStatus, LogFiles } from "../../agent/logs/tail/ports.ts";

/** The kernel stamps files with the time of its last clock tick. */
const MTIME_STEP_MS = 4;

type Inode = {
  number: number;
  content: Buffer;
  mtimeMs: number;
  birthMs: number;
  names: number;
  opens: number;
};

/**
 * A file system as Linux has it where logs are concerned: names apart from files, files that live as
 * long as they have a name or are open, and numbers of files that are given again at once.
 */
export class MemoryFiles implements LogFiles {
  /** Called before each call of the reader: whatever happens on the machine happens here. */
  beforeCall: () => void = () => {};
  readonly #nowMs: () => number;
  readonly #names = new Map<string, Inode>();
  readonly #directories = new Map<string, number>(); // mtimes
  readonly #descriptors = new Map<number, Inode>();
  readonly #freeNumbers: number[] = [];
  #lastNumber = 10;
  #lastDescriptor = 2;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  // What writers and rotation do.

  create(path: string, content: Uint8Array = Buffer.alloc(0), mtimeMs = this.stampMs()): void {
    this.unlink(path);
    const number = this.#freeNumbers.pop() ?? this.#lastNumber + 1;
    this.#lastNumber = Math.max(this.#lastNumber, number);
    const birthMs = this.stampMs();
    const inode = { number, content: Buffer.from(content), mtimeMs, birthMs, names: 1, opens: 0 };
    this.#names.set(path, inode);
    this.#touchDirectory(path);
  }

  /** A writer's hold of the file; it outlives the name. */
  hold(path: string): { append(text: string): void; size(): number; release(): void } {
    const inode = this.#at(path);
    inode.opens += 1;
    return {
      append: (text) => {
        inode.content = Buffer.concat([inode.content, Buffer.from(text)]);
        inode.mtimeMs = this.stampMs();
      },
      size: () => inode.content.length,
      release: () => {
        inode.opens -= 1;
        this.#reclaim(inode);
      },
    };
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  contentOf(path: string): Buffer {
    return this.#at(path).content;
  }

  mtimeOf(path: string): number {
    return this.#at(path).mtimeMs;
  }

  rename(from: string, to: string): void {
    const inode = this.#at(from);
    this.unlink(to);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#touchDirectory(from);
  }

  unlink(path: string): void {
    const inode = this.#names.get(path);
    if (inode === undefined) return;
    this.#names.delete(path);
    inode.names -= 1;
    this.#reclaim(inode);
    this.#touchDirectory(path);
  }

  truncate(path: string): void {
    const inode = this.#at(path);
    inode.content = Buffer.alloc(0);
    inode.mtimeMs = this.stampMs();
  }

  gzipTo(from: string, to: string): void {
    this.create(to, gzipSync(this.contentOf(from)), this.mtimeOf(from));
  }

  /** The reader died. */
  closeAll(): void {
    for (const descriptor of [...this.#descriptors.keys()]) this.#close(descriptor);
  }

  get openCount(): number {
    return this.#descriptors.size;
  }

  // What the reader asks.

  status(path: string): FileStatus | null {
    this.beforeCall();
    const inode = this.#names.get(path);
    if (inode !== undefined) return statusOf(inode);
    const mtimeMs = this.#directories.get(path);
    if (mtimeMs === undefined) return null;
    return { device: 1, inode: 1, size: 0, mtimeMs, birthMs: mtimeMs, kind: "directory" };
  }

  open(path: string): number | null {
    this.beforeCall();
    const inode = this.#names.get(path);
    if (inode === undefined) return null;
    inode.opens += 1;
    this.#lastDescriptor += 1;
    this.#descriptors.set(this.#lastDescriptor, inode);
    return this.#lastDescriptor;
  }

  statusOf(descriptor: number): FileStatus {
    this.beforeCall();
    return statusOf(this.#opened(descriptor));
  }

  size(descriptor: number): number {
    this.beforeCall();
    return this.#opened(descriptor).content.length;
  }

  read(descriptor: number, buffer: Buffer, offset: number, length: number, position: number) {
    this.beforeCall();
    const { content } = this.#opened(descriptor);
    return content.subarray(position, position + length).copy(buffer, offset);
  }

  close(descriptor: number): void {
    this.#close(descriptor);
  }

  resolve(path: string): string | null {
    return this.#names.has(path) ? path : null;
  }

  async list(
    directory: string,
    entriesMax: number,
    visit: (name: string, kind: EntryKind) => void,
  ): Promise<boolean> {
    this.beforeCall();
    const paths = [...this.#names.keys()].filter((path) => dirname(path) === directory);
    for (const path of paths.slice(0, entriesMax)) visit(path.slice(directory.length + 1), "file");
    return paths.length <= entriesMax;
  }

  #close(descriptor: number): void {
    const inode = this.#opened(descriptor);
    this.#descriptors.delete(descriptor);
    inode.opens -= 1;
    this.#reclaim(inode);
  }

  #reclaim(inode: Inode): void {
    if (inode.names === 0 && inode.opens === 0) this.#freeNumbers.push(inode.number);
  }

  #at(path: string): Inode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw new Error(`There is no ${path}`);
    return inode;
  }

  #opened(descriptor: number): Inode {
    const inode = this.#descriptors.get(descriptor);
    if (inode === undefined) throw new Error(`Descriptor ${descriptor} is not open`);
    return inode;
  }

  #touchDirectory(path: string): void {
    this.#directories.set(dirname(path), this.stampMs());
  }

  /** The time that a file has which is written now. */
  stampMs(): number {
    return Math.floor(this.#nowMs() / MTIME_STEP_MS) * MTIME_STEP_MS;
  }
}

function statusOf({ number, content, mtimeMs, birthMs }: Inode): FileStatus {
  return { device: 1, inode: number, size: content.length, mtimeMs, birthMs, kind: "file" };
}
