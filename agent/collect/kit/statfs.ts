import { ABSENT } from "./byte-scanner.ts";

/** What statfs(2) tells: the size of a block in bytes, blocks and files. */
export type StatfsAnswer = {
  readonly bsize: bigint;
  readonly blocks: bigint;
  readonly bfree: bigint;
  readonly bavail: bigint;
  readonly files: bigint;
  readonly ffree: bigint;
};

/** Size, free and available bytes, files and free files; ABSENT where `isError`. */
export type MountAnswer = { readonly values: Float64Array; readonly isError: boolean };

/** A file system that has not answered for this long counts as broken. */
const STATFS_TIMEOUT_MS = 5000;

const VALUES = 5;

/**
 * Asks mount points one after another in the background. A call that hangs cannot be ended, only
 * left: its mount point is an error until it returns, and is not asked again before that.
 */
export class StatfsLane {
  readonly #ask: (mountPoint: string) => Promise<StatfsAnswer>;
  readonly #callsMax: number;
  readonly #answers = new Map<string, MountAnswer>();
  /** Mount points that wait for their turn, and since when. */
  readonly #waiting = new Map<string, number>();
  /** Calls that have not returned, and since when. */
  readonly #calls = new Map<string, number>();
  #wanted: ReadonlySet<string> = new Set();
  #nowMs = 0;

  /** @param callsMax calls that may be open, all but one of them hanging */
  constructor(ask: (mountPoint: string) => Promise<StatfsAnswer>, callsMax: number) {
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

  #callNext(): void {
    let lively = 0;
    for (const sinceMs of this.#calls.values()) {
      if (this.#nowMs - sinceMs < STATFS_TIMEOUT_MS) lively += 1;
    }
    if (lively > 0 || this.#calls.size >= this.#callsMax) return;
    const [next] = this.#waiting.keys();
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#calls.set(next, this.#nowMs);
    void this.#call(next);
  }

  async #call(mountPoint: string): Promise<void> {
    let answer: StatfsAnswer | null = null;
    try {
      answer = await this.#ask(mountPoint);
    } catch {
      // Whatever the reason, the metric that tells of it is node_filesystem_device_error.
    }
    this.#calls.delete(mountPoint);
    this.#answer(mountPoint, answer);
    this.#callNext();
  }

  #answer(mountPoint: string, answer: StatfsAnswer | null): void {
    if (!this.#wanted.has(mountPoint)) return;
    const values = new Float64Array(VALUES).fill(ABSENT);
    if (answer !== null) {
      const { bsize, blocks, bfree, bavail, files, ffree } = answer;
      values.set([blocks * bsize, bfree * bsize, bavail * bsize, files, ffree].map(Number));
    }
    this.#answers.set(mountPoint, { values, isError: answer === null });
  }
}
