import {
  type Collector,
  JOB_NODE,
  type MetricFamily,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { CHANGED, type HeldFile } from "./held-file.ts";
import type { RowParser } from "./row-collector.ts";
import { type Row, RowTable } from "./row-table.ts";

/** A row's series and its value in the series' unit. */
type NamedSeries = { readonly row: SeriesRow; value: number };

export type NamedValuesOptions = {
  readonly name: string;
  readonly path: string;
  readonly hasManyRecords: boolean;
  readonly columns: number;
  readonly parse: RowParser<NamedSeries>;
  /** The metric of a row; null: it is not wanted. */
  readonly specOf: (key: string, values: Float64Array) => SeriesSpec | null;
  /** The value of a row, in its spec's unit; negative: none. */
  readonly convert: (values: Float64Array) => number;
};

/** A file in which the kernel names the metrics: meminfo, vmstat. */
export class NamedValuesCollector implements Collector {
  readonly name: string;
  readonly families: MetricFamily[] = [];
  readonly #options: NamedValuesOptions;
  readonly #context: CollectContext;
  readonly #file: HeldFile;
  readonly #table: RowTable<NamedSeries>;
  /** Rows that are wanted, so that the others cost nothing where the file did not change. */
  #wanted: Row<NamedSeries>[] = [];
  readonly #unwanted = new Set<Row<NamedSeries>>();

  constructor(context: CollectContext, options: NamedValuesOptions) {
    this.name = options.name;
    this.#options = options;
    this.#context = context;
    const { hasManyRecords } = options;
    this.#file = hostFile(context, options.path, { hasManyRecords });
    this.#table = new RowTable(options.columns);
  }

  /** The last value of a key; negative: none. */
  lastValue(key: string): number {
    return this.#wanted.find((row) => row.key === key)?.attachment?.value ?? -1;
  }

  collect(): void {
    if (readRequired(this.#file) === CHANGED) this.#parse();
    for (const { attachment } of this.#wanted) attachment?.row.set(0, attachment.value);
  }

  close(): void {
    this.#file.close();
  }

  #parse(): void {
    const { parse, convert } = this.#options;
    const { buffer, faults } = this.#context;
    const malformed = parse(buffer.bytes, this.#file.length, this.#table);
    faults.add(this.name, "malformed", malformed);
    faults.add(this.name, "overflow", this.#table.overflow);
    const gone = this.#table.finish();
    for (const row of gone) {
      row.attachment?.row.retire();
      this.#unwanted.delete(row);
    }
    const isSettled = this.#wanted.length + this.#unwanted.size === this.#table.rows.length;
    if (gone.length > 0 || !isSettled) this.#choose();
    for (const row of this.#wanted) {
      if (row.attachment !== null) row.attachment.value = convert(row.values);
    }
  }

  #choose(): void {
    this.#wanted = [];
    for (const row of this.#table.rows) {
      if (row.attachment === null && !this.#unwanted.has(row)) this.#name(row);
      if (row.attachment !== null) this.#wanted.push(row);
    }
  }

  #name(row: Row<NamedSeries>): void {
    const spec = this.#options.specOf(row.key, row.values);
    if (spec === null) {
      this.#unwanted.add(row);
      return;
    }
    const series = new SeriesRow(this.#context.sink, [spec], { job: JOB_NODE });
    row.attachment = { row: series, value: -1 };
    if (this.families.some((family) => family.name === spec.name)) return;
    this.families.push({ name: spec.name, type: spec.type, help: spec.help });
  }
}

/** Whether the text can stand in a metric's name: the file's word is not taken for it. */
export function isMetricNamePart(text: string): boolean {
  return /^[A-Za-z0-9_]{1,100}$/.test(text);
}
