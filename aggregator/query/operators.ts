export type SetOp = "and" | "or" | "unless";
type ComparisonOp = "==" | "!=" | ">" | "<" | ">=" | "<=";
type ArithmeticOp = "+" | "-" | "*" | "/" | "%" | "^" | "atan2";
/**
 * `matched` can not be written: presence.ts puts it in place of a comparison, and it keeps an
 * element wherever the comparison would have been made.
 */
export type BinaryOp = SetOp | ComparisonOp | ArithmeticOp | "matched";

/**
 * How elements of two vectors find each other. `many` names the side of which several may meet one
 * of the other; set operators have it "both".
 */
export type VectorMatching = {
  readonly isOn: boolean;
  readonly labels: readonly string[];
  readonly many: "none" | "left" | "right" | "both";
  readonly include: readonly string[]; // labels that group_left/group_right copy
  readonly fill?: Fill | null;
};

/**
 * Values in place of elements that have no match: `one` where the side that must be unique has none,
 * `many` where the other has none. Prometheus calls them fill_right and fill_left, also where
 * group_right has the sides the other way round.
 */
export type Fill = { readonly one: number | null; readonly many: number | null };

/** `place`: where it stands in the query, for messages. */
export type BinaryOperation = {
  readonly op: BinaryOp;
  readonly isBool: boolean;
  readonly matching: VectorMatching;
  readonly place: string;
};

export const PLAIN_MATCHING: VectorMatching = {
  isOn: false,
  labels: [],
  many: "none",
  include: [],
};

const SET_OPS: ReadonlySet<string> = new Set(["and", "or", "unless"]);
const COMPARISON_OPS: ReadonlySet<string> = new Set(["==", "!=", ">", "<", ">=", "<=", "matched"]);

export function isSetOp(op: BinaryOp): op is SetOp {
  return SET_OPS.has(op);
}

/** Comparisons, and `matched`, which filters as they do. */
export function isComparison(op: BinaryOp): op is ComparisonOp | "matched" {
  return COMPARISON_OPS.has(op);
}
