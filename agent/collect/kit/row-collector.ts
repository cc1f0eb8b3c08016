import { type Collector, familiesOf, JOB_NODE, SeriesRow, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { CHANGED, type HeldFile, MISSING } from "./held-file.ts";
import { OptionalFile } from "./optional-file.ts";
import { type Row, RowTable } from "./row-table.ts";

export type RowParser<T> = (bytes: Uint8Array, length: number, table: RowTable<T>) => number;

export type RowCollectorOptions = {
  readonly name: string;
  /** As the host sees it. */
  readonly path: string;
  readonly hasManyRecords: boolean;
  readonly columns: number;
  /** One per column, from the first. */
  readonly specs: readonly SeriesSpec[];
  readonly parse: RowParser<SeriesRow>;
  /** The label that a row's key becomes. */
  readonly label: string;
  readonly isExcluded?: (key: string) => boolean;
  /** Not every host has the file. */
  readonly isOptional?: boolean;
  /** From the file's units to the specs', in place, after each parse. */
  readonly convert?: (values: Float64Array) => void;
};

/** A file with a row per device, and a label for it: diskstats, net/dev. */
export class RowCollector implements Collector {
  readonly name: string;
  readonly families;
  readonly #options: RowCollectorOptions;
  readonly #context: CollectContext;
  readonly #file: HeldFile | OptionalFile;
  readonly #table: RowTable<SeriesRow>;
  readonly #isExcluded = new Map<Row<SeriesRow>, boolean>();

  constructor(context: CollectContext, options: RowCollectorOptions) {
    this.name = options.name;
    this.families = familiesOf(options.specs);
    this.#options = options;
    this.#context = context;
    const { path, hasManyRecords } = options;
    this.#file =
      options.isOptional === true
        ? new OptionalFile(context, path, { hasManyRecords })
        : hostFile(context, path, { hasManyRecords });
    this.#table = new RowTable(options.columns);
  }

  collect(nowMs: number): void {
    const outcome =
      this.#file instanceof OptionalFile ? this.#file.read(nowMs) : readRequired(this.#file);
    if (outcome >= MISSING) return;
    if (outcome === CHANGED) this.#parse();
    for (const row of this.#table.rows) row.attachment?.setAll(row.values);
  }

  close(): void {
    this.#file.close();
  }

  #parse(): void {
    const { parse, convert } = this.#options;
    const { buffer, faults } = this.#context;
    const malformed = parse(buffer.bytes, this.#file.length, this.#table);
    for (const gone of this.#table.finish()) {
      gone.attachment?.retire();
      this.#isExcluded.delete(gone);
    }
    faults.add(this.name, "malformed", malformed);
    faults.add(this.name, "overflow", this.#table.overflow);
    for (const row of this.#table.rows) {
      if (row.attachment === null && !this.#leavesOut(row)) row.attachment = this.#series(row);
      convert?.(row.values);
    }
  }

  #leavesOut(row: Row<SeriesRow>): boolean {
    let isExcluded = this.#isExcluded.get(row);
    if (isExcluded === undefined) {
      isExcluded = this.#options.isExcluded?.(row.key) ?? false;
      if (isExcluded) this.#isExcluded.set(row, true);
    }
    return isExcluded;
  }

  #series(row: Row<SeriesRow>): SeriesRow {
    const labels = { job: JOB_NODE, [this.#options.label]: row.key };
    return new SeriesRow(this.#context.sink, this.#options.specs, labels);
  }
}
