import { spawn } from "node:child_process";
import { once } from "node:events";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";

/**
 * What the journal's reader wants of the world: runs journalctl with these arguments and gives what
 * it prints. The program waits while nobody takes the next piece, ends when the signal is aborted, and
 * is gone when the last piece was taken.
 * @throws OperationalError NOT_FOUND when there is no such program, UNAVAILABLE with its last words when
 * it fails
 */
export type RunJournalctl = (
  args: readonly string[],
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

const LAST_WORDS_CHARACTERS_MAX = 1000;

/** @param program its path, or a name that is looked for in PATH */
export function journalctl(program = "journalctl"): RunJournalctl {
  return async function* run(args, signal) {
    if (signal.aborted) return;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const kill = () => child.kill("SIGKILL"); // it only reads
    signal.addEventListener("abort", kill, { once: true });
    let lastWords = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      lastWords = (lastWords + text).slice(-LAST_WORDS_CHARACTERS_MAX);
    });
    const end = once(child, "close");
    end.catch(() => undefined); // it is asked for below
    try {
      for await (const bytes of child.stdout) yield bytes;
      const [exitCode] = await end;
      if (exitCode === 0 || signal.aborted) return;
      const words = lastWords.trim() || `exit code ${exitCode}`;
      throw new OperationalError("UNAVAILABLE", `journalctl failed: ${words}`);
    } catch (cause) {
      if (cause instanceof OperationalError) throw cause;
      const code = systemCode(cause) === "ENOENT" ? "NOT_FOUND" : "UNAVAILABLE";
      const text = `Cannot run journalctl: ${errorMessage(cause)}`;
      throw new OperationalError(code, text, { cause });
    } finally {
      signal.removeEventListener("abort", kill);
      kill();
    }
  };
}
