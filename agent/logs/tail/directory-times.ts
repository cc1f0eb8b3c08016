import { OperationalError } from "../../../shared/errors.ts";
import type { LogFiles } from "./ports.ts";

/** A change within this time of a look may have the same mtime as the look saw. */
const MTIME_STEP_MS = 2000;
const BETWEEN = "\u0000";

/** As `DirectoryTimes` is asked for them. */
export function directoriesOf(paths: readonly string[]): string {
  return [...new Set(paths)].join(BETWEEN);
}

/** What directories had as their mtime at a look; none is asked twice in one. */
export class DirectoryTimes {
  readonly #files: LogFiles;
  readonly #states = new Map<string, string | null>();

  constructor(files: LogFiles) {
    this.#files = files;
  }

  /** To be called at the beginning of each look. */
  begin(): void {
    this.#states.clear();
  }

  /**
   * A text that stays the same for as long as no name in any of the directories changes. Null: a name
   * may change, or have changed, without its changing.
   */
  state(directories: string, nowMs: number): string | null {
    const known = this.#states.get(directories);
    if (known !== undefined) return known;
    const state = this.#ask(directories.split(BETWEEN), nowMs);
    this.#states.set(directories, state);
    return state;
  }

  #ask(directories: readonly string[], nowMs: number): string | null {
    let state = "";
    for (const directory of directories) {
      const mtimeMs = this.#mtimeMs(directory);
      if (mtimeMs === null || mtimeMs > nowMs - MTIME_STEP_MS) return null;
      state += `${mtimeMs} `;
    }
    return state;
  }

  /** Null: it is not there, or cannot be asked. */
  #mtimeMs(directory: string): number | null {
    try {
      return this.#files.status(directory)?.mtimeMs ?? null;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return null; // who looks at its files says so
    }
  }
}
