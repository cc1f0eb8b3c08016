import { type Collector, familiesOf, JOB_NODE, SeriesRow, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostFile, readRequired } from "../context.ts";
import { ABSENT, ByteScanner } from "./byte-scanner.ts";
import { CHANGED, type HeldFile, MISSING } from "./held-file.ts";
import { OptionalFile } from "./optional-file.ts";

export type ValueFile = {
  /** As the host sees it. */
  readonly path: string;
  /** One per value. */
  readonly specs: readonly SeriesSpec[];
  /** Sets what stands in the file, of values that are all ABSENT. Returns what was malformed. */
  readonly parse: (bytes: Uint8Array, length: number, values: Float64Array) => number;
  /** Not every host has the file. */
  readonly isOptional?: boolean;
  readonly hasManyRecords?: boolean;
};

type OpenFile = {
  readonly spec: ValueFile;
  readonly held: HeldFile | OptionalFile;
  readonly values: Float64Array;
  readonly row: SeriesRow;
};

/** A few files with values that are always the same ones. */
export class ValueFilesCollector implements Collector {
  readonly name: string;
  readonly families;
  readonly #context: CollectContext;
  readonly #files: readonly OpenFile[];

  constructor(context: CollectContext, name: string, files: readonly ValueFile[]) {
    this.name = name;
    this.families = familiesOf(files.flatMap(({ specs }) => specs));
    this.#context = context;
    this.#files = files.map((spec) => {
      const { path, specs, isOptional = false, hasManyRecords = false } = spec;
      return {
        spec,
        held: isOptional
          ? new OptionalFile(context, path, { hasManyRecords })
          : hostFile(context, path, { hasManyRecords }),
        values: new Float64Array(specs.length).fill(ABSENT),
        row: new SeriesRow(context.sink, specs, { job: JOB_NODE }),
      };
    });
  }

  collect(nowMs: number): void {
    for (const file of this.#files) this.#collect(file, nowMs);
  }

  close(): void {
    for (const { held } of this.#files) held.close();
  }

  #collect({ spec, held, values, row }: OpenFile, nowMs: number): void {
    const outcome = held instanceof OptionalFile ? held.read(nowMs) : readRequired(held);
    if (outcome >= MISSING) return;
    if (outcome === CHANGED) {
      const { buffer, faults } = this.#context;
      values.fill(ABSENT);
      faults.add(this.name, "malformed", spec.parse(buffer.bytes, held.length, values));
    }
    row.setAll(values);
  }
}

/** Reads a file that is one number. */
export function parseNumber(bytes: Uint8Array, length: number, values: Float64Array): number {
  const scan = new ByteScanner(bytes, length);
  values[0] = scan.count();
  return scan.malformed;
}
