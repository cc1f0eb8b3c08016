import { statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { OperationalError } from "../../../shared/errors.ts";
import { loadCLibrary } from "../../../shared/platform/c-library.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import { ABSENT } from "./byte-scanner.ts";

/** Where in a `Space` what stands. */
export const SIZE_BYTES = 0;
export const FREE_BYTES = 1;
export const FILES = 3;
export const FILES_FREE = 4;

/** Size, free and available bytes, files and free files; ABSENT for what it does not know. */
export type Space = Float64Array;

/** Asks a mounted file system. Not on the main thread: it may hang. */
export type AskSpace = (path: string) => Promise<Space>;

/** Fields of `struct statvfs` on 64-bit Linux, 8 bytes each. Source: statvfs(3), <sys/statvfs.h>. */
const STATVFS_BYTES = 112;
const FRSIZE = 1;
const BLOCKS = 2;
const COUNTS = 5;
/** What a file system that does not know a number gives for it. */
const UNKNOWN = 2n ** 64n - 1n;

/** `counts`: blocks, free and available blocks, files and free files. */
export function spaceOf(blockBytes: bigint, counts: readonly bigint[]): Space {
  const factors = [blockBytes, blockBytes, blockBytes, 1n, 1n];
  return Float64Array.from(counts, (count, index) =>
    BigInt.asUintN(64, count) === UNKNOWN ? ABSENT : Number(count * (factors[index] ?? 1n)),
  );
}

/** What statvfs(3) filled in. Its counts are in fragments, which may be smaller than blocks. */
export function decodeStatvfs(bytes: Buffer): Space {
  const field = (index: number) => bytes.readBigUInt64LE(index * 8);
  const counts = Array.from({ length: COUNTS }, (_, index) => field(BLOCKS + index));
  return spaceOf(field(FRSIZE), counts);
}

/**
 * statvfs(3), because Node's statfs does not give the fragment size; Node's where the C library
 * cannot be called. @throws OperationalError UNAVAILABLE when the file system refuses
 */
export function loadAskSpace(load = loadCLibrary): AskSpace {
  let call: (path: string, into: Buffer) => Promise<unknown>;
  type Done = (error: Error | null, result: unknown) => void;
  try {
    const statvfs = load().func("int statvfs(const char *path, void *into)");
    call = promisify((path: string, into: Buffer, done: Done) => statvfs.async(path, into, done));
  } catch (error) {
    if (error instanceof OperationalError) return askNode;
    throw error;
  }
  return async (path) => {
    const bytes = Buffer.alloc(STATVFS_BYTES);
    if ((await call(path, bytes)) === 0) return decodeStatvfs(bytes);
    throw new OperationalError("UNAVAILABLE", `statvfs(3) of ${path} failed`);
  };
}

async function askNode(path: string): Promise<Space> {
  try {
    const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path, { bigint: true });
    return spaceOf(bsize, [blocks, bfree, bavail, files, ffree]);
  } catch (cause) {
    throw new OperationalError("UNAVAILABLE", `statfs(2) of ${path} failed`, { cause });
  }
}

/** A file system that has not answered for this long counts as broken. */
const STATFS_TIMEOUT_MS = 5000;

/**
 * Asks mount points one after another. A call that hangs cannot be ended, only left: its mount point
 * is an error until it returns, and is not asked again before that.
 */
export class StatfsQueue {
  readonly #ask: AskSpace;
  readonly #callsMax: number;
  readonly #clock: Clock;
  /** Mount points whose calls have not returned. */
  readonly #calls = new Set<string>();

  /** @param callsMax calls that may be open, all but one of them hanging */
  constructor(ask: AskSpace, callsMax: number, clock: Clock) {
    this.#ask = ask;
    this.#callsMax = callsMax;
    this.#clock = clock;
  }

  /** null: the file system could not be asked, or in time. */
  async askAll(mountPoints: readonly string[]): Promise<Map<string, Space | null>> {
    const answers = new Map<string, Space | null>();
    for (const mountPoint of mountPoints) {
      const isHanging = this.#calls.has(mountPoint) || this.#calls.size >= this.#callsMax;
      answers.set(mountPoint, isHanging ? null : await this.#askInTime(mountPoint));
    }
    return answers;
  }

  async #askInTime(mountPoint: string): Promise<Space | null> {
    this.#calls.add(mountPoint);
    const call = this.#ask(mountPoint).finally(() => this.#calls.delete(mountPoint));
    const late = () => new OperationalError("UNAVAILABLE", `${mountPoint} does not answer`);
    try {
      return await withDeadline({ clock: this.#clock, ms: STATFS_TIMEOUT_MS, late }, () => call);
    } catch {
      // Whatever the reason, the metric that tells of it is node_filesystem_device_error.
      return null;
    }
  }
}
