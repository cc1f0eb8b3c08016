import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { formatLabels, type Labels, labelsKey } from "../../shared/model/labels.ts";
import type { Meter } from "./meter.ts";
import {
  type BinaryOp,
  type BinaryOperation,
  isComparison,
  isSetOp,
  type SetOp,
} from "./operators.ts";
import { queryError } from "./query-error.ts";
import {
  emptySeries,
  hasSample,
  mergeEqual,
  type StepSeries,
  withoutMetadata,
} from "./step-series.ts";
import { matchGroups, resultLabels } from "./vector-matching.ts";

type Compute = (a: number, b: number) => number;

const COMPUTE: Readonly<Record<Exclude<BinaryOp, SetOp>, Compute>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "^": power,
  atan2: Math.atan2,
  "==": (a, b) => (a === b ? 1 : 0),
  "!=": (a, b) => (a !== b ? 1 : 0),
  ">": (a, b) => (a > b ? 1 : 0),
  "<": (a, b) => (a < b ? 1 : 0),
  ">=": (a, b) => (a >= b ? 1 : 0),
  "<=": (a, b) => (a <= b ? 1 : 0),
  matched: () => 1,
};

/** As Go computes it: 1 to any power is 1, also to NaN, and -1 to an infinite one. */
function power(base: number, exponent: number): number {
  if (base === 1) return 1;
  if (base === -1 && Math.abs(exponent) === Number.POSITIVE_INFINITY) return 1;
  return base ** exponent;
}

export function computeOf(op: BinaryOp): Compute {
  return COMPUTE[isSetOp(op) ? "matched" : op];
}

function keepsElement(expr: BinaryOperation): boolean {
  return isComparison(expr.op) && !expr.isBool;
}

/** Both sides scalar; the left column is written over. */
export function scalarBinary(expr: BinaryOperation, left: Float64Array, right: Float64Array): void {
  const compute = computeOf(expr.op);
  for (let i = 0; i < left.length; i += 1) left[i] = compute(left[i] ?? 0, right[i] ?? 0);
}

/** One side a scalar. A filtering comparison keeps the vector's values, on whichever side it is. */
export async function vectorScalarBinary(
  expr: BinaryOperation,
  vector: readonly StepSeries[],
  scalar: { readonly values: Float64Array; readonly isLeft: boolean },
  meter: Meter,
): Promise<StepSeries[]> {
  const isFilter = keepsElement(expr);
  const compute = computeOf(expr.op);
  const swapped: Compute = (value, other) => compute(other, value);
  for (const one of vector) {
    applyScalar(one, scalar.values, scalar.isLeft ? swapped : compute, isFilter);
    if (meter.work(one.values.length)) await meter.rest();
  }
  if (!isFilter) return vector.map((one) => ({ ...one, dropsName: true }));
  return vector.filter(hasSample);
}

function applyScalar(
  { values, present }: StepSeries,
  scalar: Float64Array,
  compute: Compute,
  isFilter: boolean,
): void {
  for (let i = 0; i < values.length; i += 1) {
    if (present[i] !== 1) continue;
    const result = compute(values[i] ?? 0, scalar[i] ?? 0);
    if (!isFilter) values[i] = result;
    else if (result === 0) present[i] = 0;
  }
}

/** `and`, `or`, `unless`. */
export async function setBinary(
  expr: BinaryOperation,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  meter: Meter,
): Promise<StepSeries[]> {
  const isOr = expr.op === "or";
  const wanted = expr.op === "and" ? 1 : 0;
  for (const group of matchGroups(left, right, expr.matching)) {
    const mask = await anyPresent(isOr ? group.left : group.right, meter);
    for (const one of isOr ? group.right : group.left) {
      keepWhere(one, mask, wanted);
      if (meter.work(one.present.length)) await meter.rest();
    }
  }
  const result = isOr ? [...left, ...right] : left;
  return mergeEqual(result.filter(hasSample), expr.place);
}

/** Where any of the series has an element; null when there is no series. */
async function anyPresent(series: readonly StepSeries[], meter: Meter): Promise<Uint8Array | null> {
  const [first, ...others] = series;
  if (first === undefined) return null;
  const any = first.present.slice();
  for (const { present } of others) {
    for (let i = 0; i < any.length; i += 1) if (present[i] === 1) any[i] = 1;
    if (meter.work(any.length)) await meter.rest();
  }
  return any;
}

/** Keeps elements at the steps where the mask is `wanted`; no mask is one of zeros. */
function keepWhere({ present }: StepSeries, mask: Uint8Array | null, wanted: number): void {
  for (let i = 0; i < present.length; i += 1) if ((mask?.[i] ?? 0) !== wanted) present[i] = 0;
}

/** Both sides vectors, an arithmetic or comparing operator. */
export async function vectorBinary(
  expr: BinaryOperation,
  left: readonly StepSeries[],
  right: readonly StepSeries[],
  meter: Meter,
): Promise<StepSeries[]> {
  const isSwapped = expr.matching.many === "right";
  const join = new VectorJoin(expr, isSwapped ? right : left);
  for (const group of matchGroups(left, right, expr.matching)) {
    const [manys, ones] = isSwapped ? [group.right, group.left] : [group.left, group.right];
    join.checkOneSide(ones, group.key);
    for (const many of manys) {
      for (const one of ones) {
        meter.hold(many.present.length);
        join.addPair(many, one);
        if (meter.work(many.present.length * 2)) await meter.rest();
      }
    }
    for (const [many, one] of filledPairs(expr, { manys, ones, key: group.key }, meter)) {
      join.addPair(many, one);
      if (meter.work(many.present.length * 2)) await meter.rest();
    }
  }
  return join.results();
}

type Sides = {
  readonly manys: readonly StepSeries[];
  readonly ones: readonly StepSeries[];
  readonly key: Labels;
};

/** Pairs in which one side is the value that fills in for it, at the steps where it has no element. */
function filledPairs(
  { matching }: BinaryOperation,
  { manys, ones, key }: Sides,
  meter: Meter,
): [many: StepSeries, one: StepSeries][] {
  const { one: forOne = null, many: forMany = null } = matching.fill ?? {};
  const fillerFor = (missing: readonly StepSeries[], steps: number, value: number): StepSeries => {
    meter.hold(2 * steps);
    const filler = emptySeries(key, false, steps);
    filler.values.fill(value);
    filler.present.fill(1);
    for (const { present } of missing) keepWhere(filler, present, 0);
    return filler;
  };
  const steps = (manys[0] ?? ones[0])?.present.length ?? 0;
  const pairs: [StepSeries, StepSeries][] = [];
  if (forOne !== null && manys.length > 0) {
    const filler = fillerFor(ones, steps, forOne);
    for (const many of manys) pairs.push([many, filler]);
  }
  if (forMany !== null && ones.length > 0) {
    const filler = fillerFor(manys, steps, forMany);
    for (const one of ones) pairs.push([filler, one]);
  }
  return pairs;
}

/** `claimed`: steps at which a pair met, also where a filter then dropped the element. */
type Joined = StepSeries & { readonly claimed: Uint8Array };

/**
 * The join of two vectors. The "one" side is the right one, unless group_right swaps them; it must
 * have one element at most per group and step.
 */
class VectorJoin {
  readonly #expr: BinaryOperation;
  readonly #manySide: readonly StepSeries[];
  readonly #isSwapped: boolean;
  readonly #joined = new Map<string, Joined>();

  constructor(expr: BinaryOperation, manySide: readonly StepSeries[]) {
    this.#expr = expr;
    this.#manySide = manySide;
    this.#isSwapped = expr.matching.many === "right";
  }

  /** @throws OperationalError QUERY when two elements of the "one" side are there at one step */
  checkOneSide(ones: readonly StepSeries[], key: Labels): void {
    if (ones.length < 2) return;
    const step = ones[0]?.present.findIndex((_, i) => isClash(ones, i)) ?? -1;
    const isFilled = (this.#expr.matching.fill ?? null) !== null;
    if (step < 0) return;
    if (!isFilled && !this.#manySide.some((other) => hasClash(ones, other))) return;
    const names = ones.filter((one) => one.present[step] === 1).map((one) => one.labels);
    const side = this.#isSwapped ? "left" : "right";
    throw queryError(
      this.#expr.place,
      `several elements of the ${side} side of ${this.#expr.op} have the labels ` +
        `${formatLabels(key)}: ${names.map(formatLabels).sort().join(", ")}`,
    );
  }

  addPair(many: StepSeries, one: StepSeries): void {
    const compute = computeOf(this.#expr.op);
    const isFilter = keepsElement(this.#expr);
    let target: Joined | null = null;
    for (let i = 0; i < many.present.length; i += 1) {
      if (many.present[i] !== 1 || one.present[i] !== 1) continue;
      target ??= this.#target(many, one);
      if (target.claimed[i] === 1) throw this.#clash(target.labels);
      target.claimed[i] = 1;
      const left = (this.#isSwapped ? one : many).values[i] ?? 0;
      const right = (this.#isSwapped ? many : one).values[i] ?? 0;
      const result = compute(left, right);
      if (isFilter && result === 0) continue;
      target.values[i] = isFilter ? left : result;
      target.present[i] = 1;
    }
  }

  results(): StepSeries[] {
    return [...this.#joined.values()].filter(hasSample);
  }

  #target(many: StepSeries, one: StepSeries): Joined {
    const { op, isBool, matching } = this.#expr;
    const base = isComparison(op) ? many.labels : withoutMetadata(many.labels);
    const labels = resultLabels(base, one.labels, matching);
    const dropsName = isBool || (isComparison(op) && many.dropsName);
    const key = `${dropsName ? "-" : "+"}${labelsKey(labels)}`;
    const steps = many.present.length;
    return getOrInsert(this.#joined, key, () => {
      return { ...emptySeries(labels, dropsName, steps), claimed: new Uint8Array(steps) };
    });
  }

  #clash(labels: Labels): Error {
    const { op, place, matching } = this.#expr;
    const remedy =
      matching.many === "none"
        ? "group_left or group_right says which side may have several"
        : "the labels that group_left and group_right keep must tell them apart";
    const message = `several pairs of ${op} have the result labels ${formatLabels(labels)}; ${remedy}`;
    return queryError(place, message);
  }
}

/** Whether two of the series have an element at the step. */
function isClash(series: readonly StepSeries[], step: number): boolean {
  let there = 0;
  for (const { present } of series) there += present[step] ?? 0;
  return there > 1;
}

/** With nothing at all on the other side there is nothing to match, so nothing to complain about. */
function hasClash(series: readonly StepSeries[], other: StepSeries): boolean {
  return other.present.some((there, i) => there === 1 && isClash(series, i));
}
