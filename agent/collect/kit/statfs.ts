import { statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { OperationalError } from "../../../shared/errors.ts";
import { loadCLibrary } from "../../../shared/platform/c-library.ts";
import { ABSENT } from "./byte-scanner.ts";

/** Where in a `Space` what stands. */
export const SIZE_BYTES = 0;
export const FREE_BYTES = 1;
export const FILES = 3;
export const FILES_FREE = 4;
const VALUES = 5;

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

/** `values` are ABSENT where `isError`. */
export type MountAnswer = { readonly values: Space; readonly isError: boolean };

/** A file system that has not answered for this long counts as broken. */
const STATFS_TIMEOUT_MS = 5000;

/**
 * Asks mount points one after another in the background. A call that hangs cannot be ended, only
 * left: its mount point is an error until it returns, and is not asked again before that.
 */
export class StatfsQueue {
  readonly #ask: (mountPoint: string) => Promise<Space>;
  readonly #callsMax: number;
  readonly #answers = new Map<string, MountAnswer>();
  /** Mount points that wait for their turn, and since when. */
  readonly #waiting = new Map<string, number>();
  /** Calls that have not returned, and since when. */
  readonly #calls = new Map<string, number>();
  #wanted: ReadonlySet<string> = new Set();
  #nowMs = 0;

  /** @param callsMax calls that may be open, all but one of them hanging */
  constructor(ask: (mountPoint: string) => Promise<Space>, callsMax: number) {
    this.#ask = ask;
    this.#callsMax = callsMax;
  }

  /** Asks all of these anew; the answers of all others are forgotten. */
  want(mountPoints: readonly string[]): void {
    this.#wanted = new Set(mountPoints);
    for (const known of [...this.#answers.keys(), ...this.#waiting.keys()]) {
      if (this.#wanted.has(known)) continue;
      this.#answers.delete(known);
      this.#waiting.delete(known);
    }
    for (const mountPoint of this.#wanted) {
      const isUnderway = this.#waiting.has(mountPoint) || this.#calls.has(mountPoint);
      if (!isUnderway) this.#waiting.set(mountPoint, Number.NaN);
    }
  }

  /** Whether everything that was wanted was answered, or given up. */
  get isSettled(): boolean {
    return this.#waiting.size === 0 && !this.#hasLivelyCall();
  }

  /** The last answer; null before the first. */
  answerFor(mountPoint: string): MountAnswer | null {
    return this.#answers.get(mountPoint) ?? null;
  }

  /** Once a tick: begins what can begin, gives up what took too long. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const since of [this.#calls, this.#waiting]) {
      for (const [mountPoint, sinceMs] of since) {
        // A clock that was set back begins the wait anew.
        if (Number.isNaN(sinceMs) || nowMs < sinceMs) since.set(mountPoint, nowMs);
        else if (nowMs - sinceMs >= STATFS_TIMEOUT_MS) this.#answer(mountPoint, null);
      }
    }
    this.#callNext();
  }

  /** One that may still answer in time. */
  #hasLivelyCall(): boolean {
    const calls = [...this.#calls.values()];
    return calls.some((sinceMs) => this.#nowMs - sinceMs < STATFS_TIMEOUT_MS);
  }

  #callNext(): void {
    if (this.#hasLivelyCall() || this.#calls.size >= this.#callsMax) return;
    const [next] = this.#waiting.keys();
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#calls.set(next, this.#nowMs);
    void this.#call(next);
  }

  async #call(mountPoint: string): Promise<void> {
    let answer: Space | null = null;
    try {
      answer = await this.#ask(mountPoint);
    } catch {
      // Whatever the reason, the metric that tells of it is node_filesystem_device_error.
    }
    this.#calls.delete(mountPoint);
    this.#answer(mountPoint, answer);
    this.#callNext();
  }

  #answer(mountPoint: string, answer: Space | null): void {
    if (!this.#wanted.has(mountPoint)) return;
    const values = answer ?? new Float64Array(VALUES).fill(ABSENT);
    this.#answers.set(mountPoint, { values, isError: answer === null });
  }
}
