import type { ValueType } from "./ast.ts";

/**
 * What a function takes and gives. `optional` counts arguments that may be left out at the end;
 * `isVariadic`: the last one may be repeated.
 */
export type FunctionSignature = {
  readonly args: readonly ValueType[];
  readonly optional: number;
  readonly isVariadic: boolean;
  readonly returns: ValueType;
};

type Extent = Partial<Pick<FunctionSignature, "optional" | "isVariadic">>;

function giving(returns: ValueType) {
  return (args: readonly ValueType[], { optional = 0, isVariadic = false }: Extent = {}) => {
    return { args, returns, optional, isVariadic };
  };
}

const scalar = giving("scalar");
const vector = giving("vector");

const SORTED_BY_LABEL = vector(["vector", "string"], { optional: 1, isVariadic: true });
const CALENDAR = "day_of_month day_of_week day_of_year days_in_month hour minute month year";

/** By name. */
export const FUNCTIONS: ReadonlyMap<string, FunctionSignature> = new Map([
  ["clamp", vector(["vector", "scalar", "scalar"])],
  ["clamp_max", vector(["vector", "scalar"])],
  ["clamp_min", vector(["vector", "scalar"])],
  ["double_exponential_smoothing", vector(["matrix", "scalar", "scalar"])],
  ["histogram_fraction", vector(["scalar", "scalar", "vector"])],
  ["histogram_quantile", vector(["scalar", "vector"])],
  ["histogram_quantiles", vector(["vector", "string", "scalar"], { isVariadic: true })],
  ["info", vector(["vector", "vector"], { optional: 1 })],
  [
    "label_join",
    vector(["vector", "string", "string", "string"], { optional: 1, isVariadic: true }),
  ],
  ["label_replace", vector(["vector", "string", "string", "string", "string"])],
  ["max_of", scalar(["scalar", "scalar"])],
  ["min_of", scalar(["scalar", "scalar"])],
  ["predict_linear", vector(["matrix", "scalar"])],
  ["quantile_over_time", vector(["scalar", "matrix"])],
  ["round", vector(["vector", "scalar"], { optional: 1 })],
  ["scalar", scalar(["vector"])],
  ["sort_by_label", SORTED_BY_LABEL],
  ["sort_by_label_desc", SORTED_BY_LABEL],
  ["vector", vector(["scalar"])],
  ...alike("time pi start end range step", scalar([])),
  ...alike(
    "absent abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad " +
      "sgn sin sinh sort sort_desc sqrt tan tanh timestamp",
    vector(["vector"]),
  ),
  ...alike(
    "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta " +
      "increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time " +
      "rate resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time " +
      "ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time",
    vector(["matrix"]),
  ),
  ...alike(CALENDAR, vector(["vector"], { optional: 1 })),
]);

function alike(names: string, signature: FunctionSignature): [string, FunctionSignature][] {
  return names.split(" ").map((name) => [name, signature]);
}

/**
 * Functions that see the time of an evaluation or of a sample: they change from step to step even
 * when all that is inside them stands still.
 */
export const TIME_DEPENDENT: ReadonlySet<string> = new Set([
  "time",
  "timestamp",
  "predict_linear",
  ...CALENDAR.split(" "),
]);
