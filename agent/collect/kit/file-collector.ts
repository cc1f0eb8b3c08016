import {
  type Collector,
  familiesOf,
  JOB_NODE,
  type MetricFamily,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { ABSENT, ByteScanner } from "./byte-scanner.ts";
import { CHANGED, type HeldFile, type HeldFileOptions, MISSING } from "./held-file.ts";
import { type Row, RowTable } from "./row-table.ts";

type FileOptions = HeldFileOptions & {
  /** As the host sees it. */
  readonly path: string;
  /** Not every host has the file. */
  readonly isOptional?: boolean;
};

/** A file, and what becomes of it. */
export type FileSource = FileOptions & {
  readonly families: readonly MetricFamily[];
  /** Rows that the last parse left out. */
  readonly overflow?: number;
  /** Takes what the file says. Returns how many numbers were malformed. */
  parse(bytes: Uint8Array, length: number): number;
  /** Sets what was parsed last. */
  set(): void;
};

/** A module may be loaded later; to look for its file in every tick would cost more than a read. */
const RETRY_MS = 60_000;

type OpenFile = { readonly source: FileSource; readonly held: HeldFile; retryAtMs: number };

/** Reads a few files, and parses those that changed. */
export class FileCollector implements Collector {
  readonly name: string;
  readonly families: readonly MetricFamily[];
  readonly #context: CollectContext;
  readonly #files: readonly OpenFile[];

  constructor(context: CollectContext, name: string, sources: readonly FileSource[]) {
    this.name = name;
    const [first] = sources;
    // One that grows stays the array that grows.
    this.families =
      sources.length === 1 && first !== undefined
        ? first.families
        : sources.flatMap(({ families }) => families);
    this.#context = context;
    this.#files = sources.map((source) => ({
      source,
      held: hostFile(context, source.path, source),
      retryAtMs: Number.NEGATIVE_INFINITY,
    }));
  }

  /** @throws OperationalError NOT_FOUND when a file that every host has is missing */
  collect(nowMs: number): void {
    for (const file of this.#files) this.#collect(file, nowMs);
  }

  close(): void {
    for (const { held } of this.#files) held.close();
  }

  #collect(file: OpenFile, nowMs: number): void {
    const { source, held, retryAtMs } = file;
    // A clock that was set back must not put the next try off.
    if (nowMs < retryAtMs && retryAtMs - nowMs <= RETRY_MS) return;
    const outcome = source.isOptional === true ? held.read() : readRequired(held);
    if (outcome >= MISSING) {
      file.retryAtMs = nowMs + RETRY_MS;
      return;
    }
    if (outcome === CHANGED) {
      const { buffer, faults } = this.#context;
      faults.add(this.name, "malformed", source.parse(buffer.bytes, held.length));
      faults.add(this.name, "overflow", source.overflow ?? 0);
      faults.add(this.name, "limit", held.isCut ? 1 : 0);
    }
    source.set();
  }
}

export type ParseValues = (bytes: Uint8Array, length: number, values: Float64Array) => number;

export type ValuesOptions = FileOptions & {
  /** One per value. */
  readonly specs: readonly SeriesSpec[];
  /** Sets what stands in the file, of values that are all ABSENT. Returns what was malformed. */
  readonly parse: ParseValues;
};

/** A file with values that are always the same ones. */
export function valuesSource({ sink }: CollectContext, options: ValuesOptions): FileSource {
  const { specs, parse } = options;
  const values = new Float64Array(specs.length);
  const row = new SeriesRow(sink, specs, { job: JOB_NODE });
  return {
    ...options,
    families: familiesOf(specs),
    parse: (bytes, length) => parse(bytes, length, values.fill(ABSENT)),
    set: () => row.setAll(values),
  };
}

/** Files whose values are always the same ones. */
export function valuesCollector(
  context: CollectContext,
  name: string,
  files: readonly ValuesOptions[],
): Collector {
  const sources = files.map((file) => valuesSource(context, file));
  return new FileCollector(context, name, sources);
}

/** Reads a file that is one number. */
export function parseNumber(bytes: Uint8Array, length: number, values: Float64Array): number {
  const scan = new ByteScanner(bytes, length);
  values[0] = scan.count();
  return scan.malformed;
}

type Series = {
  /** One per column, from the first. */
  readonly specs: readonly SeriesSpec[];
  readonly labels?: Readonly<Record<string, string>>;
};

export type RowsOptions = FileOptions & {
  readonly columns: number;
  readonly parse: (bytes: Uint8Array, length: number, table: RowTable<SeriesRow>) => number;
  /** Those that a row may have, as far as they are known before the file was read. */
  readonly specs: readonly SeriesSpec[];
  /** The series of a row; null: they are not wanted. */
  readonly seriesOf: (key: string, values: Float64Array) => Series | null;
  /** From the file's units to the specs', in place, after each parse. */
  readonly convert?: (values: Float64Array) => void;
};

/** A file with a row per device (diskstats, net/dev), or per value (meminfo, vmstat). */
export class RowsSource implements FileSource {
  readonly path: string;
  readonly isOptional: boolean;
  readonly hasManyRecords: boolean;
  readonly hasLongRecords: boolean;
  readonly families: MetricFamily[];
  readonly #context: CollectContext;
  readonly #options: RowsOptions;
  readonly #table: RowTable<SeriesRow>;
  /** Rows that have series: the others cost nothing. */
  #chosen: readonly Row<SeriesRow>[] = [];

  constructor(context: CollectContext, options: RowsOptions) {
    this.path = options.path;
    this.isOptional = options.isOptional ?? false;
    this.hasManyRecords = options.hasManyRecords ?? false;
    this.hasLongRecords = options.hasLongRecords ?? false;
    this.families = familiesOf(options.specs);
    this.#context = context;
    this.#options = options;
    this.#table = new RowTable(options.columns);
  }

  get overflow(): number {
    return this.#table.overflow;
  }

  /** The values of the row, in the specs' units. */
  valuesOf(key: string): Float64Array | undefined {
    return this.#chosen.find((row) => row.key === key)?.values;
  }

  parse(bytes: Uint8Array, length: number): number {
    const { parse, convert } = this.#options;
    const { layout } = this.#table;
    const malformed = parse(bytes, length, this.#table);
    for (const { attachment } of this.#table.finish()) attachment?.retire();
    if (this.#table.layout !== layout) this.#choose();
    if (convert !== undefined) for (const { values } of this.#chosen) convert(values);
    return malformed;
  }

  set(): void {
    for (const { attachment, values } of this.#chosen) attachment?.setAll(values);
  }

  #choose(): void {
    for (const row of this.#table.rows) row.attachment ??= this.#series(row);
    this.#chosen = this.#table.rows.filter(({ attachment }) => attachment !== null);
  }

  #series({ key, values }: Row<SeriesRow>): SeriesRow | null {
    const series = this.#options.seriesOf(key, values);
    if (series === null) return null;
    for (const family of familiesOf(series.specs)) {
      if (!this.families.some(({ name }) => name === family.name)) this.families.push(family);
    }
    return new SeriesRow(this.#context.sink, series.specs, { job: JOB_NODE, ...series.labels });
  }
}

/** A file with a row per device, whose name becomes a label. */
export function rowsCollector(
  context: CollectContext,
  name: string,
  options: Omit<RowsOptions, "seriesOf"> & {
    readonly label: string;
    readonly isExcluded?: (key: string) => boolean;
  },
): Collector {
  const { specs, label, isExcluded = () => false } = options;
  const seriesOf = (key: string) => (isExcluded(key) ? null : { specs, labels: { [label]: key } });
  return new FileCollector(context, name, [new RowsSource(context, { ...options, seriesOf })]);
}
