import type { Unit } from "../node/chart-plans.ts";

export type By = "nodes" | "containers";

/** One metric of every node or container. `expression` gives one value each, of what the matchers leave. */
export type ComparePlan = {
  readonly unit: Unit;
  readonly expression: (matchers: string, window: string) => string;
};

/** Lines of the chart. */
export const TOP = 8;
/** Rows of the table. */
export const ROWS_MAX = 1000;

const DEVICES = 'device!~"lo|veth.*|br-.*|docker.*|cni.*|virbr.*|podman.*"';
const FILE_SYSTEMS = 'fstype!~"tmpfs|ramfs|squashfs|iso9660|erofs|overlay"';

type Expression = ComparePlan["expression"];

const joined = (job: string, matchers: string) =>
  matchers === "" ? `job="${job}"` : `job="${job}",${matchers}`;
const ofNodes =
  (write: (of: string, window: string) => string): Expression =>
  (matchers, window) =>
    write(joined("node", matchers), window);
const ofContainers =
  (write: (of: string, window: string) => string): Expression =>
  (matchers, window) =>
    write(`${joined("cadvisor", matchers)},image!=""`, window);

const NODES: Readonly<Record<string, ComparePlan>> = {
  cpu: {
    unit: "share",
    expression: ofNodes(
      (of, window) =>
        `1 - avg by (instance) (rate(node_cpu_seconds_total{${of},mode="idle"}[${window}]))`,
    ),
  },
  memory: {
    unit: "share",
    expression: ofNodes(
      (of) =>
        `1 - max by (instance) (node_memory_MemAvailable_bytes{${of}}) / max by (instance) (node_memory_MemTotal_bytes{${of}})`,
    ),
  },
  disk: {
    unit: "share",
    expression: ofNodes(
      (of) =>
        `max by (instance) (1 - node_filesystem_avail_bytes{${of},${FILE_SYSTEMS}} / (node_filesystem_size_bytes{${of},${FILE_SYSTEMS}} > 0))`,
    ),
  },
  network: {
    unit: "rate",
    expression: ofNodes((of, window) =>
      ["receive", "transmit"]
        .map(
          (way) =>
            `sum by (instance) (rate(node_network_${way}_bytes_total{${of},${DEVICES}}[${window}]))`,
        )
        .join(" + "),
    ),
  },
  load: { unit: "number", expression: ofNodes((of) => `max by (instance) (node_load1{${of}})`) },
};

const CONTAINERS: Readonly<Record<string, ComparePlan>> = {
  cpu: {
    unit: "number",
    expression: ofContainers(
      (of, window) =>
        `sum by (instance, name) (rate(container_cpu_usage_seconds_total{${of}}[${window}]))`,
    ),
  },
  memory: {
    unit: "bytes",
    expression: ofContainers(
      (of) => `sum by (instance, name) (container_memory_working_set_bytes{${of}})`,
    ),
  },
  throttled: {
    unit: "share",
    expression: ofContainers(
      (of) => `max by (instance, name) (container_cpu_cfs_throttled_ratio{${of}})`,
    ),
  },
  network: {
    unit: "rate",
    expression: ofContainers((of, window) =>
      ["receive", "transmit"]
        .map(
          (way) =>
            `sum by (instance, name) (rate(container_network_${way}_bytes_total{${of}}[${window}]))`,
        )
        .join(" + "),
    ),
  },
};

const KNOWN = { nodes: NODES, containers: CONTAINERS };
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Metrics that have a name of their own. */
export function knownMetrics(by: By): readonly string[] {
  return Object.keys(KNOWN[by]);
}

/** Null: there is no such metric, and cannot be. */
export function comparePlan(metric: string, by: By): ComparePlan | null {
  const known = Object.hasOwn(KNOWN[by], metric) ? KNOWN[by][metric] : undefined;
  if (known !== undefined) return known;
  if (!METRIC.test(metric)) return null;
  const labels = by === "nodes" ? "instance" : "instance, name";
  const isCounter = /_total$/.test(metric);
  const narrowed = (matchers: string) => {
    if (by === "nodes") return matchers;
    return matchers === "" ? 'name!=""' : `${matchers},name!=""`;
  };
  return {
    unit: unitOf(metric, isCounter),
    expression: (matchers, window) => {
      const of = narrowed(matchers);
      return isCounter
        ? `sum by (${labels}) (rate(${metric}{${of}}[${window}]))`
        : `max by (${labels}) (${metric}{${of}})`;
    },
  };
}

function unitOf(metric: string, isCounter: boolean): Unit {
  if (/_bytes(_total)?$/.test(metric)) return isCounter ? "rate" : "bytes";
  if (/_ratio$/.test(metric)) return "share";
  if (/_celsius$/.test(metric)) return "celsius";
  return isCounter ? "perSecond" : "number";
}

/** Of one line exactly, whatever its labels say. */
export function matchersOf(labels: Readonly<Record<string, string>>, by: By): string {
  const names = by === "nodes" ? ["instance"] : ["instance", "name"];
  return names.map((name) => `${name}=${JSON.stringify(labels[name] ?? "")}`).join(",");
}
