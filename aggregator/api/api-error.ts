import { type ErrorCode, OperationalError } from "../../shared/errors.ts";

/**
 * What Prometheus' HTTP API calls the kind of a failure, which programs branch on; with the code it
 * has here and its status over HTTP.
 */
const KINDS = {
  bad_data: { code: "PARSE", status: 400 }, // the request is wrong
  execution: { code: "QUERY", status: 422 }, // the expression cannot be evaluated
  timeout: { code: "LIMIT", status: 503 },
  canceled: { code: "UNAVAILABLE", status: 499 }, // the client went away
  not_found: { code: "NOT_FOUND", status: 404 },
  too_many: { code: "LIMIT", status: 429 }, // come again later: there is no room now
  unavailable: { code: "UNAVAILABLE", status: 503 },
  internal: { code: "STORAGE", status: 500 },
} as const;

export type ErrorType = keyof typeof KINDS;

export function httpStatusOf(type: ErrorType): number {
  return KINDS[type].status;
}

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
    super(KINDS[type].code, message, options);
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
