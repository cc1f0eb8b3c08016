/** A series as Prometheus' API writes it: times in seconds, values as text. */
export type PromSeries = {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
};
export type PromSample = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
};
