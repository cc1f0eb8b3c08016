import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { OperationalError } from "../shared/errors.ts";
import type { Address } from "../shared/model/address.ts";

const TIMEOUT_MS = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024;
const PROGRAM = join(import.meta.dirname, "programs/identity-main.js");

const run = promisify(execFile);

export type IdentityRequest =
  | { readonly command: "renew"; readonly dataDirectory: string }
  | {
      readonly command: "join";
      readonly dataDirectory: string;
      readonly aggregator: Address;
      /** "-": it is read from standard input. */
      readonly token: string;
      readonly node: string;
    };

/** Runs identity-main.ts on this terminal. @returns its exit code; `node` is what runs this program */
export function joinApart(node: string, request: IdentityRequest): number {
  const { status, error } = spawnSync(node, [PROGRAM, JSON.stringify(request)], {
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** Runs identity-main.ts in the background. @throws OperationalError UNAVAILABLE saying why not */
export async function renewApart(
  node: string,
  dataDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  const request: IdentityRequest = { command: "renew", dataDirectory };
  try {
    await run(node, [PROGRAM, JSON.stringify(request)], {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
      killSignal: "SIGKILL",
      signal,
      shell: false,
    });
  } catch (error) {
    signal.throwIfAborted();
    const said = typeof error === "object" && error !== null && "stderr" in error;
    const why = said
      ? String(error.stderr)
          .trim()
          .replace(/^telltale-agent: /, "")
      : String(error);
    throw new OperationalError("UNAVAILABLE", why || String(error), { cause: error });
  }
}
