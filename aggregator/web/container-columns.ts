import type { VectorSample } from "../../shared/model/columns.ts";
import { compareText, INSTANCE, type Labels, labelValue } from "../../shared/model/labels.ts";
import {
  CONTAINER_FIGURES,
  type ContainerColumns,
  type ContainerFigure,
  type SharedTexts,
} from "./containers-shape.ts";

/** Rows of one answer. */
const CONTAINERS_MAX = 50_000;
/** Characters of a name or an image. */
const TEXT_MAX = 300;

const OF = 'job="cadvisor",image!=""';
const plain = (name: string) => `${name}{${OF}}`;
const rate = (name: string) => `sum by (instance, id) (rate(${name}{${OF}}[1m]))`;

/** One value a container each; together they are all that the table shows. */
export const CONTAINER_QUERIES: Record<ContainerFigure | "seen" | "state", string> = {
  seen: plain("container_last_seen"),
  state: plain("container_state"),
  cpu: rate("container_cpu_usage_seconds_total"),
  cpuLimit: plain("container_cpu_limit_used_ratio"),
  memory: plain("container_memory_working_set_bytes"),
  memoryLimit: plain("container_memory_limit_used_ratio"),
  throttled: plain("container_cpu_cfs_throttled_ratio"),
  network: `${rate("container_network_receive_bytes_total")} + ${rate("container_network_transmit_bytes_total")}`,
  oomKills: plain("container_oom_events_total"),
  restarts: plain("container_restarts_total"),
  startedMs: `${plain("container_start_time_seconds")} * 1000`,
};

export type ContainerVectors = Readonly<
  Record<keyof typeof CONTAINER_QUERIES, readonly VectorSample[]>
>;

type Row = { readonly key: string; readonly node: string; readonly labels: Labels; state: string };

export function containerColumns(vectors: ContainerVectors, timeMs: number): ContainerColumns {
  const all = rowsOf(vectors);
  const rows = all.slice(0, CONTAINERS_MAX);
  const places = new Map(rows.map(({ key }, place) => [key, place]));
  const figures: Partial<Record<ContainerFigure, (number | null)[]>> = {};
  for (const name of CONTAINER_FIGURES) {
    const column = new Array<number | null>(rows.length).fill(null);
    for (const { labels, value } of vectors[name]) {
      const place = places.get(keyOf(labels));
      if (place !== undefined) column[place] = shortened(name, value);
    }
    figures[name] = column;
  }
  const texts = (name: string) => sharedTexts(rows.map(({ labels }) => textOf(labels, name)));
  return {
    ...{ timeMs, total: all.length },
    name: rows.map(({ labels }) => textOf(labels, "name")),
    node: sharedTexts(rows.map(({ node }) => node)),
    ...{ image: texts("image"), service: texts("service") },
    state: sharedTexts(rows.map(({ state }) => state)),
    ...(figures as Record<ContainerFigure, (number | null)[]>),
  };
}

/** What runs has a cgroup; what has stopped is known to its runtime alone. */
function rowsOf({ seen, state }: ContainerVectors): Row[] {
  const rows = new Map<string, Row>();
  const add = (labels: Labels, text: string) => {
    const [key, node] = [keyOf(labels), labelValue(labels, INSTANCE)];
    const known = rows.get(key);
    if (known === undefined) rows.set(key, { key, node, labels, state: text });
    else known.state = text;
  };
  for (const { labels } of seen) add(labels, "running");
  for (const { labels } of state) add(labels, labelValue(labels, "state"));
  return [...rows.values()].sort(
    (a, b) =>
      compareText(a.node, b.node) ||
      compareText(labelValue(a.labels, "name"), labelValue(b.labels, "name")),
  );
}

function keyOf(labels: Labels): string {
  return `${labelValue(labels, INSTANCE)}\u0000${labelValue(labels, "id")}`;
}

function textOf(labels: Labels, name: string): string {
  return labelValue(labels, name).slice(0, TEXT_MAX);
}

/** To what a person can tell apart. */
function shortened(name: ContainerFigure, value: number): number | null {
  if (!Number.isFinite(value)) return null;
  if (name === "cpu" || name === "network") return Number(Math.max(0, value).toPrecision(3));
  const isShare = name === "cpuLimit" || name === "memoryLimit" || name === "throttled";
  return isShare ? Math.round(value * 1000) / 1000 : Math.round(value);
}

function sharedTexts(values: readonly string[]): SharedTexts {
  const places = new Map<string, number>();
  const at = values.map((value) => {
    const place = places.get(value) ?? places.size;
    places.set(value, place);
    return place;
  });
  return { texts: [...places.keys()], at };
}
