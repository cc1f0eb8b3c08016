import { errorMessage, OperationalError } from "../errors.ts";
import { type Address, formatAddress } from "../model/address.ts";

/** Why an address cannot be listened on, and what to do about it. */
export function bindError(listen: Address, error: unknown): OperationalError {
  const address = formatAddress(listen);
  const reason = errorMessage(error);
  // grpc-js gives only a text; the system's code stands in it.
  if (reason.includes("EADDRINUSE")) {
    const hint = "stop it, or choose another address in the configuration";
    const message = `${address} is in use by another process: ${hint}`;
    return new OperationalError("IN_USE", message, { cause: error });
  }
  if (reason.includes("EACCES")) {
    const message = `${address} may not be listened on: a port below 1024 needs a privilege`;
    return new OperationalError("CONFIG", message, { cause: error });
  }
  return new OperationalError("CONFIG", `${address} cannot be listened on: ${reason}`, {
    cause: error,
  });
}
