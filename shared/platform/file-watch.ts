/**
 * Looks whether configuration files have changed since they were read. It compares times and sizes
 * instead of being told: a watch of the kernel's is lost with a file that is replaced, and does not see
 * through the symbolic links that Kubernetes mounts.
 */

import { statSync } from "node:fs";
import { systemCode } from "../errors.ts";
import { sleepUnlessAborted } from "../time/repeat.ts";
import { matchingPaths, readConfigFile, readConfigFiles } from "./config-files.ts";
import type { Clock } from "./ports.ts";

const LOOK_EVERY_MS = 5000;

/** Reads files, remembers them, and says when one is not any more what it was when it was read. */
export class FileWatch {
  readonly #clock: Clock;
  /** What was read, by path or pattern, and its mark from just before that. */
  readonly #read = new Map<string, string>();
  /** What the last look found, where it was not what was read: a file may be half written. */
  #changed: string | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws OperationalError CONFIG */
  readonly readFile = (path: string): string | null => {
    this.#read.set(path, markOf(path));
    return readConfigFile(path);
  };

  /** @throws OperationalError CONFIG */
  readonly readFiles = (pattern: string): { path: string; text: string }[] => {
    this.#read.set(pattern, markOf(pattern));
    return readConfigFiles(pattern);
  };

  /**
   * Calls `reload`, which reads the files again, when one has changed and two looks in a row, 5 s apart,
   * have found it the same; until disposed.
   */
  onChange(reload: () => Promise<void>): Disposable {
    const stop = new AbortController();
    void this.#run(reload, stop.signal);
    return { [Symbol.dispose]: () => stop.abort() };
  }

  async #run(reload: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleepUnlessAborted(this.#clock, LOOK_EVERY_MS, signal);
      if (signal.aborted || !this.#look()) continue;
      this.#read.clear(); // what the reload does not read is not in use any more
      await reload();
    }
  }

  /** True when there is something new that stands still. */
  #look(): boolean {
    const before = this.#changed;
    this.#changed = null;
    const found = [...this.#read.keys()].map(markOf).join("\n");
    if (found === [...this.#read.values()].join("\n")) return false;
    if (found === before) return true;
    this.#changed = found;
    return false;
  }
}

/** Another text when a file of the path or pattern is another, has changed, came or went. */
function markOf(pattern: string): string {
  try {
    return JSON.stringify(matchingPaths(pattern).map((path) => [path, markOfFile(path)]));
  } catch (error) {
    return String(error);
  }
}

function markOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return systemCode(error) ?? String(error);
  }
}
