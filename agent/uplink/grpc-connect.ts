import { once } from "node:events";
import { connect } from "node:net";
import { Client, type ClientDuplexStream, status } from "@grpc/grpc-js";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage__Output } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { IngestClient } from "../../shared/wire/generated/telltale/v1/Ingest.ts";
import { fromGrpcError } from "../../shared/wire/grpc-status.ts";
import type { AgentConnection, ConnectIngest } from "../../shared/wire/ingest-connection.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import type { ChannelSecurity } from "../../shared/wire/tls.ts";

/** A connection of one's own, made once and only to the address that was configured. */
const OWN_CHANNEL = {
  "grpc.enable_retries": 0,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_http_proxy": 0,
};
const OPTIONS = {
  ...OWN_CHANNEL, // reconnecting and repeating is the uplink's own business, with its own waits
  "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
  "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
};

/** How to speak to an aggregator, by its address. */
type SecurityFor = (target: string) => ChannelSecurity;

/**
 * For TCP and TLS. Short, because in a network that was gone each further attempt of the kernel's comes
 * twice as late: a new connection is quicker, once it has healed, than to wait for an old one.
 */
const CONNECT_MS = 2500;

type Call = ClientDuplexStream<AgentMessage, AggregatorMessage__Output>;

/**
 * Streams to the aggregator at `address`. The connection is there at once; that nobody answers
 * shows when it is read from.
 * @param securityFor asked for each connection, so that new certificates are in force from the next
 */
export function grpcConnect(address: Address, securityFor: SecurityFor): ConnectIngest {
  const target = formatAddress(address);
  return async (signal) => {
    await checkListens(address, signal);
    const { Ingest } = loadTelltale().v1;
    const { credentials, options } = securityFor(target);
    return new GrpcConnection(new Ingest(target, credentials, { ...OPTIONS, ...options }), target);
  };
}

/**
 * An aggregator that is away for hours is tried every second or two: a refused connection costs
 * 0.3 ms of CPU time, one that gRPC finds out about 20 ms, which is twice what a tick costs.
 */
async function checkListens({ host, port }: Address, signal: AbortSignal): Promise<void> {
  // Node's connect listens to its signal for good, and the agent's outlives all attempts.
  using attempt = eitherSignal(signal);
  const socket = connect({ host, port, signal: attempt.signal, timeout: CONNECT_MS });
  socket.on("timeout", () => socket.destroy(new Error(`no answer in ${CONNECT_MS / 1000} s`)));
  try {
    await once(socket, "connect");
  } catch (error) {
    signal.throwIfAborted();
    const why = `${formatAddress({ host, port })}: ${errorMessage(error)}`;
    throw new OperationalError("UNAVAILABLE", why, { cause: error });
  } finally {
    socket.destroy();
  }
}

class GrpcConnection implements AgentConnection {
  readonly peer: string;
  readonly messages: AsyncIterable<AggregatorMessage__Output>;
  readonly #client: IngestClient;
  readonly #call: Call;
  /** Rejects nobody; set when nothing can be sent any more. */
  #fault: OperationalError | null = null;
  /** Why this side has given it up. */
  #left: OperationalError | null = null;

  constructor(client: IngestClient, peer: string) {
    this.peer = peer;
    this.#client = client;
    this.#call = client.stream();
    this.messages = readMessages(this.#call, peer, () => this.#left);
    this.#call.on("error", () => {}); // `messages` reports it
    this.#call.on("status", ({ code, details }) => {
      const text = code === status.OK ? "ended the stream" : details;
      this.#fault ??= new OperationalError("UNAVAILABLE", `${peer}: ${text}`);
      this.#client.close();
    });
    client.waitForReady(nodeClock.nowMs() + CONNECT_MS, (error) => {
      if (error === undefined || this.#fault !== null) return;
      this.#left = new OperationalError("UNAVAILABLE", `${peer} does not answer`);
      this.close(this.#left);
    });
  }

  async send(message: AgentMessage): Promise<void> {
    if (this.#fault !== null) throw this.#fault;
    if (this.#call.write(message)) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#call.off("drain", end);
        this.#call.off("status", end);
        resolve();
      };
      this.#call.on("drain", end);
      this.#call.on("status", end);
    });
    if (this.#fault !== null) throw this.#fault;
  }

  close(error?: Error): void {
    if (error === undefined) {
      this.#call.end();
      return;
    }
    this.#fault ??= new OperationalError("UNAVAILABLE", error.message, { cause: error });
    this.#call.cancel();
  }
}

async function* readMessages(
  call: Call,
  peer: string,
  left: () => OperationalError | null,
): AsyncGenerator<AggregatorMessage__Output> {
  try {
    yield* call;
  } catch (error) {
    throw left() ?? fromGrpcError(error, peer);
  }
}

/** grpc.health.v1: the request for the server as a whole is empty; field 1 of the answer is SERVING. */
const CHECK = "/grpc.health.v1.Health/Check";
const SERVING = Buffer.of(0x08, 0x01);
const ANSWER_BYTES_MAX = 1024;

const PROBE_OPTIONS = { ...OWN_CHANNEL, "grpc.max_receive_message_length": ANSWER_BYTES_MAX };

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
      const client = new Client(target, credentials, { ...PROBE_OPTIONS, ...options });
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
