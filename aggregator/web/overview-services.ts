import type { VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { compareText, labelValue } from "../../shared/model/labels.ts";
import type { ShownAlert } from "../model/notification.ts";
import type { ServiceColumns } from "./overview-shape.ts";

/** Of the overview: more fit no screen, and `/services` has all of them. */
const SERVICES_MAX = 50;

/** What the shipped rules record; see docs/applications.md. */
const QUERIES = {
  requests: "service:requests:rate2m",
  errors: "service:errors:ratio2m",
  quantiles: 'service:latency_seconds:quantile2m{quantile="0.95"}',
  means: "service:latency_seconds:mean2m",
} as const;

export type ServiceVectors = Record<keyof typeof QUERIES, readonly VectorSample[]>;
export const SERVICE_FIGURES = Object.entries(QUERIES) as [keyof ServiceVectors, string][];

type Figures = {
  readonly name: string;
  requests: number | null;
  errors: number | null;
  latency: number | null;
  alerts: number;
};

/** Those with alerts first, then by the share of errors, then by latency. */
export function serviceColumns(
  vectors: ServiceVectors,
  alerts: readonly ShownAlert[],
): ServiceColumns {
  const services = new Map<string, Figures>();
  const set = (figure: "requests" | "errors" | "latency", samples: readonly VectorSample[]) => {
    for (const { labels, value } of samples) {
      const name = labelValue(labels, "service");
      if (name === "" || !Number.isFinite(value)) continue;
      const one = getOrInsert(services, name, () => unknownService(name));
      one[figure] = Number(value.toPrecision(3));
    }
  };
  set("requests", vectors.requests);
  set("errors", vectors.errors);
  set("latency", vectors.means);
  set("latency", vectors.quantiles); // goes before the mean
  for (const { labels, state } of alerts) {
    const one = services.get(labelValue(labels, "service"));
    if (one !== undefined && state !== "suppressed") one.alerts += 1;
  }
  const shown = [...services.values()].sort(compareServices).slice(0, SERVICES_MAX);
  return {
    total: services.size,
    name: shown.map(({ name }) => name),
    requestsPerSecond: shown.map(({ requests }) => requests),
    errorRatio: shown.map(({ errors }) => errors),
    latencySeconds: shown.map(({ latency }) => latency),
    alerts: shown.map((one) => one.alerts),
  };
}

function unknownService(name: string): Figures {
  return { name, requests: null, errors: null, latency: null, alerts: 0 };
}

function compareServices(a: Figures, b: Figures): number {
  return (
    b.alerts - a.alerts ||
    (b.errors ?? 0) - (a.errors ?? 0) ||
    (b.latency ?? 0) - (a.latency ?? 0) ||
    compareText(a.name, b.name)
  );
}
