import { type IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TLS_VERSION } from "../../shared/wire/tls.ts";
import { jsonBody } from "./alertmanager-json.ts";
import { addAlertmanagerRoutes, alertmanagerFault } from "./alertmanager-routes.ts";
import type { AlertsPort } from "./alerts-port.ts";
import { type ErrorType, errorTypeOf, httpStatusOf } from "./api-error.ts";
import { addFederateRoute } from "./federate-route.ts";
import { forgeryOf } from "./forgery-state.ts";
import { addCompression } from "./http-compression.ts";
import { addCors } from "./http-cors.ts";
import { type HttpGate, refusalOfCaller } from "./http-permissions.ts";
import { addApiRoutes, JSON_TYPE } from "./http-routes.ts";
import type { LogsApi } from "./logs-api.ts";
import type { LokiPush } from "./loki-push.ts";
import { addPushRoute } from "./loki-push-route.ts";
import { addLokiRoutes } from "./loki-routes.ts";
import { LokiTails, TAIL_PATH } from "./loki-tail.ts";
import type { PatternsApi } from "./patterns-api.ts";
import { addPatternsRoute } from "./patterns-route.ts";
import { changesState, httpRole } from "./permission-state.ts";
import type { GatePort, ReadinessPort, ReloadPort } from "./ports.ts";
import { errorBody } from "./prometheus-json.ts";
import type { QueryApi } from "./query-api.ts";
import { addRemoteWriteRoute, type RemoteWritePort } from "./remote-write-route.ts";
import type { StatusPort } from "./status-port.ts";
import { addStatusRoutes } from "./status-routes.ts";
import { addPrefixRedirect, withoutPrefix } from "./web-prefix.ts";

export type HttpDeps = PartDeps & {
  readonly api: QueryApi;
  readonly logs: LogsApi;
  readonly push: LokiPush;
  readonly remoteWrite: RemoteWritePort;
  readonly status: StatusPort;
  /** Pages of these may ask from a browser. */
  readonly corsOrigins: readonly string[];
  readonly patterns: PatternsApi;
  readonly alerts: AlertsPort;
  readonly readiness: ReadinessPort;
  readonly reloads: ReloadPort;
  /** What stands before every path: "" or such as `/telltale`. */
  readonly prefix: string;
  /** Adds what people look at, in a scope of its own. */
  readonly addPage: (scope: FastifyInstance) => void;
  /** Null: nothing is encrypted, and nobody is asked who calls. */
  readonly gate: HttpGate | null;
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
const OPEN_PATHS: ReadonlySet<string> = new Set(["/-/healthy", "/-/ready", "/ready"]);
/** Requests that run when the server stops may take so long to end. */
const STOP_TIMEOUT_MS = 5000;

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
    rewriteUrl: ({ url = "/" }) => withoutPrefix(url, deps.prefix),
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
  addPrefixRedirect(server, deps.prefix);
  server.addHook("onRequest", async ({ method, headers, routeOptions }, reply) => {
    // Questions may be a POST, and Grafana passes on what the browser says to itself.
    if (!changesState(method, routeOptions.url ?? "")) return;
    const problem = forgeryOf(headers);
    if (problem !== null) await sendError(reply, 403, "bad_data", problem);
  });
  addCors(server, deps.corsOrigins);
  if (deps.gate !== null) addPermissions(server, deps.gate, deps.prefix);
  addCompression(server);
  const failures = new Failures(deps);
  addErrorHandlers(server, failures);
  addApiRoutes(server, deps.api);
  addStatusRoutes(server, deps.api, deps.status);
  addFederateRoute(server, deps.api, deps.status);
  addPatternsRoute(server, deps.patterns);
  server.register((scope, _options, done) => {
    addLoki(scope, deps, failures);
    done();
  });
  server.register((scope, _options, done) => {
    addRemoteWriteRoute(scope, deps.remoteWrite);
    done();
  });
  server.register((scope, _options, done) => {
    addAlertmanager(scope, deps, failures);
    done();
  });
  addPlainRoutes(server, deps);
  server.register((scope, _options, done) => {
    deps.addPage(scope);
    done();
  });
  server.register((scope, _options, done) => {
    addReloadRoute(scope, deps);
    done();
  });
  addTails(server, deps, failures);
  return server;
}

/** Node hands over every request that wants another protocol, also one that can do without. */
function addTails(server: FastifyInstance, deps: HttpDeps, failures: Failures): void {
  const { logs, clock, logger, gate, prefix } = deps;
  const tails = new LokiTails({
    logs,
    clock,
    logger,
    refusalOf: ({ headers }) => {
      // A page of another site may open a WebSocket, and reads what comes; a browser names that site.
      const problem = forgeryOf(headers);
      if (problem !== null) return { status: 403, text: problem };
      return gate === null ? null : refusalOfCaller(gate, headers, "viewer", prefix);
    },
    failureOf: (error, url) => failures.note(error, url),
  });
  server.server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const isTail = withoutPrefix(request.url ?? "", prefix).split("?")[0] === TAIL_PATH;
    const isWebSocket = request.headers.upgrade?.toLowerCase() === "websocket";
    if (isTail && isWebSocket) tails.upgrade(request, socket, head);
    else answerAsIs(server, request, socket);
  });
  server.addHook("preClose", () => tails[Symbol.asyncDispose]());
}

/** Without its body, which nobody reads from the connection any more. */
function answerAsIs(server: FastifyInstance, request: IncomingMessage, socket: Socket): void {
  socket.on("error", () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  server.server.emit("request", request, response);
}

/** Loki's clients take a failure's text as it is, and show it. */
function addLoki(scope: FastifyInstance, { logs, push }: HttpDeps, failures: Failures): void {
  scope.setErrorHandler((error, request, reply) => {
    const { status, text } = failures.note(error, request.url);
    return reply.code(status).type(TEXT_TYPE).send(`${text}\n`);
  });
  addLokiRoutes(scope, logs);
  scope.register((pushScope, _options, done) => {
    addPushRoute(pushScope, push);
    done();
  });
}

/** Alertmanager knows no status for what cannot be done but 400. */
function addAlertmanager(
  scope: FastifyInstance,
  { alerts, clock }: HttpDeps,
  failures: Failures,
): void {
  scope.setErrorHandler((error, request, reply) => {
    const { status, type, text } = failures.note(error, request.url);
    const answered = type === "execution" ? 400 : status;
    const fault = alertmanagerFault(error, answered, text);
    return reply.code(answered).type(JSON_TYPE).send(jsonBody(fault));
  });
  addAlertmanagerRoutes(scope, alerts, clock);
}

function tlsOptions(gate: HttpGate | null) {
  if (gate === null) return {};
  const { key, cert } = gate.port.serverTls;
  const limits = { minVersion: TLS_VERSION, handshakeTimeout: HANDSHAKE_TIMEOUT_MS } as const;
  return { https: { key, cert, ...limits } };
}

/** Who asks shows a token. Every role may ask; what writes is for operators. */
function addPermissions(server: FastifyInstance, gate: HttpGate, prefix: string): void {
  server.addHook("onRequest", async (request, reply) => {
    if (OPEN_PATHS.has(request.url)) return;
    const role = httpRole(request.method, request.routeOptions.url ?? "");
    const refusal = refusalOfCaller(gate, request.headers, role, prefix);
    if (refusal === null) return;
    reply.header("www-authenticate", 'Bearer realm="telltale"');
    await sendError(reply, refusal.status, "bad_data", refusal.text);
  });
}

type Failure = { readonly status: number; readonly type: ErrorType; readonly text: string };

/** Counts what fails, logs what is a fault of ours, and says what the client is told. */
class Failures {
  readonly #errors: Counter;
  readonly #logger: Logger;

  constructor({ logger, metrics }: HttpDeps) {
    this.#logger = logger;
    this.#errors = metrics.counter(
      "telltale_http_errors_total",
      "Requests over HTTP that failed, by kind",
    );
  }

  note(error: unknown, url: string): Failure {
    const type = isClientFault(error) ? "bad_data" : errorTypeOf(error);
    this.#errors.add(1, { type });
    if (type === "internal") {
      const stack = error instanceof OperationalError ? undefined : (error as Error).stack;
      const path = url.split("?")[0];
      this.#logger.error({ path, error: errorMessage(error), stack }, "Request failed");
    }
    const isOurs = type === "internal" && !(error instanceof OperationalError);
    const text = isOurs ? "internal error, see the aggregator's log" : errorMessage(error);
    const status = isClientFault(error) ? error.statusCode : httpStatusOf(type);
    return { status, type, text };
  }
}

function addErrorHandlers(server: FastifyInstance, failures: Failures): void {
  server.setErrorHandler((error, request, reply) => {
    const { status, type, text } = failures.note(error, request.url);
    sendError(reply, status, type, text);
  });
  server.setNotFoundHandler((request, reply) => {
    const message = `nothing is at ${request.originalUrl.split("?")[0]?.slice(0, 200)}`;
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
  add("/metrics", () => expositionText(metrics.samples()), METRICS_TYPE);
  add("/-/healthy", () => "Telltale is healthy.\n");
  const addReady = (path: string, text: string) => {
    add(path, (reply) => {
      if (readiness.isReady()) return text;
      reply.code(503);
      return "Telltale is not ready yet.\n";
    });
  };
  addReady("/-/ready", "Telltale is ready.\n");
  addReady("/ready", "ready\n"); // as Loki says it
}

/** As Prometheus and Alertmanager have it, whatever the body. Each fault is a line of the answer. */
function addReloadRoute(scope: FastifyInstance, { reloads }: HttpDeps): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null));
  scope.post("/-/reload", async (_request, reply) => {
    const failure = await reloads.reload();
    if (failure === null) return reply.type(TEXT_TYPE).send("Rules and routing are reloaded.\n");
    const status = failure.code === "UNAVAILABLE" ? 503 : 500;
    return reply
      .code(status)
      .type(TEXT_TYPE)
      .send(`${errorMessage(failure)}\n`);
  });
}
