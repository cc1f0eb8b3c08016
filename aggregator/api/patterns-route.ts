import type { FastifyInstance } from "fastify";
import { type Call, callOf, JSON_TYPE, runOptions } from "./http-routes.ts";
import { countParameter, timeOf } from "./loki-parameters.ts";
import { parseSpan } from "./parameters.ts";
import type { PatternsApi } from "./patterns-api.ts";

/** What is mined of log lines, with ids, examples and first times, which Loki's API has no place for. */
export function addPatternsRoute(server: FastifyInstance, api: PatternsApi): void {
  server.get("/api/telltale/v1/log-patterns", async (request, reply) => {
    const call = callOf(request, reply);
    const list = await api.list(askedOf(call), { ...runOptions(call), limit: null });
    return reply.type(JSON_TYPE).send(JSON.stringify(list));
  });
}

function askedOf({ parameters }: Call) {
  const step = parameters.get("step") ?? "";
  return {
    selector: parameters.get("selector") ?? "",
    startUs: timeOf(parameters, "start", 0),
    endUs: timeOf(parameters, "end", 0),
    stepMs: step === "" ? 0 : parseSpan(step, "step"),
    limit: countParameter(parameters, "limit", 0),
  };
}
