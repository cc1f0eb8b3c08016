import { type handleUnaryCall, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { errorMessage, OperationalError } from "../errors.ts";
import type { Logger } from "../platform/ports.ts";
import { grpcStatus } from "./grpc-status.ts";

/** What grpc-js makes a status of. */
export type Status = { readonly code: status; readonly details: string };

/** Text of a status, at most: it travels in a header. */
const DETAILS_LENGTH_MAX = 1024;

/** A fault of ours goes out without its text. */
export function statusOf(error: unknown): Status {
  if (!(error instanceof OperationalError)) {
    return { code: status.INTERNAL, details: "Internal error, see the aggregator's log" };
  }
  return { code: grpcStatus(error.code), details: error.message.slice(0, DETAILS_LENGTH_MAX) };
}

/** A method of a service that answers once. Never rejects: a failure is the call's status. */
export function answer<In, Out>(
  work: (request: In, call: ServerUnaryCall<In, Out>) => Promise<Out> | Out,
  logger: Logger,
  toStatus: (error: unknown) => Status = statusOf,
): handleUnaryCall<In, Out> {
  return async (call, callback) => {
    try {
      callback(null, await work(call.request, call));
    } catch (error) {
      if (!(error instanceof OperationalError)) {
        const { stack } = error as Error;
        logger.error({ path: call.getPath(), error: errorMessage(error), stack }, "Request failed");
      }
      callback(toStatus(error));
    }
  };
}
