import { OperationalError } from "../../shared/errors.ts";

const NODE_BYTES_MAX = 253;
/** What an agent's configuration takes for a name. */
const NODE_NAME = /^[\x21-\x7e]+$/;
const USER_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const TTL_DEFAULT_MS = 3_600_000;
const TTL_MAX_MS = 30 * 86_400_000;

/** @throws OperationalError USAGE */
export function checkedNode(node: string): string {
  if (node.length <= NODE_BYTES_MAX && NODE_NAME.test(node)) return node;
  const shown = JSON.stringify(node.slice(0, NODE_BYTES_MAX));
  throw new OperationalError(
    "USAGE",
    `Not a node's name: ${shown}; it is 1 to ${NODE_BYTES_MAX} printable ASCII characters without spaces`,
  );
}

/** 0: the default. @throws OperationalError USAGE */
export function checkedTtl(ttlMs: number): number {
  if (ttlMs === 0) return TTL_DEFAULT_MS;
  if (ttlMs >= 1000 && ttlMs <= TTL_MAX_MS) return ttlMs;
  throw new OperationalError("USAGE", "A join token is good for 1s to 30d");
}

/** @throws OperationalError USAGE */
export function checkedUserName(name: string): string {
  if (USER_NAME.test(name)) return name;
  throw new OperationalError(
    "USAGE",
    `Not a user's name: ${JSON.stringify(name.slice(0, 64))}; it is 1 to 64 letters, digits, ".", "_", "-" or "@"`,
  );
}
