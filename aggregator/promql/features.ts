/**
 * Parts of the language that Prometheus 3 has as experiments, under the names of its
 * `--enable-feature` flag. An expression that uses one which is not switched on is refused.
 */
import { queryError } from "../query/query-error.ts";
import { childrenOf, type Expr } from "./ast.ts";

export const FEATURES = [
  "promql-experimental-functions",
  "promql-duration-expr",
  "promql-extended-range-selectors",
  "promql-binop-fill-modifiers",
] as const;

export type Feature = (typeof FEATURES)[number];

export const ALL_FEATURES: ReadonlySet<Feature> = new Set(FEATURES);

/** Aggregations as well as functions; not `histogram_quantiles`, which the shipped rules need. */
const EXPERIMENTAL_FUNCTIONS: ReadonlySet<string> = new Set([
  ..."double_exponential_smoothing end first_over_time info".split(" "),
  ..."limit_ratio limitk mad_over_time max_of min_of range sort_by_label".split(" "),
  ..."sort_by_label_desc start step ts_of_first_over_time ts_of_last_over_time".split(" "),
  ..."ts_of_max_over_time ts_of_min_over_time".split(" "),
]);

type Use = { readonly feature: Feature; readonly what: string };

/** @throws OperationalError QUERY for what needs a feature that is not switched on */
export function checkFeatures(expr: Expr, enabled: ReadonlySet<Feature>): void {
  for (const { feature, what } of usesOf(expr)) {
    if (enabled.has(feature)) continue;
    const remedy = `the configuration switches it on by query.features: [${feature}]`;
    throw queryError(expr.place, `${what} is experimental; ${remedy}`);
  }
  for (const child of childrenOf(expr)) checkFeatures(child, enabled);
}

function usesOf(expr: Expr): Use[] {
  switch (expr.kind) {
    case "call":
      return ofName(expr.name);
    case "aggregate":
      return ofName(expr.op);
    case "binary": {
      const isFilled = (expr.matching.fill ?? null) !== null;
      return isFilled ? [{ feature: "promql-binop-fill-modifiers", what: "fill" }] : [];
    }
    case "selector": {
      const { extension, offset } = expr;
      const uses: Use[] = offset === null ? [] : [ARITHMETIC];
      if (extension === null) return uses;
      return [...uses, { feature: "promql-extended-range-selectors", what: extension }];
    }
    case "matrix":
      return expr.range === null ? [] : [ARITHMETIC];
    case "subquery": {
      const isPlain = expr.range === null && expr.step === null && expr.offset === null;
      return isPlain ? [] : [ARITHMETIC];
    }
    default:
      return [];
  }
}

const ARITHMETIC: Use = { feature: "promql-duration-expr", what: "arithmetic with durations" };

function ofName(name: string): Use[] {
  if (!EXPERIMENTAL_FUNCTIONS.has(name)) return [];
  return [{ feature: "promql-experimental-functions", what: name }];
}
