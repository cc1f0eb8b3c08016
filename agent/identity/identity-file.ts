import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { errorMessage, OperationalError, systemCode } from "../../shared/errors.ts";

/**
 * Who this agent is to one aggregator. All of it lies in one file of the data directory,
 * `identity.json`, which only its owner can read, and which is replaced whole.
 */
export type Membership = {
  /** The aggregator, HOST:PORT, as it was named when the node joined. */
  readonly aggregator: string;
  readonly node: string;
  readonly privateKeyPem: string;
  readonly certificatePem: string;
  /** The CA certificates by one of which the aggregator has to prove itself. */
  readonly authoritiesPem: string;
  /** By this machine's clock, Unix milliseconds. */
  readonly issuedMs: number;
  readonly notAfterMs: number;
};

const FILE_BYTES_MAX = 1024 ** 2;
const VERSION = 1;
/** A change takes seconds; what is left of one after this was broken off. */
const CHANGE_MAX_MS = 60_000;

function pathOf(dataDirectory: string): string {
  return join(dataDirectory, "identity.json");
}

/** Empty where the agent has not joined. @throws OperationalError CONFIG, STORAGE */
export function readMemberships(dataDirectory: string): readonly Membership[] {
  const path = pathOf(dataDirectory);
  let text: string;
  try {
    if (statSync(path).size > FILE_BYTES_MAX) {
      throw new OperationalError("CONFIG", `${path}: larger than ${FILE_BYTES_MAX} bytes`);
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw new OperationalError("STORAGE", `${path}: ${errorMessage(error)}`, { cause: error });
  }
  return membershipsOf(path, text);
}

function membershipsOf(path: string, text: string): readonly Membership[] {
  try {
    const { version, memberships } = JSON.parse(text);
    if (version === VERSION && Array.isArray(memberships)) return memberships;
  } catch {
    // said below
  }
  throw new OperationalError("CONFIG", `${path} is not one that this agent wrote: join again`);
}

/**
 * Replaces the memberships: the file is the old one or the new one, whenever the machine stops. Root
 * gives it to the owner of the directory, whom the service runs as.
 * @throws OperationalError IN_USE when another process changes it, STORAGE
 */
export async function changeMemberships(
  dataDirectory: string,
  nowMs: number,
  change: (before: readonly Membership[]) => Promise<readonly Membership[]>,
): Promise<void> {
  const path = pathOf(dataDirectory);
  const next = `${path}.new`;
  const file = openNext(dataDirectory, next, nowMs);
  try {
    const memberships = await change(readMemberships(dataDirectory));
    writeFileSync(file, `${JSON.stringify({ version: VERSION, memberships }, null, 1)}\n`);
    fsyncSync(file);
    const { uid, gid } = statSync(dataDirectory);
    if (statSync(next).uid !== uid) chownSync(next, uid, gid);
    renameSync(next, path);
    const directory = openSync(dataDirectory, "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (error) {
    rmSync(next, { force: true });
    if (error instanceof OperationalError) throw error;
    throw new OperationalError("STORAGE", `${path}: ${errorMessage(error)}`, { cause: error });
  } finally {
    closeSync(file);
  }
}

/** The file that becomes the new one; that it can be made only once keeps others out. */
function openNext(dataDirectory: string, next: string, nowMs: number): number {
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const leftover = statSync(next, { throwIfNoEntry: false });
    if (leftover !== undefined && nowMs - leftover.mtimeMs > CHANGE_MAX_MS) rmSync(next);
    return openSync(next, "wx", 0o600);
  } catch (error) {
    if (systemCode(error) === "EEXIST") {
      throw new OperationalError(
        "IN_USE",
        `${next}: another process changes the identity just now`,
      );
    }
    throw new OperationalError("STORAGE", `${next}: ${errorMessage(error)}`, { cause: error });
  }
}

/** The membership to use for an aggregator; one alone is used whatever the address is. */
export function membershipFor(
  memberships: readonly Membership[],
  aggregator: string,
): Membership | null {
  const named = memberships.find((one) => one.aggregator === aggregator);
  if (named !== undefined) return named;
  return memberships.length === 1 ? (memberships[0] ?? null) : null;
}
