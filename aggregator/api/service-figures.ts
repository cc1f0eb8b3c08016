import type { VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { compareText, labelValue } from "../../shared/model/labels.ts";
import type { AlertSnapshot } from "../model/rule-snapshot.ts";

/** What is known of a service. Null: nothing says it. */
export type ServiceFigures = {
  readonly name: string;
  /** Of requests, errors and latency; "": none. */
  source: string;
  requestsPerSecond: number | null;
  errorRatio: number | null;
  latencyP50Seconds: number | null;
  latencyP95Seconds: number | null;
  latencyP99Seconds: number | null;
  latencyMeanSeconds: number | null;
  cpuCores: number | null;
  memoryBytes: number | null;
  containers: number;
  units: number;
  targets: number;
  targetsUp: number;
  lastChange: ServiceChange | null;
  /** Firing, oldest first. */
  readonly alerts: ServiceAlert[];
};

type ServiceChange = {
  readonly timeMs: number;
  /** "": it is no container. */
  readonly image: string;
  /** That the service ran within the last day and does not any more; "": none. */
  readonly previousImage: string;
};

type ServiceAlert = {
  readonly name: string;
  readonly severity: string;
  readonly summary: string;
  readonly activeAtMs: number;
};

const SELECTED = 'service!=""';
const CONTAINER = `${SELECTED},image!=""`;
/** What is scraped. The aggregator itself writes the `up` of nodes, and a probe is always up. */
const TARGETS = `(up{${SELECTED},job!="probe"} or label_replace(up{service="",job!~"node|probe"}, "service", "$1", "job", "(.+)"))`;

/** Where a service has containers, its unit is what runs them, and has their use in its own. */
function preferContainers(aggregated: (selector: string) => string): string {
  return `${aggregated(`{${CONTAINER}}`)} or ${aggregated(`{${SELECTED},image=""}`)}`;
}

/** One instant query for each kind of figure; every sample has a label `service`. */
export const SERVICE_QUERIES = {
  requests: "service:requests:rate2m",
  errors: "service:errors:ratio2m",
  quantiles: "service:latency_seconds:quantile2m",
  means: "service:latency_seconds:mean2m",
  cpu: preferContainers(
    (selector) => `sum by (service) (rate(container_cpu_usage_seconds_total${selector}[2m]))`,
  ),
  memory: preferContainers(
    (selector) => `sum by (service) (container_memory_working_set_bytes${selector})`,
  ),
  containers: `count by (service) (container_last_seen{${CONTAINER}})`,
  units: `count by (service) (container_last_seen{${SELECTED},image=""})`,
  targets: `count by (service) (${TARGETS})`,
  targetsUp: `sum by (service) (${TARGETS})`,
  starts: `max by (service, image) (container_start_time_seconds{${SELECTED}})`,
  /** Of the recorded series: a day of seconds of each container would be too much to read. */
  imagesOfDay: `max_over_time(service:start_time_seconds:max{${CONTAINER}}[1d])`,
  processStarts: `max by (service) (process_start_time_seconds{${SELECTED}})`,
} as const;

export type ServiceSamples = Readonly<
  Record<keyof typeof SERVICE_QUERIES, readonly VectorSample[]>
>;

type Figure = {
  [Key in keyof ServiceFigures]: ServiceFigures[Key] extends number | null ? Key : never;
}[keyof ServiceFigures];

/** The figures of all services that have any, sorted by name. */
export function joinServices(
  samples: ServiceSamples,
  alerts: readonly AlertSnapshot[],
): ServiceFigures[] {
  const services = new Map<string, ServiceFigures>();
  const of = (name: string) => getOrInsert(services, name, () => unknownService(name));
  const setAll = (figure: Figure, values: readonly VectorSample[]) => {
    for (const [name, { value }] of named(values)) of(name)[figure] = value;
  };
  for (const [name, { labels }] of named(samples.requests)) {
    of(name).source = labelValue(labels, "source");
  }
  setAll("requestsPerSecond", samples.requests);
  setAll("errorRatio", samples.errors);
  setAll("latencyP50Seconds", quantile(samples, "0.5"));
  setAll("latencyP95Seconds", quantile(samples, "0.95"));
  setAll("latencyP99Seconds", quantile(samples, "0.99"));
  setAll("latencyMeanSeconds", samples.means);
  setAll("cpuCores", samples.cpu);
  setAll("memoryBytes", samples.memory);
  setAll("containers", samples.containers);
  setAll("units", samples.units);
  setAll("targets", samples.targets);
  setAll("targetsUp", samples.targetsUp);
  for (const [name, change] of lastChanges(samples)) of(name).lastChange = change;
  for (const alert of alerts) {
    const name = labelValue(alert.labels, "service");
    if (alert.state === "firing" && name !== "") of(name).alerts.push(alertOf(alert));
  }
  for (const { alerts: own } of services.values()) own.sort((a, b) => a.activeAtMs - b.activeAtMs);
  return [...services.values()].sort((a, b) => compareText(a.name, b.name));
}

function unknownService(name: string): ServiceFigures {
  return {
    name,
    source: "",
    requestsPerSecond: null,
    errorRatio: null,
    latencyP50Seconds: null,
    latencyP95Seconds: null,
    latencyP99Seconds: null,
    latencyMeanSeconds: null,
    cpuCores: null,
    memoryBytes: null,
    containers: 0,
    units: 0,
    targets: 0,
    targetsUp: 0,
    lastChange: null,
    alerts: [],
  };
}

/** Without those of no service: an access log without labels has none. */
function* named(samples: readonly VectorSample[]): Generator<[string, VectorSample]> {
  for (const sample of samples) {
    const name = labelValue(sample.labels, "service");
    if (name !== "") yield [name, sample];
  }
}

function quantile({ quantiles }: ServiceSamples, text: string): readonly VectorSample[] {
  return quantiles.filter(({ labels }) => labelValue(labels, "quantile") === text);
}

type Start = { readonly image: string; readonly timeMs: number };

/** By service: when the newest of what runs started, and what ran in its place. */
function lastChanges(samples: ServiceSamples): Map<string, ServiceChange> {
  const changes = new Map<string, ServiceChange>();
  for (const [name, { value }] of named(samples.processStarts)) {
    changes.set(name, { timeMs: Math.round(value * 1000), image: "", previousImage: "" });
  }
  const past = startsByService(samples.imagesOfDay);
  for (const [name, starts] of startsByService(samples.starts)) {
    const [newest] = starts;
    if (newest === undefined) continue;
    const isRunning = (image: string) => starts.some((one) => one.image === image);
    const previous = (past.get(name) ?? []).find(({ image }) => !isRunning(image));
    changes.set(name, { ...newest, previousImage: previous?.image ?? "" });
  }
  return changes;
}

/** Newest first. */
function startsByService(samples: readonly VectorSample[]): Map<string, Start[]> {
  const starts = new Map<string, Start[]>();
  for (const [name, { labels, value }] of named(samples)) {
    const start = { image: labelValue(labels, "image"), timeMs: Math.round(value * 1000) };
    getOrInsert(starts, name, () => []).push(start);
  }
  for (const list of starts.values()) list.sort((a, b) => b.timeMs - a.timeMs);
  return starts;
}

function alertOf({ labels, annotations, activeAtMs }: AlertSnapshot): ServiceAlert {
  return {
    name: labelValue(labels, "alertname"),
    severity: labelValue(labels, "severity"),
    summary: labelValue(annotations, "summary"),
    activeAtMs,
  };
}
