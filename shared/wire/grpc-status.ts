import { status } from "@grpc/grpc-js";
import { type ErrorCode, errorMessage, OperationalError } from "../errors.ts";

/** What the peer is told of an error; an agent and the client act on the code alone. */
const STATUS_OF: Readonly<Record<ErrorCode, status>> = {
  CONFIG: status.FAILED_PRECONDITION,
  USAGE: status.INVALID_ARGUMENT,
  PARSE: status.INVALID_ARGUMENT,
  PROTOCOL: status.FAILED_PRECONDITION,
  LIMIT: status.RESOURCE_EXHAUSTED,
  NOT_FOUND: status.NOT_FOUND,
  IN_USE: status.ALREADY_EXISTS,
  UNAVAILABLE: status.UNAVAILABLE,
  STORAGE: status.INTERNAL,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  FORBIDDEN: status.PERMISSION_DENIED,
  QUERY: status.INVALID_ARGUMENT,
};

/** The way back, for the side that is told; what is not named here means "try again later". */
const CODE_OF: ReadonlyMap<status, ErrorCode> = new Map([
  [status.INVALID_ARGUMENT, "QUERY"],
  [status.OUT_OF_RANGE, "LIMIT"],
  [status.FAILED_PRECONDITION, "PROTOCOL"],
  [status.UNIMPLEMENTED, "PROTOCOL"],
  [status.RESOURCE_EXHAUSTED, "LIMIT"],
  [status.NOT_FOUND, "NOT_FOUND"],
  [status.ALREADY_EXISTS, "IN_USE"],
  [status.INTERNAL, "STORAGE"],
  [status.UNAUTHENTICATED, "UNAUTHENTICATED"],
  [status.PERMISSION_DENIED, "FORBIDDEN"],
]);

export function grpcStatus(code: ErrorCode): status {
  return STATUS_OF[code];
}

/** What grpc-js hands to a caller when a call fails, as one of ours; ours stay as they are. */
export function fromGrpcError(error: unknown, peer: string): OperationalError {
  if (error instanceof OperationalError) return error;
  const isServiceError = error instanceof Error && "code" in error && "details" in error;
  if (!isServiceError) {
    return new OperationalError("UNAVAILABLE", `${peer}: ${errorMessage(error)}`, { cause: error });
  }
  const code = CODE_OF.get(error.code as status) ?? "UNAVAILABLE";
  return new OperationalError(code, `${peer}: ${String(error.details)}`, { cause: error });
}
