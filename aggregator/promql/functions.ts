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

function signature(
  args: readonly ValueType[],
  returns: ValueType,
  more: { readonly optional?: number; readonly isVariadic?: boolean } = {},
): FunctionSignature {
  return { args, returns, optional: more.optional ?? 0, isVariadic: more.isVariadic ?? false };
}

const OF_VECTOR = signature(["vector"], "vector");
const OF_MATRIX = signature(["matrix"], "vector");
const OF_TIME = signature(["vector"], "vector", { optional: 1 });
const CONSTANT = signature([], "scalar");

const SIGNATURES = new Map<string, FunctionSignature>([
  ["clamp", signature(["vector", "scalar", "scalar"], "vector")],
  ["clamp_max", signature(["vector", "scalar"], "vector")],
  ["clamp_min", signature(["vector", "scalar"], "vector")],
  ["double_exponential_smoothing", signature(["matrix", "scalar", "scalar"], "vector")],
  ["histogram_fraction", signature(["scalar", "scalar", "vector"], "vector")],
  ["histogram_quantile", signature(["scalar", "vector"], "vector")],
  [
    "histogram_quantiles",
    signature(["vector", "string", "scalar"], "vector", { isVariadic: true }),
  ],
  [
    "label_join",
    signature(["vector", "string", "string", "string"], "vector", {
      optional: 1,
      isVariadic: true,
    }),
  ],
  ["label_replace", signature(["vector", "string", "string", "string", "string"], "vector")],
  ["predict_linear", signature(["matrix", "scalar"], "vector")],
  ["quantile_over_time", signature(["scalar", "matrix"], "vector")],
  ["round", signature(["vector", "scalar"], "vector", { optional: 1 })],
  ["scalar", signature(["vector"], "scalar")],
  ["sort_by_label", signature(["vector", "string"], "vector", { optional: 1, isVariadic: true })],
  [
    "sort_by_label_desc",
    signature(["vector", "string"], "vector", { optional: 1, isVariadic: true }),
  ],
  ["vector", signature(["scalar"], "vector")],
  ["min_of", signature(["scalar", "scalar"], "scalar")],
  ["max_of", signature(["scalar", "scalar"], "scalar")],
  ...["time", "pi", "start", "end", "range", "step"].map((name) => [name, CONSTANT] as const),
  ...(
    "absent abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad " +
    "sgn sin sinh sort sort_desc sqrt tan tanh timestamp"
  )
    .split(" ")
    .map((name) => [name, OF_VECTOR] as const),
  ...(
    "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta " +
    "increase irate last_over_time mad_over_time max_over_time min_over_time present_over_time " +
    "rate resets stddev_over_time stdvar_over_time sum_over_time ts_of_first_over_time " +
    "ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time"
  )
    .split(" ")
    .map((name) => [name, OF_MATRIX] as const),
  ..."day_of_month day_of_week day_of_year days_in_month hour minute month year"
    .split(" ")
    .map((name) => [name, OF_TIME] as const),
]);

/** Undefined for a name that is no function of ours. */
export function functionSignature(name: string): FunctionSignature | undefined {
  return SIGNATURES.get(name);
}

/**
 * Functions that see the time of an evaluation or of a sample: they change from step to step even
 * when all that is inside them stands still.
 */
const TIME_DEPENDENT: ReadonlySet<string> = new Set([
  "time",
  "timestamp",
  "predict_linear",
  ..."day_of_month day_of_week day_of_year days_in_month hour minute month year".split(" "),
]);

export function isTimeDependent(name: string): boolean {
  return TIME_DEPENDENT.has(name);
}
