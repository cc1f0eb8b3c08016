import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { OperationalError, systemCode } from "../../shared/errors.ts";
import { readConfigFile } from "../../shared/platform/config-files.ts";
import { storageError } from "../../shared/platform/level-errors.ts";

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

const VERSION = 1;
/** A change takes seconds; what is left of one after this was broken off. */
const CHANGE_MAX_MS = 60_000;

function pathOf(dataDirectory: string): string {
  return join(dataDirectory, "identity.json");
}

/** Empty where the agent has not joined. @throws OperationalError CONFIG */
export function readMemberships(dataDirectory: string): readonly Membership[] {
  const path = pathOf(dataDirectory);
  const text = readConfigFile(path);
  if (text === null) return [];
  try {
    const { version, memberships } = JSON.parse(text);
    if (version === VERSION && Array.isArray(memberships)) return memberships;
  } catch {
    // said below
  }
  throw new OperationalError("CONFIG", `${path} is not one that this agent wrote: join again`);
}

/**
 * Puts a membership in the place of the one with the same aggregator, or adds it: the file is the old
 * one or the new one, whenever the machine stops. Root gives it to the owner of the directory, whom
 * the service runs as.
 * @throws OperationalError IN_USE when another process changes the file, STORAGE
 */
export async function putMembership(
  dataDirectory: string,
  nowMs: number,
  make: () => Promise<Membership>,
): Promise<Membership> {
  const path = pathOf(dataDirectory);
  const next = `${path}.new`;
  const file = openNext(dataDirectory, next, nowMs);
  try {
    const made = await make();
    const memberships = withMembership(readMemberships(dataDirectory), made);
    const text = `${JSON.stringify({ version: VERSION, memberships }, null, 1)}\n`;
    writeFileSync(file, text, { flush: true });
    const { uid, gid } = statSync(dataDirectory);
    if (statSync(next).uid !== uid) chownSync(next, uid, gid);
    renameSync(next, path);
    const directory = openSync(dataDirectory, "r");
    fsyncSync(directory);
    closeSync(directory);
    return made;
  } catch (error) {
    rmSync(next, { force: true });
    throw error instanceof OperationalError ? error : storageError(path, error);
  } finally {
    closeSync(file);
  }
}

function withMembership(known: readonly Membership[], made: Membership): readonly Membership[] {
  const place = known.findIndex(({ aggregator }) => aggregator === made.aggregator);
  return place < 0 ? [...known, made] : known.with(place, made);
}

/** The file that becomes the new one; that it can be made only once keeps others out. */
function openNext(dataDirectory: string, next: string, nowMs: number): number {
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const leftover = statSync(next, { throwIfNoEntry: false });
    if (leftover !== undefined && nowMs - leftover.mtimeMs > CHANGE_MAX_MS) rmSync(next);
    return openSync(next, "wx", 0o600);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw storageError(next, error);
    const message = `${next}: another process changes the identity just now`;
    throw new OperationalError("IN_USE", message, { cause: error });
  }
}

/** The membership to use for an aggregator; one alone is used whatever the address is. */
export function membershipFor(
  memberships: readonly Membership[],
  aggregator: string,
): Membership | null {
  const alone = memberships.length === 1 ? memberships[0] : undefined;
  return memberships.find((one) => one.aggregator === aggregator) ?? alone ?? null;
}
