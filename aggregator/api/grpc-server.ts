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
import { withDeadline } from "../../shared/time/deadline.ts";
import type { AccessHandlers } from "../../shared/wire/generated/telltale/v1/Access.ts";
import type { AlertsHandlers } from "../../shared/wire/generated/telltale/v1/Alerts.ts";
import type { IdentityHandlers } from "../../shared/wire/generated/telltale/v1/Identity.ts";
import type { LogsHandlers } from "../../shared/wire/generated/telltale/v1/Logs.ts";
import type { QueryHandlers } from "../../shared/wire/generated/telltale/v1/Query.ts";
import type { ServicesHandlers } from "../../shared/wire/generated/telltale/v1/Services.ts";
import type { TargetsHandlers } from "../../shared/wire/generated/telltale/v1/Targets.ts";
import { loadTelltale, MESSAGE_BYTES_MAX } from "../../shared/wire/proto.ts";
import { type PermissionHooks, permissionInterceptor } from "./permission-interceptor.ts";
import type { Caller } from "./permission-state.ts";
import type { TlsDoor } from "./tls-door.ts";

export type GrpcDeps = {
  /** The implementation of telltale.v1.Ingest. */
  readonly ingest: UntypedServiceImplementation;
  readonly query: QueryHandlers;
  readonly logs: LogsHandlers;
  readonly alerts: AlertsHandlers;
  readonly services: ServicesHandlers;
  readonly targets: TargetsHandlers;
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

/** Calls of one connection at a time. */
const CALLS_MAX = 100;
/** A connection that answers no ping this long is dead: its network is gone without a word. */
const PING_EVERY_MS = 10_000;
const PING_TIMEOUT_MS = 5000;
/** Calls that run when the server stops may take so long to end. */
const STOP_TIMEOUT_MS = 5000;
/** "" stands for the server as a whole. */
const HEALTH_NAMES = [
  "",
  ...["Alerts", "Ingest", "Logs", "Query", "Services", "Targets"].map(
    (name) => `telltale.v1.${name}`,
  ),
];

/**
 * Serves agents and clients. Disposing of it takes no more calls, lets those that run end, then cuts
 * them off.
 */
export type GrpcServer = AsyncDisposable & {
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: string;
  /** What grpc.health.v1 answers: NOT_SERVING until this is called. */
  setServing(isServing: boolean): void;
};

/** @throws OperationalError IN_USE when the port is taken, CONFIG when it cannot be listened on */
export async function startGrpcServer(deps: GrpcDeps, listen: Address): Promise<GrpcServer> {
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
  server.addService(v1.Logs.service, deps.logs);
  server.addService(v1.Alerts.service, deps.alerts);
  server.addService(v1.Services.service, deps.services);
  server.addService(v1.Targets.service, deps.targets);
  const health = new HealthImplementation();
  health.addToServer(server);
  new ReflectionService(definition).addToServer(server);
  const setServing = (isServing: boolean) => {
    for (const name of HEALTH_NAMES) {
      health.setStatus(name, isServing ? "SERVING" : "NOT_SERVING");
    }
  };
  const { door, port } = await listenOn(server, deps.access, listen);
  setServing(false);
  return {
    address: formatAddress({ host: listen.host, port }),
    setServing,
    [Symbol.asyncDispose]: async () => {
      setServing(false);
      door?.close();
      const ended = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const deadline = { clock: deps.clock, ms: STOP_TIMEOUT_MS, late: () => "calls still run" };
      await withDeadline(deadline, () => ended).catch(() => server.forceShutdown());
      await ended;
      await door?.[Symbol.asyncDispose]();
    },
  };
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
