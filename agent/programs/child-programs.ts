import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { OperationalError } from "../../shared/errors.ts";

export type ProgramName = "buffer" | "config" | "identity" | "inventory" | "probe" | "scrape";

/** What a program prints: a configuration may name thousands of targets. */
const ANSWER_BYTES_MAX = 8 * 1024 ** 2;
/** In the background a machine may be slow, and the program gives way to others. */
const BACKGROUND_MS = 120_000;

const run = promisify(execFile);

/** Programs of the agent that lie in this folder, `NAME-main.js`: the agent's memory never holds them. */
export class ChildPrograms {
  readonly #node: string;
  readonly #folder: string;

  /** @param node the program that runs this one */
  constructor(node: string, folder: string) {
    this.#node = node;
    this.#folder = folder;
  }

  /** Runs one on this terminal. @returns its exit code */
  runHere(name: ProgramName, args: readonly string[]): number {
    return this.#wait(name, args, "inherit").exitCode;
  }

  /** What one prints; null where it failed, which it has reported on this terminal. */
  answer(name: ProgramName, request: object): string | null {
    const { exitCode, output } = this.#wait(name, [JSON.stringify(request)], "pipe");
    return exitCode === 0 ? output : null;
  }

  /**
   * What one prints that runs in the background; it is killed when it takes too long, prints too
   * much or the signal is aborted.
   * @throws OperationalError UNAVAILABLE with its own last words, or the signal's reason
   */
  async ask(name: ProgramName, args: readonly string[], signal: AbortSignal): Promise<string> {
    try {
      const { stdout } = await run(this.#node, [this.#path(name), ...args], {
        encoding: "utf8",
        timeout: BACKGROUND_MS,
        maxBuffer: ANSWER_BYTES_MAX,
        killSignal: "SIGKILL",
        signal,
        shell: false,
      });
      return stdout;
    } catch (error) {
      signal.throwIfAborted();
      throw new OperationalError("UNAVAILABLE", lastWords(error), { cause: error });
    }
  }

  #wait(name: ProgramName, args: readonly string[], stdout: "inherit" | "pipe") {
    const { status, output, error } = spawnSync(this.#node, [this.#path(name), ...args], {
      stdio: [stdout === "pipe" ? "ignore" : "inherit", stdout, "inherit"],
      maxBuffer: ANSWER_BYTES_MAX,
      encoding: "utf8",
    });
    if (error !== undefined) throw error;
    return { exitCode: status ?? 1, output: output[1] ?? "" };
  }

  #path(name: ProgramName): string {
    return join(this.#folder, `${name}-main.js`);
  }
}

function lastWords(error: unknown): string {
  const hasSpoken = typeof error === "object" && error !== null && "stderr" in error;
  const said = hasSpoken ? String(error.stderr).trim() : "";
  return said.replace(/^telltale-agent: /gm, "") || String(error);
}
