import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { readAlerts, readSilence, SchemaError } from "./alertmanager-bodies.ts";
import { filterAlerts, filterGroups, filterSilences } from "./alertmanager-filter.ts";
import {
  alertsBody,
  groupsBody,
  jsonBody,
  receiversBody,
  silenceBody,
  silencesBody,
  statusBody,
} from "./alertmanager-json.ts";
import type { AlertsPort } from "./alerts-port.ts";
import { ApiError } from "./api-error.ts";
import { callOf, JSON_TYPE } from "./http-routes.ts";
import type { Parameters } from "./parameters.ts";

/** Bytes of a body. */
const BODY_BYTES_MAX = 10 * 1024 * 1024;
/** Posts under way: each holds its body. */
const POSTS_MAX = 8;
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

/**
 * `/api/v2`: what Prometheus, amtool and Grafana's data source ask of an Alertmanager. Source:
 * api/v2/openapi.yaml of Alertmanager. In a scope of its own: it takes bodies as bytes.
 */
export function addAlertmanagerRoutes(
  scope: FastifyInstance,
  alerts: AlertsPort,
  clock: Pick<Clock, "nowMs">,
): void {
  const startedMs = clock.nowMs();
  const get = (path: string, answer: (parameters: Parameters) => string) => {
    scope.get(`/api/v2${path}`, async (request, reply) =>
      send(reply, answer(callOf(request, reply).parameters)),
    );
  };
  get("/status", () => statusBody(alerts.configText(), startedMs));
  get("/receivers", () => receiversBody(alerts.receivers()));
  get("/alerts", (parameters) => alertsBody(filterAlerts(alerts.alerts(), parameters)));
  get("/alerts/groups", (parameters) => groupsBody(filterGroups(alerts.groups(), parameters)));
  get("/silences", (parameters) =>
    silencesBody(filterSilences(alerts.silences(), parameters), clock.nowMs()),
  );
  addSilenceRoutes(scope, alerts, clock);
  addPostRoutes(scope, alerts);
}

function addSilenceRoutes(
  scope: FastifyInstance,
  alerts: AlertsPort,
  clock: Pick<Clock, "nowMs">,
): void {
  scope.get("/api/v2/silence/:id", async (request, reply) => {
    const id = silenceId(request);
    const silence = alerts.silences().find((one) => one.id === id);
    if (silence === undefined) return reply.code(404).send();
    return send(reply, silenceBody(silence, clock.nowMs()));
  });
  scope.delete("/api/v2/silence/:id", async (request, reply) => {
    const isKnown = await expire(alerts, silenceId(request));
    return reply.code(isKnown ? 200 : 404).send();
  });
}

/** One that has ended already is as the client wants it. */
async function expire(alerts: AlertsPort, id: string): Promise<boolean> {
  try {
    return await alerts.expireSilence(id);
  } catch (error) {
    if (error instanceof OperationalError && error.code === "QUERY") return true;
    throw error;
  }
}

function silenceId(request: FastifyRequest): string {
  const { id } = request.params as { readonly id: string };
  if (UUID.test(id)) return id.toLowerCase();
  throw new SchemaError("type", "silenceID in path must be of type uuid");
}

function addPostRoutes(scope: FastifyInstance, alerts: AlertsPort): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  let running = 0;
  const onRequest = async (_request: FastifyRequest, reply: FastifyReply) => {
    if (running >= POSTS_MAX) throw new ApiError("too_many", `${running} posts under way`);
    running += 1;
    reply.raw.once("close", () => {
      running -= 1;
    });
  };
  const post = (path: string, answer: (body: Uint8Array) => Promise<string | undefined>) => {
    const options = { bodyLimit: BODY_BYTES_MAX, onRequest };
    scope.post(`/api/v2${path}`, options, async ({ body }, reply) => {
      const text = await answer(body instanceof Uint8Array ? body : new Uint8Array(0));
      return text === undefined ? reply.send() : send(reply, text);
    });
  };
  post("/alerts", async (body) => {
    const posted = readAlerts(body);
    if (posted.alerts.length > 0) await alerts.post(posted.alerts);
    if (posted.problems.length > 0) throw new ApiError("bad_data", posted.problems.join("; "));
    return undefined;
  });
  post("/silences", async (body) =>
    jsonBody({ silenceID: await alerts.setSilence(readSilence(body)) }),
  );
}

function send(reply: FastifyReply, text: string) {
  return reply.header("cache-control", "no-store").type(JSON_TYPE).send(text);
}

/** A refusal is a text in JSON; where the request has not the API's form it is an object. */
export function alertmanagerFault(error: unknown, status: number, text: string) {
  if (error instanceof SchemaError) return { code: error.schemaCode, message: text };
  const isOfFramework = error instanceof Error && "statusCode" in error;
  return isOfFramework ? { code: status, message: text } : text;
}
