import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsFrom, labelValue } from "../../../shared/model/labels.ts";
import type { AccessLine } from "./access-line.ts";
import { type CommonLine, NO_DURATION } from "./common-line.ts";
import { DEFAULT_BUCKETS, type MetricEntry, MetricTable } from "./metric-table.ts";
import { type LineOrigin, labelText, OTHER } from "./origin.ts";
import { RouteReader } from "./route.ts";

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
type Place = {
  readonly route: Uint8Array;
  /** Status and method as one number. */
  readonly number: number;
  readonly request: MetricEntry;
  duration: MetricEntry | null;
};
/** By a hash of route and number; of two with the same one is kept, the other is only found anew. */
type Places = Map<number, Place>;

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
  readonly #route = new RouteReader();

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

  add(origin: LineOrigin, { method, path, status, durationS }: AccessLine): void {
    const target = Buffer.from(path);
    this.#route.read(target, 0, target.length);
    const methodNumber = METHOD_NUMBERS.get(method) ?? 0;
    this.#count(origin, status * NUMBER_OF_STATUS + methodNumber, durationS ?? NO_DURATION);
  }

  /** The request of a common line, of these bytes. */
  addCommon(origin: LineOrigin, bytes: Uint8Array, line: CommonLine): void {
    const { methodAt, methodEnd, pathAt, pathEnd, status, durationS } = line;
    this.#route.read(bytes, pathAt, pathEnd);
    const number = status * NUMBER_OF_STATUS + methodNumberOf(bytes, methodAt, methodEnd);
    this.#count(origin, number, durationS);
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

  /** A request of the route that was read last. */
  #count(origin: LineOrigin, number: number, durationS: number): void {
    const place = this.#placeOf(origin, number);
    this.requests.add(place.request, 1);
    if (durationS === NO_DURATION) return;
    place.duration ??= this.#durationEntry(place.request.labels);
    this.durations.observe(place.duration, durationS);
  }

  #placeOf(origin: LineOrigin, number: number): Place {
    if (origin !== this.#origin) this.#turnTo(origin);
    const hash = this.#route.hash(number);
    const place = this.#ofOrigin.get(hash);
    const isKnown = place?.number === number && this.#route.equals(place.route);
    return isKnown ? place : this.#newPlace(origin, number, hash);
  }

  #newPlace(origin: LineOrigin, number: number, hash: number): Place {
    const labels = this.#labelsOf(origin, number);
    const request = entryOf(this.requests, labels, OTHER_REQUEST);
    // What counted under `other` may have a route of its own now.
    if (this.#know(request.labels) || this.#placeCount >= REMEMBERED_MAX) {
      this.#forgetPlaces();
      this.#turnTo(origin);
    }
    const route = this.#route.bytes.slice(0, this.#route.length);
    const place: Place = { route, number, request, duration: null };
    this.#ofOrigin.set(hash, place);
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
  #labelsOf({ instance, service }: LineOrigin, number: number): Labels {
    const name = this.#hasRoomFor(service) ? service : OTHER;
    const statusNumber = Math.floor(number / NUMBER_OF_STATUS);
    const status = statusNumber === 0 ? OTHER : String(statusNumber);
    const route = labelText(this.#route.text());
    const exact = {
      method: METHODS[(number % NUMBER_OF_STATUS) - 1] ?? OTHER,
      route: this.#isRoute(name, route, statusNumber) ? route : OTHER,
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

/** The methods as bytes, by their numbers less one. */
const METHOD_BYTES = METHODS.map((method) => Buffer.from(method));

/** Most requests are of the first. */
function methodNumberOf(bytes: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < METHOD_BYTES.length; i += 1) {
    const method = METHOD_BYTES[i] as Uint8Array;
    if (method.length === end - start && isAt(bytes, start, method)) return i + 1;
  }
  return 0;
}

function isAt(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) if (bytes[start + i] !== word[i]) return false;
  return true;
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
