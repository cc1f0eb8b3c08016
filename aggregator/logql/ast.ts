import type { Matcher } from "../../shared/model/columns.ts";
import type { Aggregation } from "../query/aggregate.ts";
import type { BinaryOperation } from "../query/operators.ts";

/** `place` is "LogQL line:column", both from 1, where a construct begins in the query's text. */

export type LineFilterOp = "|=" | "!=" | "|~" | "!~" | "|>" | "!>";

/** `alternatives`: a line is taken when any of them is found; for a negated filter, when none is. */
export type LineFilterStage = {
  readonly kind: "line-filter";
  readonly op: LineFilterOp;
  readonly alternatives: readonly { readonly text: string; readonly isIp: boolean }[];
  readonly place: string;
};

export type Comparison = "=" | "!=" | ">" | ">=" | "<" | "<=";

/** What a label is compared as; a duration in seconds. */
export type QuantityKind = "number" | "duration" | "bytes";

export type LabelFilter =
  | { readonly kind: "text"; readonly matcher: Matcher }
  | {
      readonly kind: "ip";
      readonly name: string;
      readonly isNegated: boolean;
      readonly text: string;
    }
  | {
      readonly kind: "quantity";
      readonly name: string;
      readonly op: Comparison;
      readonly as: QuantityKind;
      readonly value: number;
    }
  | { readonly kind: "and" | "or"; readonly filters: readonly LabelFilter[] };

/** A label and the field or path that it is taken from. */
export type Extraction = { readonly name: string; readonly from: string };

/** A name, or a matcher: the label counts only where it matches. */
export type LabelChoice = { readonly name: string; readonly matcher: Matcher | null };

export type LabelFormat = {
  readonly name: string;
  readonly value:
    | { readonly kind: "rename"; readonly from: string }
    | { readonly kind: "template"; readonly text: string };
};

export type Stage =
  | LineFilterStage
  | { readonly kind: "label-filter"; readonly filter: LabelFilter; readonly place: string }
  | { readonly kind: "json"; readonly fields: readonly Extraction[]; readonly place: string }
  | {
      readonly kind: "logfmt";
      readonly fields: readonly Extraction[];
      readonly isStrict: boolean;
      readonly keepsEmpty: boolean;
      readonly place: string;
    }
  | { readonly kind: "pattern" | "regexp"; readonly text: string; readonly place: string }
  | { readonly kind: "unpack" | "decolorize"; readonly place: string }
  | { readonly kind: "line_format"; readonly text: string; readonly place: string }
  | {
      readonly kind: "label_format";
      readonly formats: readonly LabelFormat[];
      readonly place: string;
    }
  | {
      readonly kind: "drop" | "keep";
      readonly choices: readonly LabelChoice[];
      readonly place: string;
    };

/** A log query: which streams, and what happens to each line. */
export type LogExpr = {
  readonly kind: "logs";
  readonly matchers: readonly Matcher[];
  readonly stages: readonly Stage[];
  readonly place: string;
};

/** The label whose value is the sample; stages behind it see its errors. */
export type Unwrap = {
  readonly name: string;
  readonly as: QuantityKind;
  readonly filters: readonly Stage[];
};

export type RangeOp =
  | "absent_over_time"
  | "avg_over_time"
  | "bytes_over_time"
  | "bytes_rate"
  | "count_over_time"
  | "first_over_time"
  | "last_over_time"
  | "max_over_time"
  | "min_over_time"
  | "quantile_over_time"
  | "rate"
  | "rate_counter"
  | "stddev_over_time"
  | "stdvar_over_time"
  | "sum_over_time";

export type Grouping = {
  readonly grouping: "by" | "without";
  readonly labels: readonly string[];
};

export type RangeExpr = {
  readonly kind: "range";
  readonly op: RangeOp;
  readonly param: number | null; // of quantile_over_time
  readonly logs: LogExpr;
  readonly unwrap: Unwrap | null;
  readonly rangeMs: number;
  readonly offsetMs: number;
  readonly grouping: Grouping | null;
  readonly place: string;
};

export type AggregateExpr = Aggregation & {
  readonly kind: "aggregate";
  readonly param: number | null;
  readonly expr: MetricExpr;
};

export type BinaryExpr = BinaryOperation & {
  readonly kind: "binary";
  readonly left: MetricExpr;
  readonly right: MetricExpr;
};

export type MetricExpr =
  | { readonly kind: "number"; readonly value: number; readonly place: string }
  | { readonly kind: "vector"; readonly value: number; readonly place: string }
  | RangeExpr
  | AggregateExpr
  | BinaryExpr
  | {
      readonly kind: "sort";
      readonly isDescending: boolean;
      readonly expr: MetricExpr;
      readonly place: string;
    }
  | {
      readonly kind: "label_replace";
      readonly expr: MetricExpr;
      readonly texts: readonly string[]; // target, replacement, source, pattern
      readonly place: string;
    };

export type LogqlExpr = LogExpr | MetricExpr;

/** Whether the value is one number a step, without labels. */
export function isScalar(expr: MetricExpr): boolean {
  if (expr.kind === "binary") return isScalar(expr.left) && isScalar(expr.right);
  return expr.kind === "number";
}

/** Every range aggregation in an expression: where it reads lines. */
export function rangesOf(expr: LogqlExpr): readonly RangeExpr[] {
  switch (expr.kind) {
    case "range":
      return [expr];
    case "aggregate":
    case "sort":
    case "label_replace":
      return rangesOf(expr.expr);
    case "binary":
      return [...rangesOf(expr.left), ...rangesOf(expr.right)];
    default:
      return [];
  }
}
