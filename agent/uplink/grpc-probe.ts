import { Client } from "@grpc/grpc-js";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { OWN_CHANNEL, type SecurityFor } from "./grpc-connect.ts";

/** grpc.health.v1: the request for the server as a whole is empty; field 1 of the answer is SERVING. */
const CHECK = "/grpc.health.v1.Health/Check";
const SERVING = Buffer.of(0x08, 0x01);
const ANSWER_BYTES_MAX = 1024;

const OPTIONS = { ...OWN_CHANNEL, "grpc.max_receive_message_length": ANSWER_BYTES_MAX };

/** Asks the aggregator at `address`, over a connection of its own, whether it serves. */
export function grpcProbe(
  address: Address,
  securityFor: SecurityFor,
): (signal: AbortSignal) => Promise<boolean> {
  const target = formatAddress(address);
  return (signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const { credentials, options } = securityFor(target);
      const client = new Client(target, credentials, { ...OPTIONS, ...options });
      const cancel = () => call.cancel();
      const call = client.makeUnaryRequest(
        CHECK,
        () => Buffer.alloc(0),
        (answer) => answer.equals(SERVING),
        null,
        (error, isServing) => {
          signal.removeEventListener("abort", cancel);
          client.close();
          resolve(error === null && isServing === true);
        },
      );
      signal.addEventListener("abort", cancel, { once: true });
    });
}
