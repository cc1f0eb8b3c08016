import { OperationalError, systemCode } from "../../../shared/errors.ts";
import { HEADER_BYTES_MAX } from "./get-request.ts";

const CUT = "connection closed by the other side";
const UNKNOWN_AUTHORITY = "certificate is signed by an unknown authority";
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EAI_AGAIN: "the name cannot be looked up",
  ECONNREFUSED: "connection refused",
  ECONNRESET: CUT,
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "network unreachable",
  ENOENT: "no such socket",
  ENOTFOUND: "no such host",
  EPIPE: CUT,
  ETIMEDOUT: "connection timed out",
  CERT_HAS_EXPIRED: "certificate has expired",
  CERT_NOT_YET_VALID: "certificate is not yet valid",
  CERT_REVOKED: "certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate is self-signed",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate is for another name",
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  Z_BUF_ERROR: "the packed answer is cut",
};

/**
 * Why there is no answer, of `subject`. Nothing that the other side wrote is in it, and nothing of
 * the request.
 * @throws what is none of the failures that are expected
 */
export function getFailure(error: unknown, subject: string): OperationalError {
  const options = { cause: error };
  if (error instanceof OperationalError) {
    return new OperationalError(error.code, `${subject}: ${error.message}`, options);
  }
  const code = systemCode(error);
  if (code === null) throw error;
  if (code === "HPE_HEADER_OVERFLOW") {
    const reason = `headers of more than ${HEADER_BYTES_MAX} bytes`;
    return new OperationalError("LIMIT", `${subject}: ${reason}`, options);
  }
  return new OperationalError("UNAVAILABLE", `${subject}: ${reasonOf(error, code)}`, options);
}

function reasonOf(error: unknown, code: string): string {
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (code.startsWith("HPE_")) return "the answer is not HTTP";
  if (code.startsWith("Z_")) return "the packed answer is damaged";
  return opensslReason(error) ?? code;
}

/** OpenSSL's own words, either by themselves or in the fifth place of a line of colons. */
function opensslReason(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const own = "reason" in error ? error.reason : null;
  const [, found] = /error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(error.message) ?? [];
  const reason = typeof own === "string" ? own : found;
  return reason === undefined ? null : `TLS: ${reason}`;
}
