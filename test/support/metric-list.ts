import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { collectorNames, createCollectors } from "../../agent/collect/collectors.ts";
import type { Faults } from "../../agent/collect/context.ts";
import { TickRunner } from "../../agent/collect/tick.ts";
import { type Labels, labelPairs, labelValue, METRIC_NAME } from "../../shared/model/labels.ts";
import { KnownContainers } from "./known-containers.ts";
import { MemoryLogger } from "./memory-logger.ts";

export type ListedMetric = {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Of the series seen; empty when no run had one. */
  readonly labels: Set<string>;
  isSeen: boolean;
};

export type MetricList = Map<string, ListedMetric>;

/** A host of the fixtures: its tree of cgroups and the moment. */
const FIXTURE_HOSTS = [
  ["cgroup-v2", "systemd-6.1"],
  ["cgroup-v1", "hybrid-systemd-6.1"],
  ["cgroup-v1", "cgroupfs-6.18"],
] as const;

/** Directories that stand for the fixtures' hosts; none where there are no fixtures. */
export class FixtureRoots implements Disposable {
  readonly paths: readonly string[];

  constructor(shared: string) {
    const fixtures = join(shared, "fixtures");
    this.paths = existsSync(fixtures)
      ? FIXTURE_HOSTS.map(([tree, host]) => {
          const root = mkdtempSync(join(tmpdir(), "telltale-host-"));
          symlinkSync(join(fixtures, "proc", host, "t0"), join(root, "proc"));
          symlinkSync(join(fixtures, tree, host, "t0/sys"), join(root, "sys"));
          return root;
        })
      : [];
  }

  [Symbol.dispose](): void {
    for (const path of this.paths) rmSync(path, { recursive: true });
  }
}

/** Notes which series are set. */
class LabelSink {
  readonly #slots: Labels[] = [];
  readonly #list: MetricList;

  constructor(list: MetricList) {
    this.#list = list;
  }

  define(_group: number, _scale: number, labels: Labels): number {
    this.#slots.push(labels);
    return this.#slots.length - 1;
  }

  newGroup(): number {
    return 1;
  }

  // Whatever becomes of a series, its labels have been seen.
  readonly read = () => {};
  readonly retire = () => {};
  readonly closeGroup = () => {};
  readonly end = () => {};

  hold(slot: number): void {
    this.set(slot);
  }

  set(slot: number): void {
    const labels = this.#slots[slot] ?? [];
    noteSeries(this.#list, labelValue(labels, METRIC_NAME), labelPairs(labels));
  }
}

/** Adds what all collectors give below the root, in two ticks; of containers everything is known. */
export function addCollected(list: MetricList, hostRoot: string): void {
  const sink = new LabelSink(list);
  const options = { hostRoot, cgroupsMax: 2000, enable: collectorNames() };
  const openDirectory = (faults: Faults) => new KnownContainers(faults);
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  const collectors = createCollectors(options, clock, sink, openDirectory);
  const runner = new TickRunner(collectors, sink, clock, new MemoryLogger());
  for (const timeMs of [1_795_209_220_000, 1_795_209_221_000]) runner.run(timeMs);
  for (const { families } of [runner, ...collectors.map(({ collector }) => collector)]) {
    for (const { name, type, help } of families) describeMetric(list, name, type, help);
  }
  for (const { collector } of collectors) collector.close();
}

/** Adds what a page in the Prometheus text format shows. */
export function addPage(list: MetricList, page: string): void {
  const helps = new Map<string, string>();
  for (const line of page.split("\n")) {
    const [, kind, name = "", text = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") helps.set(name, text);
    if (kind === "TYPE") describeMetric(list, name, text, helps.get(name) ?? "");
    const [, series, braced = ""] = /^([a-z_A-Z0-9]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (series === undefined) continue;
    const labels = [...braced.matchAll(/([a-z_A-Z0-9]+)="((?:[^"\\]|\\.)*)"/g)];
    noteSeries(
      list,
      series,
      labels.map(([, label = "", value = ""]) => [label, value] as const),
    );
  }
}

function noteSeries(
  list: MetricList,
  name: string,
  labels: Iterable<readonly [string, string]>,
): void {
  const metric = list.get(name) ?? describeMetric(list, name, typeOf(name), "");
  metric.isSeen = true;
  for (const [label] of labels) if (!isOnAll(label)) metric.labels.add(label);
}

/** Set on every series. */
function isOnAll(label: string): boolean {
  return label === METRIC_NAME || label === "job" || label === "instance";
}

function describeMetric(list: MetricList, name: string, type: string, help: string): ListedMetric {
  const known = list.get(name);
  const { labels, isSeen } = known ?? { labels: new Set<string>(), isSeen: false };
  const metric = { name, type, help: help === "" ? (known?.help ?? "") : help, labels, isSeen };
  list.set(name, metric);
  return metric;
}

function typeOf(name: string): string {
  return name.endsWith("_total") ? "counter" : "gauge";
}
