import {
  AccessDenied,
  type ListedName,
  type SlowDisk,
} from "../../../agent/collect/kit/background-files.ts";
import type { FileText } from "../../../shared/platform/regular-file.ts";

/** Files by path. One that hangs answers when it is released. */
export class MemoryDisk implements SlowDisk {
  readonly files: Map<string, string>;
  readonly links = new Map<string, string>();
  readonly denied = new Set<string>();
  readonly mtimesMs = new Map<string, number>();
  calls = 0;
  callsOpen = 0;
  isClosed = false;
  readonly #hanging = new Set<string>();
  #released: (() => void)[] = [];

  constructor(files: Readonly<Record<string, string>>) {
    this.files = new Map(Object.entries(files));
  }

  hang(path: string): void {
    this.#hanging.add(path);
  }

  release(): void {
    this.#hanging.clear();
    for (const wake of this.#released) wake();
    this.#released = [];
  }

  /** A file, or a directory with all that is in it. */
  remove(path: string): void {
    for (const known of this.files.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.files.delete(known);
    }
  }

  async attribute(path: string): Promise<string | null> {
    await this.#call(path);
    return this.files.get(path) ?? null;
  }

  async file(path: string, bytesMax: number): Promise<FileText | "too large" | null> {
    await this.#call(path);
    const text = this.files.get(path);
    if (text === undefined) return null;
    const bytes = Buffer.from(text);
    if (bytes.length > bytesMax) return "too large";
    return { bytes, mtimeMs: this.mtimesMs.get(path) ?? 0 };
  }

  async list(path: string, max: number) {
    await this.#call(path);
    const names = new Map<string, ListedName>();
    for (const known of this.files.keys()) {
      if (!known.startsWith(`${path}/`)) continue;
      const [name = "", ...deeper] = known.slice(path.length + 1).split("/");
      names.set(name, { name, isDirectory: deeper.length > 0 });
    }
    if (names.size === 0) return null;
    return { names: [...names.values()].slice(0, max), hasMore: names.size > max };
  }

  async resolve(path: string): Promise<string | null> {
    await this.#call(path);
    return this.links.get(path) ?? null;
  }

  sweep(): void {}

  close(): void {
    this.isClosed = true;
  }

  async #call(path: string): Promise<void> {
    this.calls += 1;
    if (this.denied.has(path)) throw new AccessDenied();
    if (!this.#hanging.has(path)) return;
    this.callsOpen += 1;
    await new Promise<void>((wake) => this.#released.push(wake));
    this.callsOpen -= 1;
  }
}
