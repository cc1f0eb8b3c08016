import {
  type Collector,
  familiesOf,
  JOB_NODE,
  type MetricFamily,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { ABSENT, type ByteScanner } from "./byte-scanner.ts";
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
  /** Takes what the file says. */
  parse(scan: ByteScanner): void;
  /** Sets what was parsed last. */
  set(): void;
};

/** A module may be loaded later; to look for its file in every tick would cost more than a read. */
const RETRY_MS = 60_000;

type OpenFile = { readonly source: FileSource; readonly held: HeldFile; retryAtMs: number };

/** Reads a few files, and parses those that changed. */
export class FileCollector implements Collector {
  readonly name: string;
  readonly #context: CollectContext;
  readonly #files: readonly OpenFile[];

  constructor(context: CollectContext, name: string, sources: readonly FileSource[]) {
    this.name = name;
    this.#context = context;
    this.#files = sources.map((source) => ({
      source,
      held: hostFile(context, source.path, source),
      retryAtMs: Number.NEGATIVE_INFINITY,
    }));
  }

  get families(): readonly MetricFamily[] {
    return this.#files.flatMap(({ source }) => source.families);
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
      const { faults } = this.#context;
      const scan = held.scan();
      source.parse(scan);
      faults.add(this.name, "malformed", scan.malformed);
      faults.add(this.name, "overflow", source.overflow ?? 0);
      faults.add(this.name, "limit", held.isCut ? 1 : 0);
    }
    source.set();
  }
}

export type ParseValues = (scan: ByteScanner, values: Float64Array) => void;

export type ValuesOptions = FileOptions & {
  /** One per value. */
  readonly specs: readonly SeriesSpec[];
  /** Sets what stands in the file, of values that are all ABSENT. */
  readonly parse: ParseValues;
};

/** Files with values that are always the same ones. */
export function valuesCollector(
  context: CollectContext,
  name: string,
  files: readonly ValuesOptions[],
): Collector {
  const sources = files.map((file): FileSource => {
    const { specs, parse } = file;
    const values = new Float64Array(specs.length);
    const row = new SeriesRow(context.sink, specs, { job: JOB_NODE });
    return {
      ...file,
      families: familiesOf(specs),
      parse: (scan) => parse(scan, values.fill(ABSENT)),
      set: () => row.setAll(values),
    };
  });
  return new FileCollector(context, name, sources);
}

/** A file that is one number. */
export function numberFile(path: string, spec: SeriesSpec, isOptional = false): ValuesOptions {
  const parse: ParseValues = (scan, values) => {
    values[0] = scan.count();
  };
  return { path, specs: [spec], parse, isOptional };
}

type Series = {
  /** One per column, from the first. */
  readonly specs: readonly SeriesSpec[];
  readonly labels?: Readonly<Record<string, string>>;
};

export type RowsOptions = FileOptions & {
  readonly columns: number;
  readonly parse: (scan: ByteScanner, table: RowTable<SeriesRow>) => void;
  /** Those that a row may have, as far as they are known before the file was read. */
  readonly specs: readonly SeriesSpec[];
  /** The series of a row; null: they are not wanted. */
  readonly seriesOf: (key: string, values: Float64Array) => Series | null;
  /** From the file's units to the specs', in place, after each parse. */
  readonly convert?: (values: Float64Array) => void;
};

export type RowsSource = FileSource & {
  /** The values of the row, in the specs' units. */
  valuesOf(key: string): Float64Array | undefined;
};

/** A file with a row per device (diskstats, net/dev), or per value (meminfo, vmstat). */
export function rowsSource(context: CollectContext, options: RowsOptions): RowsSource {
  const table = new RowTable<SeriesRow>(options.columns);
  const families = familiesOf(options.specs);
  /** Rows that have series: the others cost nothing. */
  let chosen: readonly Row<SeriesRow>[] = [];
  const seriesOf = ({ key, values }: Row<SeriesRow>): SeriesRow | null => {
    const series = options.seriesOf(key, values);
    if (series === null) return null;
    for (const family of familiesOf(series.specs)) {
      if (!families.some(({ name }) => name === family.name)) families.push(family);
    }
    return new SeriesRow(context.sink, series.specs, { job: JOB_NODE, ...series.labels });
  };
  return {
    ...options,
    families,
    get overflow() {
      return table.overflow;
    },
    valuesOf: (key) => chosen.find((row) => row.key === key)?.values,
    parse: (scan) => {
      const { layout } = table;
      options.parse(scan, table);
      for (const { attachment } of table.finish()) attachment?.retire();
      if (table.layout !== layout) {
        for (const row of table.rows) row.attachment ??= seriesOf(row);
        chosen = table.rows.filter(({ attachment }) => attachment !== null);
      }
      if (options.convert !== undefined) for (const { values } of chosen) options.convert(values);
    },
    set: () => {
      for (const { attachment, values } of chosen) attachment?.setAll(values);
    },
  };
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
  return new FileCollector(context, name, [rowsSource(context, { ...options, seriesOf })]);
}
