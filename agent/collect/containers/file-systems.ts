import { join } from "node:path";
import { OperationalError } from "../../../shared/errors.ts";
import type { CollectContext } from "../context.ts";
import { type AskSpace, loadAskSpace, type Space } from "../kit/statfs.ts";
import { type Mount, MountsFile } from "../proc/mounts.ts";

/** A mounted file system; `space` is null until it has answered, and when it did not. */
export type FileSystem = {
  readonly device: string;
  readonly mountPoint: string;
  space: Space | null;
};

/** On which nothing can be written: their size says nothing. */
const IMAGE_TYPES = new Set(["squashfs", "iso9660", "erofs", "cramfs", "udf"]);
/** Behind a block device by name only. */
const FUSE = /^fuse(?:$|\.)/;
const FILE_SYSTEMS_MAX = 1000;

/** The host's file systems on block devices, and those that paths are asked for. */
export class FileSystems {
  readonly #context: CollectContext;
  readonly #ask: AskSpace;
  readonly #file: MountsFile;
  readonly #known = new Map<string, FileSystem>();
  #mounts: readonly Mount[] | null = null;
  #roots: FileSystem[] = [];
  /** By path, since the last refresh. */
  readonly #holding = new Map<string, FileSystem | null>();

  constructor(context: CollectContext, ask = loadAskSpace()) {
    this.#context = context;
    this.#ask = ask;
    this.#file = new MountsFile(context, "init");
  }

  /** One for each block device. */
  get roots(): readonly FileSystem[] {
    return this.#roots;
  }

  get mounts(): readonly Mount[] {
    return this.#mounts ?? [];
  }

  /**
   * Reads the mounts anew; what `holding` gave before is to be asked for again.
   * Returns how many file systems were too many. @throws OperationalError NOT_FOUND
   */
  refresh(): number {
    const mounts = this.#file.read();
    this.#holding.clear();
    if (mounts === this.#mounts) return 0;
    this.#mounts = mounts;
    const chosen = blockFileSystems(mounts);
    this.#roots = chosen.slice(0, FILE_SYSTEMS_MAX).map((mount) => this.#of(mount));
    for (const [key, { mountPoint, device }] of this.#known) {
      const isThere = mounts.some((m) => m.mountPoint === mountPoint && m.device === device);
      if (!isThere) this.#known.delete(key);
    }
    return chosen.length - this.#roots.length;
  }

  /** The one that `path` is on; it is asked from now on. null: none is known to hold it. */
  holding(path: string): FileSystem | null {
    const known = this.#holding.get(path);
    if (known !== undefined) return known;
    const mount = mountOf(path, this.mounts);
    const root = this.#roots.find(({ device }) => device === mount?.device);
    const found = mount === null ? null : (root ?? this.#of(mount));
    this.#holding.set(path, found);
    return found;
  }

  /** Asks the roots and those of `holding`, one after another; returns how many. */
  async askAll(signal: AbortSignal): Promise<number> {
    let questions = 0;
    for (const fileSystem of new Set([...this.#roots, ...this.#holding.values()])) {
      if (fileSystem === null) continue;
      if (signal.aborted) break;
      questions += 1;
      fileSystem.space = await this.#spaceOf(fileSystem.mountPoint);
    }
    return questions;
  }

  close(): void {
    this.#file.close();
  }

  #of(mount: Mount): FileSystem {
    const { device, mountPoint } = mount;
    const key = `${device}\0${mountPoint}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const fresh = { device, mountPoint, space: null };
    this.#known.set(key, fresh);
    return fresh;
  }

  async #spaceOf(mountPoint: string): Promise<Space | null> {
    try {
      return await this.#ask(join(this.#context.hostRoot, mountPoint));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return null;
    }
  }
}

/** One mount of each block device: that of its whole file system where there is one. */
export function blockFileSystems(mounts: readonly Mount[]): Mount[] {
  const byDevice = new Map<string, Mount>();
  for (const mount of mounts) {
    const { device, fsType, root } = mount;
    const isBlock = device.startsWith("/dev/") && !IMAGE_TYPES.has(fsType) && !FUSE.test(fsType);
    if (!isBlock) continue;
    const known = byDevice.get(device);
    if (known === undefined || (known.root !== "/" && root === "/")) byDevice.set(device, mount);
  }
  return [...byDevice.values()];
}

/** The mount that an absolute path without links lies on; the last of those on one another. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    const { mountPoint } = mount;
    const isAbove = mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`);
    if (isAbove && mountPoint.length >= (best?.mountPoint.length ?? 0)) best = mount;
  }
  return best;
}
