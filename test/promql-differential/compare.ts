import type { Answer } from "./sides.ts";

/** Numbers this near, relative to the larger, are equal. */
export const TOLERANCE = 1e-9;

/** `isOrdered`: vectors are compared in their order. */
type Strictness = { readonly isOrdered: boolean; readonly tolerance: number };

type Element = {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
};

/** What is different, or null. */
export function difference(real: Answer, ours: Answer, strictness: Strictness): string | null {
  if (real.data === null || ours.data === null) {
    if (real.data === null && ours.data === null) return null;
    return `real: ${real.error ?? "answers"}; ours: ${ours.error ?? "answers"}`;
  }
  const { resultType } = real.data;
  if (resultType !== ours.data.resultType) return `${resultType}, ours ${ours.data.resultType}`;
  if (resultType === "scalar" || resultType === "string") {
    const [one, other] = [real.data.result as Sample, ours.data.result as Sample];
    return samplesDifference([one], [other], strictness.tolerance);
  }
  return elementsDifference(
    real.data.result as readonly Element[],
    ours.data.result as readonly Element[],
    strictness,
  );
}

type Sample = readonly [number, string];

function elementsDifference(
  real: readonly Element[],
  ours: readonly Element[],
  { isOrdered, tolerance }: Strictness,
): string | null {
  const byLabels = new Map(ours.map((one) => [keyOf(one), one]));
  const missing = real.find((one) => !byLabels.has(keyOf(one)));
  if (missing !== undefined) return `ours lacks ${keyOf(missing)} ${shown(missing)}`;
  const known = new Set(real.map(keyOf));
  const extra = ours.find((one) => !known.has(keyOf(one)));
  if (extra !== undefined) return `only ours has ${keyOf(extra)} ${shown(extra)}`;
  if (isOrdered && real.map(keyOf).join() !== ours.map(keyOf).join()) return "in another order";
  for (const one of real) {
    const other = byLabels.get(keyOf(one));
    const found = samplesDifference(samplesOf(one), samplesOf(other), tolerance);
    if (found !== null) return `${keyOf(one)}: ${found}`;
  }
  return null;
}

function keyOf({ metric }: Element): string {
  const names = Object.keys(metric).sort();
  return `{${names.map((name) => `${name}=${JSON.stringify(metric[name])}`).join()}}`;
}

function samplesOf(element: Element | undefined): readonly Sample[] {
  return element?.values ?? (element?.value === undefined ? [] : [element.value]);
}

function shown(element: Element): string {
  return JSON.stringify(samplesOf(element).slice(0, 2));
}

function samplesDifference(
  real: readonly Sample[],
  ours: readonly Sample[],
  tolerance: number,
): string | null {
  if (real.length !== ours.length) return `${real.length} samples, ours ${ours.length}`;
  for (const [i, [timeS, text]] of real.entries()) {
    const [ourTimeS, ourText] = ours[i] ?? [Number.NaN, ""];
    if (timeS !== ourTimeS) return `a sample at ${timeS}, ours at ${ourTimeS}`;
    if (isEqual(numberOf(text), numberOf(ourText), tolerance)) continue;
    return `${text} at ${timeS}, ours ${ourText}`;
  }
  return null;
}

function numberOf(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}

function isEqual(a: number, b: number, tolerance: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
