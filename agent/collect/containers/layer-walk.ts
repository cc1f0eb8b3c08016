/** One thing of a directory, itself and not what it links to. */
export type LayerFile = {
  readonly isDirectory: boolean;
  /** Device and inode: two names with the same are one file. */
  readonly device: number;
  readonly inode: number;
  readonly links: number;
  /** That it takes on the disk. */
  readonly bytes: number;
};

/** A directory that stays the same one, wherever its path leads by now. */
export type OpenDirectory = Pick<LayerFile, "device" | "inode" | "bytes"> & {
  /** null: there are no more. */
  nextName(): Promise<string | null>;
  /** null: it is gone. */
  stat(name: string): Promise<LayerFile | null>;
  close(): Promise<void>;
};

/** Paths and names are bytes as Latin-1: a container need not name its files in UTF-8. */
export type LayerDisk = {
  /** null: there is no such directory; a link is none. */
  open(path: string): Promise<OpenDirectory | "denied" | null>;
};

/** What may be known of a layer's size, and why it is not. */
export type WalkState = "going" | "done" | "gone" | "denied" | "too large";

/** Files and directories of a layer that are counted. */
export const ENTRIES_MAX = 20_000;
/** Directories in one another. */
export const DEPTH_MAX = 20;
/** Less than the kernel's, so that it need not be asked. */
const PATH_BYTES_MAX = 4000;
/** What a directory costs: it is opened, looked at, listed and closed. */
const OPEN_QUESTIONS = 5;

type Pending = {
  readonly path: string;
  readonly depth: number;
  /** null: the layer's own directory. */
  readonly found: LayerFile | null;
};

/**
 * Sums up what a container has written, a few questions to the disk at a time. The container may
 * change everything meanwhile: nothing but directories that were found as such is entered, no link
 * followed and no other device, and a file with several names counts once.
 */
export class LayerWalk {
  bytes = 0;
  state: WalkState = "going";
  readonly #disk: LayerDisk;
  readonly #pending: Pending[];
  /** Files with several names. */
  readonly #linked = new Set<number>();
  #open: { readonly directory: OpenDirectory; readonly at: Pending } | null = null;
  #device = Number.NaN;
  #entries = 0;
  #questions = 0;

  constructor(disk: LayerDisk, path: string) {
    this.#disk = disk;
    this.#pending = [{ path, depth: 0, found: null }];
  }

  /** Goes on until about so many questions were put, and tells how many. */
  async advance(questionsMax: number): Promise<number> {
    this.#questions = 0;
    while (this.state === "going" && this.#questions < questionsMax) {
      if (this.#open === null) await this.#enter();
      else await this.#count(this.#open.directory, this.#open.at);
    }
    if (this.state !== "going") await this.close();
    return this.#questions;
  }

  /** To be called where the walk is given up; not while it advances. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.directory.close();
  }

  async #enter(): Promise<void> {
    const at = this.#pending.pop();
    if (at === undefined) {
      this.state = "done";
      return;
    }
    this.#questions += OPEN_QUESTIONS;
    const directory = await this.#disk.open(at.path);
    if (directory === "denied") {
      this.state = "denied";
    } else if (directory === null) {
      if (at.found === null) this.state = "gone";
    } else {
      this.#open = { directory, at };
      if (at.found === null) {
        this.#device = directory.device;
        this.bytes += directory.bytes;
      } else if (directory.device !== this.#device || directory.inode !== at.found.inode) {
        // Another one has come to its place, or the way to it leads elsewhere now.
        await this.close();
      }
    }
  }

  async #count(directory: OpenDirectory, at: Pending): Promise<void> {
    const name = await directory.nextName();
    if (name === null) {
      await this.close();
      return;
    }
    this.#entries += 1;
    if (this.#entries > ENTRIES_MAX) {
      this.state = "too large";
      return;
    }
    this.#questions += 1;
    const found = await directory.stat(name);
    if (found === null || found.device !== this.#device) return;
    if (!found.isDirectory && found.links > 1) {
      if (this.#linked.has(found.inode)) return;
      this.#linked.add(found.inode);
    }
    this.bytes += found.bytes;
    if (found.isDirectory) this.#remember(`${at.path}/${name}`, at.depth + 1, found);
  }

  #remember(path: string, depth: number, found: LayerFile): void {
    if (depth > DEPTH_MAX || path.length > PATH_BYTES_MAX) this.state = "too large";
    else this.#pending.push({ path, depth, found });
  }
}
