import type { Labels } from "../../../shared/model/labels.ts";
import { labelsFrom } from "../../../shared/model/labels.ts";
import type { LogMetricConfig } from "./log-metrics-config.ts";
import { MetricTable } from "./metric-table.ts";

/** A pattern looks at no more of a line: its time is linear, but a line may be a megabyte. */
const LINE_MAX = 16_384;
const LABEL_VALUE_MAX = 256;
const NUMBER = /^[+-]?(?:\d{1,300}(?:\.\d{0,300})?|\.\d{1,300})(?:[eE][+-]?\d{1,3})?$/;

/** One metric that the configuration defines: what its pattern finds in lines. */
export class LogMetric {
  readonly table: MetricTable;
  /** Lines that match, but whose value is no finite number, or for a counter a negative one. */
  notNumbers = 0;

  readonly #config: LogMetricConfig;

  constructor(config: LogMetricConfig) {
    const { name, type: kind, help, buckets, series_max } = config;
    this.#config = config;
    this.table = new MetricTable({ name, kind, help, buckets }, series_max);
  }

  /** @param service of the line's source, or "" */
  add(service: string, line: string): void {
    const text = line.length > LINE_MAX ? line.slice(0, LINE_MAX) : line;
    const matcher = this.#config.pattern.matcher(text);
    if (!matcher.find()) return;
    const amount = this.#amount((name) => matcher.group(name) ?? "");
    if (amount === null) {
      this.notNumbers += 1;
      return;
    }
    const labels = this.#labels(service, (name) => matcher.group(name) ?? "");
    switch (this.#config.type) {
      case "counter":
        this.table.add(labels, amount);
        break;
      case "gauge":
        this.table.set(labels, amount);
        break;
      case "histogram":
        this.table.observe(labels, amount);
        break;
    }
  }

  #amount(group: (name: string) => string): number | null {
    const { value, type } = this.#config;
    if (value === undefined) return 1;
    const text = group(value);
    const amount = NUMBER.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(amount) || (type === "counter" && amount < 0)) return null;
    return amount;
  }

  #labels(service: string, group: (name: string) => string): Labels {
    const pairs = this.#config.labels.map((name) => [name, cleanValue(group(name))] as const);
    return labelsFrom([...pairs, ["service", service]]);
  }
}

/** NUL separates labels in keys, and half a surrogate pair is no text. */
function cleanValue(value: string): string {
  return value
    .slice(0, LABEL_VALUE_MAX)
    .replace(/[\ud800-\udbff]$/, "")
    .replaceAll("\0", "\ufffd");
}
