import { type ErrorCode, errorMessage, OperationalError } from "../errors.ts";
import { type Address, formatAddress } from "../model/address.ts";

/** Why an address cannot be listened on, and what to do about it. */
export function bindError(listen: Address, error: unknown): OperationalError {
  const fault = (code: ErrorCode, what: string) =>
    new OperationalError(code, `${formatAddress(listen)} ${what}`, { cause: error });
  const reason = errorMessage(error);
  // grpc-js gives only a text; the system's code stands in it.
  if (reason.includes("EADDRINUSE")) {
    const hint = "stop it, or choose another address in the configuration";
    return fault("IN_USE", `is in use by another process: ${hint}`);
  }
  if (reason.includes("EACCES")) {
    return fault("CONFIG", "may not be listened on: a port below 1024 needs a privilege");
  }
  return fault("CONFIG", `cannot be listened on: ${reason}`);
}
