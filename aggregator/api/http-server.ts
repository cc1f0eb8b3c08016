import type { AddressInfo } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TLS_VERSION } from "../../shared/wire/tls.ts";
import { type ErrorType, errorTypeOf, httpStatusOf } from "./api-error.ts";
import { addApiRoutes, JSON_TYPE } from "./http-routes.ts";
import type { LogsApi } from "./logs-api.ts";
import { addLokiRoutes } from "./loki-routes.ts";
import { refusalFor } from "./permission-state.ts";
import type { GatePort, ReadinessPort } from "./ports.ts";
import { errorBody } from "./prometheus-json.ts";
import type { QueryApi } from "./query-api.ts";
import { bearerOf } from "./tls-door.ts";

export type HttpDeps = PartDeps & {
  readonly api: QueryApi;
  readonly logs: LogsApi;
  readonly readiness: ReadinessPort;
  /** Null: nothing is encrypted, and nobody is asked who calls. */
  readonly gate: HttpGate | null;
};

export type HttpGate = {
  readonly port: Pick<GatePort, "personOf" | "serverTls">;
  readonly refusals: Counter;
};

const TEXT_TYPE = "text/plain; charset=utf-8";
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Bytes of a form. */
const BODY_BYTES_MAX = 1024 * 1024;
/** A request has to be here whole within this time. */
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECTIONS_MAX = 1000;
const HANDSHAKE_TIMEOUT_MS = 5000;
/** How often a new certificate of our own is looked for. */
const CERTIFICATE_CHECK_EVERY_MS = 1000;
/** What orchestrators and load balancers ask without saying who they are. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/-/healthy", "/-/ready"]);
/** Requests that run when the server stops may take so long to end. */
const STOP_TIMEOUT_MS = 5000;

const FRONT_TEXT = `Telltale aggregator

/api/v1/query?query=up   PromQL, in the form of Prometheus' HTTP API; also query_range, series,
                         labels, label/NAME/values, rules, alerts
/loki/api/v1/query_range LogQL, in the form of Loki's HTTP API; also query, labels, series,
                         label/NAME/values
/metrics                 how this aggregator itself does
/-/healthy  /-/ready

On a terminal: telltale status
`;

/** Disposing of it takes no more requests, lets those that run end, then closes every connection. */
export type HttpServer = AsyncDisposable & {
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: string;
};

/** @throws OperationalError IN_USE when the port is taken, CONFIG when it cannot be listened on */
export async function startHttpServer(deps: HttpDeps, listen: Address): Promise<HttpServer> {
  const { clock, gate } = deps;
  const server = createHttpServer(deps);
  try {
    await server.listen({ ...listen });
  } catch (error) {
    await server.close();
    throw bindError(listen, error);
  }
  const stop = new AbortController();
  if (gate !== null) void followCertificate(server, gate.port, clock, stop.signal);
  const { address: host, port } = server.server.address() as AddressInfo;
  return {
    address: formatAddress({ host, port }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      const closed = server.close();
      const deadline = { clock, ms: STOP_TIMEOUT_MS, late: () => "requests still run" };
      await withDeadline(deadline, () => closed).catch(() => server.server.closeAllConnections());
      await closed;
    },
  };
}

async function followCertificate(
  server: FastifyInstance,
  gate: Pick<GatePort, "serverTls">,
  clock: Clock,
  stop: AbortSignal,
): Promise<void> {
  let presented = gate.serverTls;
  while (!stop.aborted) {
    if (gate.serverTls !== presented) {
      presented = gate.serverTls;
      const { key, cert } = presented;
      const tlsServer = server.server as unknown as TlsServer;
      tlsServer.setSecureContext({ key, cert, minVersion: TLS_VERSION });
    }
    await sleepUnlessAborted(clock, CERTIFICATE_CHECK_EVERY_MS, stop);
  }
}

/** The server before it listens. */
export function createHttpServer(deps: HttpDeps): FastifyInstance {
  const server: FastifyInstance = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...tlsOptions(deps.gate),
    forceCloseConnections: "idle",
    // The address is read in callOf, which keeps names that are given several times.
    routerOptions: { maxParamLength: 1024, querystringParser: () => ({}) },
    frameworkErrors: (error, _request, reply: FastifyReply) =>
      sendError(reply, 400, "bad_data", errorMessage(error)),
  });
  server.server.maxConnections = CONNECTIONS_MAX;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string" },
    (_request, body, done) => done(null, body),
  );
  server.addHook("onSend", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
  });
  if (deps.gate !== null) addPermissions(server, deps.gate);
  addErrorHandlers(server, deps);
  addApiRoutes(server, deps.api);
  addLokiRoutes(server, deps.logs);
  addPlainRoutes(server, deps);
  return server;
}

function tlsOptions(gate: HttpGate | null) {
  if (gate === null) return {};
  const { key, cert } = gate.port.serverTls;
  const limits = { minVersion: TLS_VERSION, handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const;
  return { https: { key, cert, ...limits } };
}

/** Who asks shows a token; every role may ask. */
function addPermissions(server: FastifyInstance, { port, refusals }: HttpGate): void {
  server.addHook("onRequest", async (request, reply) => {
    if (OPEN_PATHS.has(request.url)) return;
    const { authorization } = request.headers;
    const text = "No token: send it as Authorization: Bearer TOKEN";
    const nobody = { kind: "nobody", reason: "no-credentials", text } as const;
    const caller = authorization === undefined ? nobody : bearerOf(port, authorization);
    const refusal = refusalFor(caller, "viewer");
    if (refusal === null) return;
    refusals.add(1, { reason: refusal.reason });
    reply.header("www-authenticate", 'Bearer realm="telltale"');
    const status = refusal.code === "UNAUTHENTICATED" ? 401 : 403;
    await sendError(reply, status, "bad_data", refusal.text);
  });
}

function addErrorHandlers(server: FastifyInstance, { logger, metrics }: HttpDeps): void {
  const errors: Counter = metrics.counter(
    "telltale_http_errors_total",
    "Requests over HTTP that failed, by kind",
  );
  server.setErrorHandler((error, request, reply) => {
    const type = isClientFault(error) ? "bad_data" : errorTypeOf(error);
    errors.add(1, { type });
    if (type === "internal") {
      const stack = error instanceof OperationalError ? undefined : (error as Error).stack;
      const path = request.url.split("?")[0];
      logger.error({ path, error: errorMessage(error), stack }, "Request failed");
    }
    const isOurs = type === "internal" && !(error instanceof OperationalError);
    const message = isOurs ? "internal error, see the aggregator's log" : errorMessage(error);
    const status = isClientFault(error) ? error.statusCode : httpStatusOf(type);
    sendError(reply, status, type, message);
  });
  server.setNotFoundHandler((request, reply) => {
    const message = `nothing is at ${request.url.split("?")[0]?.slice(0, 200)}`;
    sendError(reply, 404, "not_found", message);
  });
}

function sendError(reply: FastifyReply, status: number, type: ErrorType, text: string) {
  return reply.code(status).type(JSON_TYPE).send(errorBody(type, text));
}

/** What fastify itself refuses: a body that is too large, a content type it does not know. */
function isClientFault(error: unknown): error is Error & { readonly statusCode: number } {
  if (!(error instanceof Error) || !("statusCode" in error)) return false;
  return typeof error.statusCode === "number" && error.statusCode < 500;
}

function addPlainRoutes(server: FastifyInstance, { metrics, readiness }: HttpDeps): void {
  const add = (path: string, answer: (reply: FastifyReply) => string, type = TEXT_TYPE) => {
    server.get(path, async (_request, reply) => reply.type(type).send(answer(reply)));
  };
  add("/", () => FRONT_TEXT);
  add("/metrics", () => expositionText(metrics.samples()), METRICS_TYPE);
  add("/-/healthy", () => "Telltale is healthy.\n");
  add("/-/ready", (reply) => {
    if (readiness.isReady()) return "Telltale is ready.\n";
    reply.code(503);
    return "Telltale is not ready yet.\n";
  });
}
