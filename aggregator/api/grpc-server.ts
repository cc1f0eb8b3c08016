import type { TLSSocket } from "node:tls";
import {
  experimental,
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { AccessHandlers } from "../../shared/wire/generated/telltale/v1/Access.ts";
import type { IdentityHandlers } from "../../shared/wire/generated/telltale/v1/Identity.ts";
import type { QueryHandlers } from "../../shared/wire/generated/telltale/v1/Query.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import { type PermissionHooks, permissionInterceptor } from "./permission-interceptor.ts";
import type { Caller } from "./permission-state.ts";
import type { TlsDoor } from "./tls-door.ts";

export type GrpcDeps = {
  /** The implementation of telltale.v1.Ingest. */
  readonly ingest: UntypedServiceImplementation;
  readonly query: QueryHandlers;
  readonly clock: Clock;
  /** Null: nothing is encrypted, and nobody is asked who calls. */
  readonly access: GrpcAccess | null;
};

export type GrpcAccess = {
  readonly access: AccessHandlers;
  readonly identity: IdentityHandlers;
  readonly refusals: Counter;
  /** Where TLS is on; makes itself known before the first connection is taken. */
  readonly openDoor: ((inject: (socket: TLSSocket) => void) => TlsDoor) | null;
  /** A Unix socket that only the aggregator's own user can open: who calls there is an admin. */
  readonly adminSocket: string;
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

/** Serves agents and clients; its health is NOT_SERVING until `setServing`. */
export class GrpcServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #health: HealthImplementation;
  readonly #clock: Clock;
  readonly #door: TlsDoor | null;
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: string;

  constructor(parts: {
    readonly server: Server;
    readonly health: HealthImplementation;
    readonly clock: Clock;
    readonly door: TlsDoor | null;
    readonly address: string;
  }) {
    this.#server = parts.server;
    this.#health = parts.health;
    this.#clock = parts.clock;
    this.#door = parts.door;
    this.address = parts.address;
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
    this.#door?.close();
    const closed = new AbortController();
    this.#clock.sleep(STOP_TIMEOUT_MS, closed.signal).then(
      () => this.#server.forceShutdown(),
      () => {}, // all had ended in time
    );
    await new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    closed.abort();
    await this.#door?.[Symbol.asyncDispose]();
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
  const { door, port } = await listenOn(server, deps.access, options.listen);
  const address = formatAddress({ host: options.listen.host, port });
  const started = new GrpcServer({ server, health, clock: deps.clock, door, address });
  started.setServing(false);
  return started;
}

async function listenOn(
  server: Server,
  access: GrpcAccess | null,
  listen: Address,
): Promise<{ readonly door: TlsDoor | null; readonly port: number }> {
  const plain = ServerCredentials.createInsecure();
  const fault = (error: Error) => bindError(listen, error);
  if (access === null) {
    return { door: null, port: await bind(server, formatAddress(listen), plain, fault) };
  }
  const { refusals, adminSocket, openDoor } = access;
  const { v1 } = loadTelltale();
  server.addService(v1.Access.service, access.access);
  server.addService(v1.Identity.service, access.identity);
  const admin: Caller = { kind: "person", name: "the aggregator's own user", role: "admin" };
  const guarded = (hooks: PermissionHooks) =>
    experimental.createServerCredentialsWithInterceptors(plain, [
      permissionInterceptor(hooks, refusals),
    ]);
  await bind(server, `unix:${adminSocket}`, guarded({ callerOf: () => admin }), (error) => {
    const why = `${adminSocket}: the admin's socket cannot be listened on: ${error.message}`;
    return new OperationalError("CONFIG", why, { cause: error });
  });
  if (openDoor === null) {
    const local = guarded({ callerOf: () => ({ kind: "local" }) });
    return { door: null, port: await bind(server, formatAddress(listen), local, fault) };
  }
  const door = openDoor((socket) => injector.injectConnection(socket));
  const injector = server.createConnectionInjector(
    guarded({
      callerOf: (peer, authorization) => door.callerOf(peer, authorization),
      proved: (peer) => door.proved(peer),
      reset: (peer) => door.reset(peer),
    }),
  );
  return { door, port: await door.listen(listen) };
}

function bind(
  server: Server,
  target: string,
  credentials: ServerCredentials,
  fault: (error: Error) => OperationalError,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(fault(error));
    });
  });
}
