export type BenchResult = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Other figures of the run, and what the value is compared with. */
  readonly vs: Readonly<Record<string, number>>;
};
