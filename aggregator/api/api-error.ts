import { type ErrorCode, OperationalError } from "../../shared/errors.ts";

/** What Prometheus' HTTP API calls the kind of a failure; programs branch on it. */
export type ErrorType =
  | "bad_data" // the request is wrong
  | "execution" // the expression cannot be evaluated
  | "timeout"
  | "canceled" // the client went away
  | "not_found"
  | "unavailable"
  | "internal";

const CODES: Record<ErrorType, ErrorCode> = {
  bad_data: "PARSE",
  execution: "QUERY",
  timeout: "LIMIT",
  canceled: "UNAVAILABLE",
  not_found: "NOT_FOUND",
  unavailable: "UNAVAILABLE",
  internal: "STORAGE",
};

const TYPES: Record<ErrorCode, ErrorType> = {
  CONFIG: "internal",
  USAGE: "bad_data",
  PARSE: "bad_data",
  PROTOCOL: "bad_data",
  LIMIT: "execution", // as Prometheus calls a query that would load too many samples
  NOT_FOUND: "not_found",
  IN_USE: "unavailable",
  UNAVAILABLE: "unavailable",
  STORAGE: "internal",
  UNAUTHENTICATED: "bad_data",
  FORBIDDEN: "bad_data",
  QUERY: "execution",
};

/** A failure of a request, as the client gets it in its own protocol. */
export class ApiError extends OperationalError {
  readonly type: ErrorType;

  constructor(type: ErrorType, message: string, options?: { cause?: unknown }) {
    super(CODES[type], message, options);
    this.type = type;
  }
}

/** Why the work for a client ends that waits for it no more. */
export function clientGone(): ApiError {
  return new ApiError("canceled", "The client went away");
}

/** The kind under which a failure is reported. What is not operational is a fault of ours. */
export function errorTypeOf(error: unknown): ErrorType {
  if (error instanceof ApiError) return error.type;
  return error instanceof OperationalError ? TYPES[error.code] : "internal";
}
