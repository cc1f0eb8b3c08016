import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelValue } from "../../../shared/model/labels.ts";
import type { AccessLine } from "./access-line.ts";
import { DEFAULT_BUCKETS, MetricTable } from "./metric-table.ts";
import { routeOf } from "./route.ts";

export type HttpMetricsLimits = {
  readonly servicesMax: number;
  readonly routesMax: number; // of one service
  readonly seriesMax: number; // of both metrics, each
};

export const HTTP_METRICS_DEFAULTS: HttpMetricsLimits = {
  servicesMax: 1000,
  routesMax: 200,
  seriesMax: 50_000,
};

const OTHER = "other";
const METHODS = new Set(
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND REPORT MKCOL COPY MOVE LOCK UNLOCK".split(
    " ",
  ),
);
const OTHER_REQUEST: Labels = ["method", OTHER, "route", OTHER, "service", OTHER, "status", OTHER];
const OTHER_DURATION: Labels = ["route", OTHER, "service", OTHER];
/** Answers to those who guess paths: they make no route known. */
const GUESSED = new Set([0, 400, 403, 404, 405, 410, 414]);

/**
 * Counts requests by service, method, status and route, and their durations by service and route. Each
 * line counts once: what is beyond a bound counts under `other`.
 */
export class HttpMetrics {
  readonly requests: MetricTable;
  readonly durations: MetricTable;

  readonly #limits: HttpMetricsLimits;
  readonly #routes = new Map<string, Set<string>>();
  /** By service, method, status and route. */
  readonly #labels = new Map<string, Labels>();

  constructor(limits: HttpMetricsLimits = HTTP_METRICS_DEFAULTS) {
    this.#limits = limits;
    this.requests = new MetricTable(
      {
        name: "http_requests_total",
        kind: "counter",
        help: "Requests in access logs.",
        buckets: [],
      },
      limits.seriesMax,
    );
    this.durations = new MetricTable(
      {
        name: "http_request_duration_seconds",
        kind: "histogram",
        help: "How long requests in access logs took.",
        buckets: DEFAULT_BUCKETS,
      },
      limits.seriesMax,
    );
  }

  add(service: string, access: AccessLine): void {
    const method = METHODS.has(access.method) ? access.method : OTHER;
    const status = access.status === 0 ? OTHER : String(access.status);
    const name = this.#hasRoomFor(service) ? service : OTHER;
    const route = name === OTHER ? OTHER : this.#route(name, access);
    let labels = this.#labelsOf(name, method, status, route);
    if (!this.requests.hasRoom(labels, 1)) labels = this.#labelsOf(name, OTHER, status, OTHER);
    if (!this.requests.hasRoom(labels, 1)) labels = OTHER_REQUEST;
    this.requests.add(labels, 1);
    this.#know(labels);
    if (access.durationS === null) return;
    const timed = ["route", labelValue(labels, "route"), "service", labelValue(labels, "service")];
    const hasRoom = this.durations.hasRoom(timed, 1);
    this.durations.observe(hasRoom ? timed : OTHER_DURATION, access.durationS);
  }

  /** After records were loaded: what is in them is what is known. */
  restoreRoutes(): void {
    for (const labels of this.requests.labelSets()) this.#know(labels);
  }

  /** Known is only what has a series: so it is the same after a restart. */
  #know(labels: Labels): void {
    const service = labelValue(labels, "service");
    if (service === OTHER) return;
    const routes = getOrInsert(this.#routes, service, () => new Set<string>());
    const route = labelValue(labels, "route");
    if (route !== OTHER) routes.add(route);
  }

  #hasRoomFor(service: string): boolean {
    if (this.#routes.has(service)) return true;
    return service !== "" && this.#routes.size < this.#limits.servicesMax;
  }

  #route(service: string, access: AccessLine): string {
    const route = routeOf(access.path);
    const known = this.#routes.get(service);
    if (known?.has(route) === true) return route;
    const hasRoom = (known?.size ?? 0) < this.#limits.routesMax;
    return route !== "" && hasRoom && !GUESSED.has(access.status) ? route : OTHER;
  }

  #labelsOf(service: string, method: string, status: string, route: string): Labels {
    const key = `${method} ${status} ${route}\u0000${service}`;
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    const labels = ["method", method, "route", route, "service", service, "status", status];
    remember(this.#labels, key, labels);
    return labels;
  }
}

const REMEMBERED_MAX = 4096;

/** Begins anew when it is full: cheaper than knowing which was used least. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= REMEMBERED_MAX) map.clear();
  map.set(key, value);
}
