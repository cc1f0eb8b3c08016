import type { FastifyInstance } from "fastify";
import { escapeLabelValue } from "../../shared/model/escape-label-value.ts";
import { formatG } from "../../shared/model/go-number.ts";
import {
  compareLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import { clientGone } from "./api-error.ts";
import { callOf, runOptions } from "./http-routes.ts";
import type { QueryApi } from "./query-api.ts";
import type { LatestSample, StatusPort } from "./status-port.ts";

const TYPE = "text/plain; version=0.0.4; charset=utf-8";
const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** `/federate`: the newest samples of series, to be scraped. Source: prometheus.io/docs, "Federation". */
export function addFederateRoute(
  server: FastifyInstance,
  api: QueryApi,
  { latest, externalLabels }: StatusPort,
): void {
  server.get("/federate", async (request, reply) => {
    const call = callOf(request, reply);
    const selectors = call.parameters.getAll("match[]");
    const found =
      selectors.length === 0 ? [] : await api.matching(selectors, runOptions(call), latest);
    if (call.signal.aborted) throw clientGone();
    return reply.type(TYPE).send(federationText(found, externalLabels));
  });
}

/** Samples by the names of their metrics, each with its time. */
function federationText(samples: readonly LatestSample[], external: Labels): string {
  const sorted = [...samples].sort((a, b) => compareLabels(a.labels, b.labels));
  const byName = new Map<string, string[]>();
  for (const { labels, timeMs, value } of sorted) {
    const name = labelValue(labels, METRIC_NAME);
    if (!NAME.test(name)) continue; // the text format has no way to write it
    const all = labelsFrom([...labelPairs(external), ...labelPairs(labels)]);
    const line = `${name}${braced(all)} ${formatG(value, null)} ${timeMs}\n`;
    const lines = byName.get(name);
    if (lines === undefined) byName.set(name, [line]);
    else lines.push(line);
  }
  let text = "";
  for (const name of [...byName.keys()].sort()) {
    text += `# TYPE ${name} untyped\n${byName.get(name)?.join("") ?? ""}`;
  }
  return text;
}

function braced(labels: Labels): string {
  const pairs = labelPairs(labels).filter(([name]) => name !== METRIC_NAME);
  // As in Prometheus, a job that scrapes this may rely on the label being there.
  if (labelValue(labels, "instance") === "") pairs.push(["instance", ""]);
  return `{${pairs.map(([name, value]) => `${name}="${escapeLabelValue(value)}"`).join(",")}}`;
}
