import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import type { MetricMetadata } from "./request-parts.ts";

const METRICS_MAX = 20_000;
/** What different senders may say of one metric. */
const VARIANTS_MAX = 10;
const NAME_LENGTH_MAX = 256;
const TEXT_LENGTH_MAX = 2048;

export type MetadataQuery = {
  /** "": of all metrics. */
  readonly metric: string;
  /** Metrics, and variants of one; null: all. */
  readonly limit: number | null;
  readonly limitPerMetric: number | null;
};

type Variant = Omit<MetricMetadata, "name">;

/** What senders say of their metrics. In memory alone: senders say it again and again. */
export class MetadataTable {
  readonly #byName = new Map<string, Variant[]>();

  add({ name, type, help, unit }: MetricMetadata): void {
    if (name === "" || name.length > NAME_LENGTH_MAX) return;
    if (this.#byName.size >= METRICS_MAX && !this.#byName.has(name)) return;
    const variant = {
      type,
      help: help.slice(0, TEXT_LENGTH_MAX),
      unit: unit.slice(0, NAME_LENGTH_MAX),
    };
    const variants = getOrInsert(this.#byName, name, () => []);
    const isKnown = variants.some((one) => {
      return one.type === variant.type && one.help === variant.help && one.unit === variant.unit;
    });
    if (isKnown) return;
    variants.push(variant);
    if (variants.length > VARIANTS_MAX) variants.shift();
  }

  /** By metric. */
  read({ metric, limit, limitPerMetric }: MetadataQuery): [string, readonly Variant[]][] {
    const names = metric === "" ? [...this.#byName.keys()] : [metric];
    return names
      .filter((name) => this.#byName.has(name))
      .slice(0, limit ?? names.length)
      .map((name) => {
        const variants = this.#byName.get(name) ?? [];
        return [name, variants.slice(0, limitPerMetric ?? variants.length)];
      });
  }
}
