import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type Disposals, startParts } from "../shared/platform/disposals.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import { repeat } from "../shared/time/repeat.ts";
import { Access } from "./access/access.ts";
import { accessServices } from "./access/access-service.ts";
import { createAlertsService } from "./api/alerts-service.ts";
import { type GrpcAccess, startGrpcServer } from "./api/grpc-server.ts";
import { type HttpGate, refusalOfCaller } from "./api/http-permissions.ts";
import { startHttpServer } from "./api/http-server.ts";
import { createLogsService } from "./api/logs-service.ts";
import { patternsHandler } from "./api/patterns-service.ts";
import { createQueryService } from "./api/query-service.ts";
import { createServicesService } from "./api/services-service.ts";
import { createTargetsService } from "./api/targets-service.ts";
import { type AgentPeer, TlsDoor } from "./api/tls-door.ts";
import { type AggregatorConfig, hasTls } from "./config.ts";
import { type CertifiedPeer, ingestHandlers } from "./ingest/grpc-handler.ts";
import type { AggregatorPlatform, Services } from "./platform.ts";
import { loadPageFiles, PAGE_FOLDER } from "./web/page-files.ts";
import type { People } from "./web/session-routes.ts";
import { addWebRoutes } from "./web/web-routes.ts";

type ListenPlatform = Pick<AggregatorPlatform, "clock" | "logger" | "openStore">;

const UPKEEP_EVERY_MS = 5000;

/** Where an admin on this machine speaks to the aggregator. */
export function adminSocketPath(dataDirectory: string): string {
  return join(dataDirectory, "admin", "grpc.sock");
}

/**
 * Serves gRPC and HTTP on real sockets: encrypted, and asking who calls, where other machines reach
 * them.
 * @throws OperationalError IN_USE when a port is taken, CONFIG, STORAGE
 */
export async function listen(
  services: Services,
  platform: ListenPlatform,
  config: AggregatorConfig,
): Promise<AsyncDisposable> {
  return await startParts(platform.logger, async (parts) => {
    const guard = await openGuard(services.metrics, platform, config, parts);
    const { ingest, api, logs, loki, push, patterns, alerts, metrics, remoteWrite } = services;
    const { status } = services;
    const { readiness, reloads } = services;
    const { clock, logger } = platform;
    const gate = hasTls(config, config.http.listen) ? (guard?.http ?? null) : null;
    const { web_prefix: prefix } = config;
    const people = gate === null ? null : (guard?.people ?? null);
    const mayAsk = (headers: IncomingHttpHeaders) => {
      return gate === null || refusalOfCaller(gate, headers, "viewer", prefix) === null;
    };
    const web = {
      ...{ files: loadPageFiles(PAGE_FOLDER), feed: services.overview },
      ...{ containers: services.containers },
      ...{ people, mayAsk, prefix, alerts, nodes: api, clock, metrics },
    };
    const addPage = (scope: FastifyInstance) => addWebRoutes(scope, web);
    const asked = { api, logs: loki, push, remoteWrite, status, patterns, alerts };
    const served = { ...asked, metrics, readiness, reloads, addPage };
    const corsOrigins = config.http.cors_origins;
    const http = { ...served, clock, logger, gate, prefix, corsOrigins };
    parts.use(await startHttpServer(http, config.http.listen));
    const grpc = await startGrpcServer(
      {
        ingest: ingestHandlers(ingest, guard?.certified ?? null),
        query: createQueryService(api, logger),
        logs: createLogsService(logs, logger, patternsHandler(patterns, logger)),
        alerts: createAlertsService(alerts, clock, logger),
        services: createServicesService(api, logger),
        targets: createTargetsService(api, logger),
        clock,
        access: guard?.grpc ?? null,
      },
      config.grpc.listen,
    );
    parts.use(grpc);
    grpc.setServing(true);
  });
}

type Guard = {
  readonly grpc: GrpcAccess;
  readonly http: HttpGate;
  readonly people: People;
  /** Null where the gRPC port asks nobody. */
  readonly certified: ((peer: string) => CertifiedPeer | null) | null;
};

/** Null where nothing listens for other machines, or insecurely: then there is no CA either. */
async function openGuard(
  metrics: Metrics,
  { clock, logger, openStore }: ListenPlatform,
  config: AggregatorConfig,
  parts: Disposals,
): Promise<Guard | null> {
  const isGrpcTls = hasTls(config, config.grpc.listen);
  if (!isGrpcTls && !hasTls(config, config.http.listen)) return null;
  const directory = privateDirectory(join(config.data_dir, "access"));
  const options = { names: namesOf(config), certificateLifeMs: config.certificate_lifetime };
  const access = await openStore(directory, metrics, async (store) => {
    const opened = await Access.open({ store, clock, logger, metrics }, options);
    parts.defer(() => store.close());
    return opened;
  });
  const upkeep = {
    run: () => access.upkeep(),
    pauseMs: () => UPKEEP_EVERY_MS,
    failure: "upkeep of certificates failed",
  };
  parts.run((signal) => repeat(upkeep, { clock, logger }, signal));
  const refusals = metrics.counter(
    "telltale_access_refusals_total",
    "Calls and requests that were refused for who called, by reason.",
  );
  let door: TlsDoor | null = null;
  const openDoor: GrpcAccess["openDoor"] = (inject) => {
    door = new TlsDoor({ gate: access, clock, logger, metrics }, inject);
    return door;
  };
  const agentOf = (peer: string): AgentPeer | null => door?.agentOf(peer) ?? null;
  const handlers = accessServices(access, (peer) => agentOf(peer)?.fingerprint ?? "", logger);
  const adminSocket = adminSocketPath(config.data_dir);
  privateDirectory(join(adminSocket, ".."));
  rmSync(adminSocket, { force: true }); // left by one that was killed: the stores are ours by now
  return {
    grpc: { ...handlers, refusals, adminSocket, openDoor: isGrpcTls ? openDoor : null },
    http: { port: access, refusals },
    people: access,
    certified: isGrpcTls ? agentOf : null,
  };
}

/** For its owner alone. */
function privateDirectory(directory: string): string {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o700);
  return directory;
}

/** What the certificate says it is: the names of this machine, its addresses, what was configured. */
function namesOf({ tls_names: configured, grpc, http }: AggregatorConfig): string[] {
  const own = ["localhost", "127.0.0.1", "::1", hostname()];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address.replace(/%.*$/, ""));
  const listened = [grpc.listen.host, http.listen.host].filter(
    (host) => host !== "0.0.0.0" && host !== "::",
  );
  return [...new Set([...configured, ...own, ...listened, ...addresses])];
}
