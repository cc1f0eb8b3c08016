import { type Labels, labelsFrom } from "../../../shared/model/labels.ts";
import type { LogMetricConfig } from "./log-metrics-config.ts";
import { MetricTable } from "./metric-table.ts";
import { type LineOrigin, labelText } from "./origin.ts";

/** A pattern looks at no more of a line: its time is linear, but a line may be a megabyte. */
const LINE_MAX = 16_384;
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

  /** @param source the node and the service that the line is of */
  add(source: LineOrigin, line: string): void {
    const text = line.length > LINE_MAX ? line.slice(0, LINE_MAX) : line;
    const matcher = this.#config.pattern.matcher(text);
    if (!matcher.find()) return;
    const amount = this.#amount((name) => matcher.group(name) ?? "");
    if (amount === null) {
      this.notNumbers += 1;
      return;
    }
    const entry = this.table.entry(this.#labels(source, (name) => matcher.group(name) ?? ""));
    if (entry === null) return;
    switch (this.#config.type) {
      case "counter":
        this.table.add(entry, amount);
        break;
      case "gauge":
        this.table.set(entry, amount);
        break;
      case "histogram":
        this.table.observe(entry, amount);
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

  #labels({ instance, service }: LineOrigin, group: (name: string) => string): Labels {
    const pairs = this.#config.labels.map((name) => [name, labelText(group(name))] as const);
    return labelsFrom([...pairs, ["instance", instance], ["service", service]]);
  }
}
