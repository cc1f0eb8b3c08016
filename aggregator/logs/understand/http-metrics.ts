import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsFrom, labelValue } from "../../../shared/model/labels.ts";
import type { AccessLine } from "./access-line.ts";
import { DEFAULT_BUCKETS, type MetricEntry, MetricTable } from "./metric-table.ts";
import { type LineOrigin, labelText, OTHER } from "./origin.ts";
import { routeOf } from "./route.ts";

export type HttpMetricsLimits = {
  readonly servicesMax: number;
  readonly routesMax: number; // of one service
  readonly requestsMax: number; // label sets of http_requests_total
  readonly durationsMax: number; // of http_request_duration_seconds, 14 series each
};

export const HTTP_METRICS_DEFAULTS: HttpMetricsLimits = {
  servicesMax: 1000,
  routesMax: 200,
  requestsMax: 20_000,
  durationsMax: 5000,
};

const METHODS =
  "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND REPORT MKCOL COPY MOVE LOCK UNLOCK".split(
    " ",
  );
/** From 1 on; 0 is any other. */
const METHOD_NUMBERS = new Map(METHODS.map((method, i) => [method, i + 1]));
/** Statuses are below 1000. */
const NUMBER_OF_STATUS = 32;
/** Of all nodes together, when there is no room for anything else. */
const OTHER_REQUEST: Labels = ["method", OTHER, "route", OTHER, "service", OTHER, "status", OTHER];
const OTHER_DURATION: Labels = ["route", OTHER, "service", OTHER];
/** Answers to those who guess paths: they make no route known. */
const GUESSED = new Set([0, 400, 403, 404, 405, 410, 414]);
const REMEMBERED_MAX = 4096;

/** Where requests of one origin, route, method and status count. */
type Place = { readonly request: MetricEntry; duration: MetricEntry | null };
/** By route, then by status and method as one number. */
type Places = Map<string, Map<number, Place>>;

/**
 * Counts requests by node, service, method, status and route, and their durations by node, service and
 * route. Each line counts once: what is beyond a bound counts under `other`.
 */
export class HttpMetrics {
  readonly requests: MetricTable;
  readonly durations: MetricTable;

  readonly #limits: HttpMetricsLimits;
  readonly #routes = new Map<string, Set<string>>();
  /** Of origins, each by itself: those of a source come together. */
  readonly #places = new Map<string, Places>();
  #placeCount = 0;
  #origin: LineOrigin | null = null;
  #ofOrigin: Places = new Map();

  constructor(limits: HttpMetricsLimits = HTTP_METRICS_DEFAULTS) {
    this.#limits = limits;
    this.requests = new MetricTable(
      {
        name: "http_requests_total",
        kind: "counter",
        help: "Requests in access logs.",
        buckets: [],
      },
      limits.requestsMax,
    );
    this.durations = new MetricTable(
      {
        name: "http_request_duration_seconds",
        kind: "histogram",
        help: "How long requests in access logs took.",
        buckets: DEFAULT_BUCKETS,
      },
      limits.durationsMax,
    );
  }

  add(origin: LineOrigin, access: AccessLine): void {
    const place = this.#placeOf(origin, access);
    this.requests.add(place.request, 1);
    if (access.durationS === null) return;
    place.duration ??= this.#durationEntry(place.request.labels);
    this.durations.observe(place.duration, access.durationS);
  }

  /** See MetricTable. */
  settle(isWritten: boolean): void {
    this.requests.settle(isWritten);
    this.durations.settle(isWritten);
    if (!isWritten) this.learnRoutes();
  }

  /** Known is only what has a series: so it is the same after a restart. Also after `load` or `forget`. */
  learnRoutes(): void {
    this.#routes.clear();
    this.#forgetPlaces();
    for (const labels of this.requests.labelSets()) this.#know(labels);
  }

  #placeOf(origin: LineOrigin, access: AccessLine): Place {
    if (origin !== this.#origin) this.#turnTo(origin);
    const route = routeOf(access.path);
    const method = METHOD_NUMBERS.get(access.method) ?? 0;
    const number = access.status * NUMBER_OF_STATUS + method;
    return this.#ofOrigin.get(route)?.get(number) ?? this.#newPlace(origin, access, route, number);
  }

  #newPlace(origin: LineOrigin, access: AccessLine, given: string, number: number): Place {
    const route = labelText(given);
    const labels = this.#labelsOf(origin, access, route);
    const place = { request: entryOf(this.requests, labels, OTHER_REQUEST), duration: null };
    // What counted under `other` may have a route of its own now.
    if (this.#know(place.request.labels) || this.#placeCount >= REMEMBERED_MAX) {
      this.#forgetPlaces();
      this.#turnTo(origin);
    }
    getOrInsert(this.#ofOrigin, route, () => new Map<number, Place>()).set(number, place);
    this.#placeCount += 1;
    return place;
  }

  #turnTo(origin: LineOrigin): void {
    const key = `${origin.instance}\0${origin.service}`;
    this.#origin = origin;
    this.#ofOrigin = getOrInsert(this.#places, key, () => new Map());
  }

  #forgetPlaces(): void {
    this.#places.clear();
    this.#placeCount = 0;
    this.#origin = null;
  }

  /** Those for which there is room, as exact as can be. */
  #labelsOf({ instance, service }: LineOrigin, access: AccessLine, route: string): Labels {
    const name = this.#hasRoomFor(service) ? service : OTHER;
    const status = access.status === 0 ? OTHER : String(access.status);
    const exact = {
      method: METHODS[(METHOD_NUMBERS.get(access.method) ?? 0) - 1] ?? OTHER,
      route: this.#isRoute(name, route, access.status) ? route : OTHER,
    };
    for (const { method, route } of [exact, { method: OTHER, route: OTHER }]) {
      const labels = requestLabels({ instance, service: name, status, method, route });
      if (this.requests.hasRoom(labels, 1)) return labels;
    }
    return OTHER_REQUEST;
  }

  #durationEntry(request: Labels): MetricEntry {
    const labels = ["instance", "route", "service"].flatMap((name) => {
      const value = labelValue(request, name);
      return value === "" ? [] : [name, value];
    });
    const hasRoom = this.durations.hasRoom(labels, 1);
    return entryOf(this.durations, hasRoom ? labels : OTHER_DURATION, OTHER_DURATION);
  }

  /** Whether it makes a service or a route known. */
  #know(labels: Labels): boolean {
    const service = labelValue(labels, "service");
    if (service === OTHER) return false;
    const isNew = !this.#routes.has(service);
    const routes = getOrInsert(this.#routes, service, () => new Set<string>());
    const route = labelValue(labels, "route");
    if (route === OTHER || routes.has(route)) return isNew;
    routes.add(route);
    return true;
  }

  #hasRoomFor(service: string): boolean {
    if (this.#routes.has(service)) return true;
    return service !== "" && this.#routes.size < this.#limits.servicesMax;
  }

  #isRoute(service: string, route: string, status: number): boolean {
    if (service === OTHER || route === "") return false;
    const known = this.#routes.get(service);
    if (known?.has(route) === true) return true;
    return (known?.size ?? 0) < this.#limits.routesMax && !GUESSED.has(status);
  }
}

/** There is room for `last`: it was reserved. */
function entryOf(table: MetricTable, labels: Labels, last: Labels): MetricEntry {
  const entry = table.entry(labels) ?? table.entry(last);
  if (entry === null) throw new RangeError(`No room in ${table.family.name} for what is left over`);
  return entry;
}

function requestLabels(labels: Readonly<Record<string, string>>): Labels {
  return labelsFrom(Object.entries(labels));
}
