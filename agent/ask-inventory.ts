import { execFile } from "node:child_process";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The machine may be slow or busy, and this gives way to all others. */
const TIMEOUT_MS = 120_000;
const ANSWER_BYTES_MAX = 64 * 1024;
const PROGRAM = fileURLToPath(new URL("./programs/inventory-main.js", import.meta.url));

const run = promisify(execFile);

/**
 * What inventory-main.ts prints, in a process that is killed when it takes too long, says too much
 * or the signal is aborted.
 */
export async function askInventory(signal: AbortSignal, program = PROGRAM): Promise<string> {
  const { stdout } = await run(execPath, [program], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: ANSWER_BYTES_MAX,
    killSignal: "SIGKILL",
    signal,
    shell: false,
  });
  return stdout;
}
