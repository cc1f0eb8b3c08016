import type { AddressInfo } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { expositionText } from "../../shared/telemetry/exposition.ts";
import type { Counter, Metrics } from "../../shared/telemetry/metrics.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TLS_VERSION } from "../../shared/wire/tls.ts";
import { type ErrorType, errorTypeOf } from "./api-error.ts";
import { addApiRoutes } from "./http-routes.ts";
import { refusalFor } from "./permission-state.ts";
import type { GatePort, ReadinessPort } from "./ports.ts";
import { errorBody } from "./prometheus-json.ts";
import type { QueryApi } from "./query-api.ts";
import { bearerOf } from "./tls-door.ts";

export type HttpDeps = {
  readonly api: QueryApi;
  readonly metrics: Metrics;
  readonly readiness: ReadinessPort;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null: nothing is encrypted, and nobody is asked who calls. */
  readonly gate: HttpGate | null;
};

export type HttpGate = {
  readonly port: Pick<GatePort, "personOf" | "serverTls">;
  readonly refusals: Counter;
};

export type HttpOptions = { readonly listen: Address; readonly version: string };

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

const STATUS: Record<ErrorType, number> = {
  bad_data: 400,
  execution: 422,
  timeout: 503,
  canceled: 499,
  not_found: 404,
  unavailable: 503,
  internal: 500,
};

const FRONT_TEXT = `Telltale aggregator

/api/v1/query?query=up   PromQL, in the form of Prometheus' HTTP API; also query_range, series,
                         labels, label/NAME/values, rules, alerts
/metrics                 how this aggregator itself does
/-/healthy  /-/ready

On a terminal: telltale status
`;

export class HttpServer implements AsyncDisposable {
  readonly #server: FastifyInstance;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  /** Where it listens; the port is the real one where 0 was asked for. */
  readonly address: string;

  constructor(server: FastifyInstance, { clock, gate }: Pick<HttpDeps, "clock" | "gate">) {
    this.#server = server;
    this.#clock = clock;
    if (gate !== null) void this.#followCertificate(gate.port);
    const { address: host, port } = server.server.address() as AddressInfo;
    this.address = formatAddress({ host, port });
  }

  /** Takes no more requests, lets those that run end, then closes every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closed = new AbortController();
    this.#clock.sleep(STOP_TIMEOUT_MS, closed.signal).then(
      () => this.#server.server.closeAllConnections(),
      () => {}, // all had ended in time
    );
    await this.#server.close();
    closed.abort();
  }

  async #followCertificate(gate: Pick<GatePort, "serverTls">): Promise<void> {
    let presented = gate.serverTls;
    while (!this.#stop.signal.aborted) {
      if (gate.serverTls !== presented) {
        presented = gate.serverTls;
        const { key, cert } = presented;
        const server = this.#server.server as unknown as TlsServer;
        server.setSecureContext({ key, cert, minVersion: TLS_VERSION });
      }
      await sleepUnlessAborted(this.#clock, CERTIFICATE_CHECK_EVERY_MS, this.#stop.signal);
    }
  }
}

/** @throws OperationalError IN_USE when the port is taken, CONFIG when it cannot be listened on */
export async function startHttpServer(deps: HttpDeps, options: HttpOptions): Promise<HttpServer> {
  const server = createHttpServer(deps, options);
  try {
    await server.listen({ ...options.listen });
  } catch (error) {
    await server.close();
    throw bindError(options.listen, error);
  }
  return new HttpServer(server, deps);
}

/** The server before it listens. */
export function createHttpServer(deps: HttpDeps, options: HttpOptions): FastifyInstance {
  const server: FastifyInstance = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...tlsOptions(deps.gate),
    forceCloseConnections: "idle",
    // The address is read in callOf, which keeps names that are given several times.
    routerOptions: { maxParamLength: 1024, querystringParser: () => ({}) },
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const body = errorBody("bad_data", errorMessage(error));
      return reply.code(400).type("application/json; charset=utf-8").send(body);
    },
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
  addApiRoutes(server, deps.api, options.version);
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
    await reply
      .code(refusal.code === "UNAUTHENTICATED" ? 401 : 403)
      .header("www-authenticate", 'Bearer realm="telltale"')
      .type("application/json; charset=utf-8")
      .send(errorBody("bad_data", refusal.text));
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
      logger.error(
        { path: request.url.split("?")[0], error: errorMessage(error), stack },
        "Request failed",
      );
    }
    const isOurs = type === "internal" && !(error instanceof OperationalError);
    const message = isOurs ? "internal error, see the aggregator's log" : errorMessage(error);
    const status = isClientFault(error) ? error.statusCode : STATUS[type];
    reply.code(status).type("application/json; charset=utf-8").send(errorBody(type, message));
  });
  server.setNotFoundHandler((request, reply) => {
    const message = `nothing is at ${request.url.split("?")[0]?.slice(0, 200)}`;
    reply.code(404).type("application/json; charset=utf-8").send(errorBody("not_found", message));
  });
}

/** What fastify itself refuses: a body that is too large, a content type it does not know. */
function isClientFault(error: unknown): error is Error & { readonly statusCode: number } {
  if (!(error instanceof Error) || !("statusCode" in error)) return false;
  return typeof error.statusCode === "number" && error.statusCode < 500;
}

function addPlainRoutes(server: FastifyInstance, { metrics, readiness }: HttpDeps): void {
  server.get("/", async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send(FRONT_TEXT),
  );
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(expositionText(metrics.samples())),
  );
  server.get("/-/healthy", async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send("Telltale is healthy.\n"),
  );
  server.get("/-/ready", async (_request, reply) => {
    const isReady = readiness.isReady();
    return reply
      .code(isReady ? 200 : 503)
      .type("text/plain; charset=utf-8")
      .send(isReady ? "Telltale is ready.\n" : "Telltale is not ready yet.\n");
  });
}
