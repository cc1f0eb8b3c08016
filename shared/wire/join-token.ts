import { OperationalError } from "../errors.ts";

/**
 * What an agent joins with, as one word: `ttj_` and, in base64url, 1 byte version, 24 random bytes
 * that only the aggregator and the bearer know, and 32 bytes SHA-256 of the aggregator's CA
 * certificate (DER), by which the agent knows that it speaks to the right one before it says
 * anything.
 */
const PREFIX = "ttj_";
const VERSION = 1;
export const TOKEN_SECRET_BYTES = 24;

export type JoinToken = {
  readonly secret: Uint8Array;
  /** SHA-256 of the CA certificate. */
  readonly fingerprint: Uint8Array;
};

export function formatJoinToken({ secret, fingerprint }: JoinToken): string {
  return (
    PREFIX + Buffer.concat([Uint8Array.of(VERSION), secret, fingerprint]).toString("base64url")
  );
}

/** @throws OperationalError USAGE; the message does not have the token in it */
export function parseJoinToken(text: string): JoinToken {
  const digits = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : "";
  if (!/^[A-Za-z0-9_-]{76}$/.test(digits)) {
    throw new OperationalError(
      "USAGE",
      `Not a join token: it is one word of ${PREFIX.length + 76} characters that begins with "${PREFIX}", as "telltale-aggregator token create" prints it`,
    );
  }
  const bytes = Buffer.from(digits, "base64url");
  if (bytes[0] !== VERSION) {
    throw new OperationalError("USAGE", `Join token of version ${bytes[0]}: this is version 1`);
  }
  const end = 1 + TOKEN_SECRET_BYTES;
  return { secret: bytes.subarray(1, end), fingerprint: bytes.subarray(end) };
}
