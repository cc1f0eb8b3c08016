import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { systemCode } from "../../../shared/errors.ts";
import { type FileText, readRegularFile } from "../../../shared/platform/regular-file.ts";

/** What the kernel puts into one attribute is at most a page. */
const ATTRIBUTE_BYTES_MAX = 4096;
/** Attributes of one collector that stay open; more are opened for each read. */
const HELD_MAX = 256;
/** Files and directories of one collector that a reading may touch. */
const TOUCHED_MAX = 10_000;

export type ListedName = { readonly name: string; readonly isDirectory: boolean };

/** The disk as a background reading sees it. null: there is no such thing, or it has no value now. */
export type SlowDisk = {
  /** One read(2) of a sysfs attribute; with `staysOpen`, it does so for the next. */
  attribute(path: string, staysOpen: boolean): Promise<string | null>;
  /** A whole regular file. @throws OperationalError LIMIT when it is larger than `bytesMax` */
  file(path: string, bytesMax: number): Promise<FileText | "too large" | null>;
  /** The first `max` names of a directory in no order, and whether there are more. */
  list(path: string, max: number): Promise<{ names: ListedName[]; hasMore: boolean } | null>;
  /** The path without symbolic links. */
  resolve(path: string): Promise<string | null>;
  /** Closes attributes that were not read since the last call. */
  sweep(): void;
  close(): void;
};

/** May not be read by this user: counted, unlike what is not there. */
export class AccessDenied extends Error {}

/** The machine's disk, by Node's thread pool: at most one call at a time, if asked so. */
export class NodeDisk implements SlowDisk {
  readonly #held = new Map<string, { readonly handle: fs.FileHandle; isUsed: boolean }>();
  readonly #buffer = Buffer.allocUnsafeSlow(ATTRIBUTE_BYTES_MAX);

  async attribute(path: string, staysOpen: boolean): Promise<string | null> {
    return await unlessAbsent(async () => {
      const { handle, isHeld } = await this.#open(path, staysOpen);
      try {
        const { bytesRead } = await handle.read(this.#buffer, 0, ATTRIBUTE_BYTES_MAX, 0);
        if (!isHeld) await handle.close();
        return this.#buffer.toString("utf8", 0, bytesRead);
      } catch (error) {
        this.#held.delete(path);
        await handle.close();
        throw error;
      }
    });
  }

  async file(path: string, bytesMax: number): Promise<FileText | "too large" | null> {
    return await unlessAbsent(() => readRegularFile(path, bytesMax));
  }

  async list(path: string, max: number) {
    return await unlessAbsent(async () => {
      const names: ListedName[] = [];
      for await (const entry of await fs.opendir(path)) {
        if (names.length >= max) return { names, hasMore: true };
        // The classes of sysfs consist of links to directories.
        const isDirectory = entry.isDirectory() || entry.isSymbolicLink();
        names.push({ name: entry.name, isDirectory });
      }
      return { names, hasMore: false };
    });
  }

  async resolve(path: string): Promise<string | null> {
    return await unlessAbsent(() => fs.realpath(path));
  }

  sweep(): void {
    for (const [path, held] of this.#held) {
      if (!held.isUsed) {
        this.#held.delete(path);
        void held.handle.close().catch(() => undefined);
      }
      held.isUsed = false;
    }
  }

  close(): void {
    for (const { handle } of this.#held.values()) void handle.close().catch(() => undefined);
    this.#held.clear();
  }

  async #open(path: string, staysOpen: boolean) {
    const held = this.#held.get(path);
    if (held !== undefined) {
      held.isUsed = true;
      return { handle: held.handle, isHeld: true };
    }
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!staysOpen || this.#held.size >= HELD_MAX) return { handle, isHeld: false };
    this.#held.set(path, { handle, isUsed: true });
    return { handle, isHeld: true };
  }
}

async function unlessAbsent<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    const code = systemCode(error);
    if (code === "EACCES" || code === "EPERM") throw new AccessDenied();
    // No such file, or a driver that has no value for it now (EIO, ENODATA, EAGAIN, EINVAL, …).
    if (code !== null) return null;
    throw error;
  }
}

/**
 * What a collector's readings ask. What seldom changes (names, labels, limits of a device, what is
 * in its directory) is remembered for ten minutes, or until the devices are others: such a question
 * costs nothing in between.
 */
export class BackgroundFiles {
  /** Left out of this reading. */
  unreadable = 0;
  overLimit = 0;
  readonly #disk: SlowDisk;
  /** Questions that the reading put to the disk. */
  touched = 0;
  readonly #remembered = new Map<string, unknown>();

  constructor(disk: SlowDisk) {
    this.#disk = disk;
  }

  /** @param isAnew whether to forget what was remembered */
  begin(isAnew: boolean): void {
    this.unreadable = 0;
    this.overLimit = 0;
    this.touched = 0;
    if (isAnew) this.#remembered.clear();
  }

  end(): void {
    this.#disk.sweep();
  }

  /** An attribute's text without control characters and spaces around it; null: it has none. */
  async text(path: string): Promise<string | null> {
    return await this.#attribute(path, true);
  }

  /** As `text`, remembered. */
  async constant(path: string): Promise<string | null> {
    return await this.#remember(`t${path}`, () => this.#attribute(path, false));
  }

  async file(path: string, bytesMax: number): Promise<FileText | null> {
    const found = await this.#guarded(() => this.#disk.file(path, bytesMax));
    if (found !== "too large") return found;
    this.overLimit += 1;
    return null;
  }

  /**
   * What is in a directory, sorted, at most `max`; null: there is no such directory. If it is not
   * what it was at the last call, all that was remembered is forgotten.
   */
  async devices(path: string, max: number): Promise<readonly string[] | null> {
    const listed = await this.#list(path, max);
    const key = `d${path}`;
    const before = this.#remembered.get(key);
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(listed)) {
      this.#remembered.clear();
      this.#remembered.set(key, listed);
    }
    return listed === null ? null : listed.map(({ name }) => name);
  }

  /** As `devices`, remembered; also tells which are directories. */
  async names(path: string, max: number): Promise<readonly ListedName[]> {
    return (await this.#remember(`l${path}`, () => this.#list(path, max))) ?? [];
  }

  /** The path without symbolic links, remembered. */
  async resolve(path: string): Promise<string | null> {
    const ask = () => this.#guarded(() => this.#disk.resolve(path));
    return await this.#remember(`r${path}`, ask);
  }

  async #attribute(path: string, staysOpen: boolean): Promise<string | null> {
    const text = await this.#guarded(() => this.#disk.attribute(path, staysOpen));
    return text === null ? null : text.replace(/\p{Cc}+/gu, " ").trim();
  }

  async #list(path: string, max: number): Promise<readonly ListedName[] | null> {
    const found = await this.#guarded(() => this.#disk.list(path, max));
    if (found === null) return null;
    if (found.hasMore) this.overLimit += 1;
    return found.names.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A key is always of answers of one type. */
  async #remember<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#remembered.get(key);
    if (known !== undefined) return known as T;
    const answer = await ask();
    this.#remembered.set(key, answer);
    return answer;
  }

  async #guarded<T>(ask: () => Promise<T | null>): Promise<T | null> {
    this.touched += 1;
    if (this.touched > TOUCHED_MAX) {
      this.overLimit += 1;
      return null;
    }
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof AccessDenied)) throw error;
      this.unreadable += 1;
      return null;
    }
  }
}
