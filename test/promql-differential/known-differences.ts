import { difference } from "./compare.ts";
import type { Asked } from "./generate.ts";
import type { Answer } from "./sides.ts";

/**
 * Where ours follows Prometheus 3 and 2.42 does otherwise, or 2.42 is wrong. `applies` sees the
 * smallest part of a query that is answered differently. docs/promql.md says why for each.
 */
type KnownDifference = {
  readonly name: string;
  readonly applies: (asked: Asked, real: Answer, ours: Answer) => boolean;
};

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: "delayed name removal",
    applies: (_asked, real, ours) => ours.error === null && /same labelset/.test(real.error ?? ""),
  },
  {
    name: "atan2 takes the metric name away",
    applies: ({ query }, real, ours) =>
      / atan2 /.test(query) && difference(withoutNames(real), ours, ROUGHLY) === null,
  },
  {
    name: "the deviation of one infinite element is NaN",
    applies: ({ query }, real, ours) =>
      /^std(?:dev|var)\b/.test(query) && hasValue(real, "0") && hasValue(ours, "NaN"),
  },
  {
    name: "pairs that a comparison drops are pairs too",
    applies: (_asked, real, ours) =>
      real.error === null && /several pairs of [=!<>]/.test(ours.error ?? ""),
  },
  {
    name: "predict_linear at a fixed time loses steps in 2.42",
    applies: ({ query, stepS }) => stepS > 0 && /^predict_linear\(.*@/.test(query),
  },
  {
    name: "logarithms of numbers below 2.2e-308 are wrong in 2.42",
    applies: ({ query }) => /^(?:ln|log2|log10)\(.*sized/.test(query),
  },
  {
    name: "the last digits of a power or of a small variance, made larger",
    applies: ({ query }, real, ours) =>
      / % |^(?:sin|cos|tan)\(/.test(query) ||
      (/^std(?:dev|var)/.test(query) && difference(real, ours, ROUGHLY) === null),
  },
];

const ROUGHLY = { isOrdered: false, tolerance: 1e-6 };

function hasValue({ data }: Answer, value: string): boolean {
  return JSON.stringify(data).includes(`"${value}"]`);
}

function withoutNames({ data, error }: Answer): Answer {
  if (data === null) return { data, error: error ?? "" };
  const text = JSON.stringify(data).replace(/"__name__":"\w+",?/g, "");
  return { data: JSON.parse(text) as typeof data, error: null };
}
