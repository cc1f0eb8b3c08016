/**
 * Everything that is expected to go wrong, by what the receiver of the error can do about it.
 * One closed union: it is the `code` label of `*_errors_total` and the key of docs/errors.md.
 */
export type ErrorCode =
  | "CONFIG" // a configuration or rule file is wrong: correct the file
  | "USAGE" // a command line is wrong
  | "PARSE" // text or bytes from outside do not have the form they should have
  | "PROTOCOL" // the peer sent what the protocol does not allow
  | "LIMIT" // a bound was reached: a size, a count, a time
  | "NOT_FOUND"
  | "IN_USE" // a port, a data directory or an identity is taken by another process
  | "UNAVAILABLE" // the peer or the network is away: try again later
  | "STORAGE" // disk full, IO error, a damaged file
  | "UNAUTHENTICATED" // nobody says who the caller is, or not so that it can be believed
  | "FORBIDDEN" // the caller is known, and may not do this
  | "QUERY"; // a PromQL expression that cannot be evaluated

/**
 * An expected failure. The message names what failed and the value; it starts with a capital
 * letter or the subject's own name and ends without a full stop.
 */
export class OperationalError extends Error {
  override readonly name = "OperationalError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything thrown, for a log line or a peer. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's code (`ENOENT`, `EADDRINUSE`) or a library's (`LEVEL_LOCKED`), if there is one. */
export function systemCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
