import type { ExpositionReader } from "../../exposition/exposition-reader.ts";
import type { PageFamily } from "./page-reading.ts";

const NO_FAMILY = { type: "unknown", help: "", unit: "" };

/** What a family's samples may be called beside the family itself. */
const SUFFIXES: ReadonlyMap<string, readonly string[]> = new Map([
  ["counter", ["_total", "_created"]],
  ["histogram", ["_bucket", "_count", "_sum", "_created"]],
  ["gaugehistogram", ["_bucket", "_gcount", "_gsum"]],
  ["summary", ["_count", "_sum", "_created"]],
  ["info", ["_info"]],
]);
const ALL_SUFFIXES = [...new Set([...SUFFIXES.values()].flat())];

type Parts = { -readonly [Part in "type" | "help" | "unit"]?: string };

/**
 * The families of a page, read only when there are new series. Of a part that is said twice the
 * last one stands, as in Prometheus.
 */
export class PageFamilies {
  readonly #parts = new Map<string, Parts>();
  /** By name: most series of a page share their family with the one before. */
  readonly #families = new Map<string, PageFamily>();

  /** Takes the line HELP, TYPE or UNIT where the reader is. */
  take(reader: ExpositionReader, keyword: "HELP" | "TYPE" | "UNIT"): void {
    const name = reader.name();
    const parts = this.#parts.get(name) ?? {};
    this.#parts.set(name, parts);
    const text = reader.text();
    if (keyword === "TYPE") parts.type = text === "untyped" ? "unknown" : text;
    else parts[keyword === "HELP" ? "help" : "unit"] = text;
  }

  of(metric: string): PageFamily {
    const name = this.#nameOf(metric);
    const known = this.#families.get(name);
    if (known !== undefined) return known;
    const family = { name, ...NO_FAMILY, ...this.#parts.get(name) };
    this.#families.set(name, family);
    return family;
  }

  #nameOf(metric: string): string {
    if (this.#parts.has(metric)) return metric;
    for (const suffix of ALL_SUFFIXES) {
      if (!metric.endsWith(suffix)) continue;
      const name = metric.slice(0, -suffix.length);
      const type = this.#parts.get(name)?.type ?? "";
      if (SUFFIXES.get(type)?.includes(suffix)) return name;
    }
    return metric;
  }
}
