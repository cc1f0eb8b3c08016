import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { QueryHandlers } from "../../shared/wire/generated/telltale/v1/Query.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";

export type GrpcDeps = {
  /** The implementation of telltale.v1.Ingest. */
  readonly ingest: UntypedServiceImplementation;
  readonly query: QueryHandlers;
  readonly clock: Clock;
};

export type GrpcOptions = { readonly listen: Address };

/** Calls of one connection at a time. */
const CALLS_MAX = 100;
/** A connection that answers no ping this long is dead: its network is gone without a word. */
const PING_EVERY_MS = 10_000;
const PING_TIMEOUT_MS = 5000;
/** Calls that run when the server stops may take so long to end. */
const STOP_TIMEOUT_MS = 5000;
/** "" stands for the server as a whole. */
const HEALTH_NAMES = ["", "telltale.v1.Ingest", "telltale.v1.Query"];

/** Serves agents and clients; its health is NOT_SERVING until it is told otherwise. */
export class GrpcServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #health: HealthImplementation;
  readonly #clock: Clock;
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: string;

  constructor(server: Server, health: HealthImplementation, clock: Clock, address: string) {
    this.#server = server;
    this.#health = health;
    this.#clock = clock;
    this.address = address;
  }

  /** What grpc.health.v1 answers. */
  setServing(isServing: boolean): void {
    for (const name of HEALTH_NAMES) {
      this.#health.setStatus(name, isServing ? "SERVING" : "NOT_SERVING");
    }
  }

  /** Takes no more calls, lets those that run end, then cuts them off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.setServing(false);
    const closed = new AbortController();
    this.#clock.sleep(STOP_TIMEOUT_MS, closed.signal).then(
      () => this.#server.forceShutdown(),
      () => {}, // all had ended in time
    );
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    closed.abort();
  }
}

/** @throws OperationalError IN_USE when the port is taken, CONFIG when it cannot be listened on */
export async function startGrpcServer(deps: GrpcDeps, options: GrpcOptions): Promise<GrpcServer> {
  // The library prints to stderr what it also throws; what matters goes to our own log.
  setLogVerbosity(logVerbosity.NONE);
  const { definition, v1 } = loadTelltale();
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_concurrent_streams": CALLS_MAX,
    "grpc.keepalive_time_ms": PING_EVERY_MS,
    "grpc.keepalive_timeout_ms": PING_TIMEOUT_MS,
  });
  server.addService(v1.Ingest.service, deps.ingest);
  server.addService(v1.Query.service, deps.query);
  const health = new HealthImplementation();
  health.addToServer(server);
  new ReflectionService(definition).addToServer(server);
  const port = await bind(server, options.listen);
  const address = formatAddress({ host: options.listen.host, port });
  const started = new GrpcServer(server, health, deps.clock, address);
  started.setServing(false);
  return started;
}

function bind(server: Server, listen: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(formatAddress(listen), ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(bindError(listen, error));
    });
  });
}
