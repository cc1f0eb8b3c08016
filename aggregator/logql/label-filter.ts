import { compileMatcher } from "../matching/matcher.ts";
import type { Comparison, LabelFilter } from "./ast.ts";
import { ipTest } from "./ip.ts";
import { ERROR_LABEL, type LineLabels } from "./line-labels.ts";
import { parseQuantity } from "./units.ts";

export type LabelTest = (labels: LineLabels) => boolean;

/**
 * A line that has an error gets through every comparison with a number, a size, a duration or an
 * address: only a condition on a text, such as `__error__=""`, stops it. So it is in Loki.
 * @throws OperationalError PARSE for what is no address
 */
export function labelTest(filter: LabelFilter): LabelTest {
  switch (filter.kind) {
    case "text": {
      const { name, test } = compileMatcher(filter.matcher);
      return (labels) => test(labels.get(name));
    }
    case "ip":
      return addressTest(filter.name, filter.isNegated, ipTest(filter.text));
    case "quantity":
      return quantityTest(filter);
    case "and": {
      const tests = filter.filters.map(labelTest);
      return (labels) => tests.every((test) => test(labels));
    }
    case "or": {
      const tests = filter.filters.map(labelTest);
      return (labels) => tests.some((test) => test(labels));
    }
  }
}

function addressTest(
  name: string,
  isNegated: boolean,
  isWithin: (text: string) => boolean,
): LabelTest {
  return (labels) => {
    if (labels.error !== "") return true;
    const value = labels.get(name);
    return value !== "" && isWithin(value) !== isNegated;
  };
}

const COMPARE: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
};

/** A line without the label is left out; one with another kind of value has an error from here on. */
function quantityTest(filter: Extract<LabelFilter, { kind: "quantity" }>): LabelTest {
  const { name, as, value } = filter;
  const compare = COMPARE[filter.op];
  return (labels) => {
    if (labels.error !== "") return true;
    const text = labels.get(name);
    if (text === "") return false;
    const found = parseQuantity(text, as);
    if (found !== null) return compare(found, value);
    labels.setError("LabelFilterErr", `${name} is not a ${as}: "${text}"`);
    return true;
  };
}

/** Whether the filter looks at `__error__`. */
export function looksAtErrors(filter: LabelFilter): boolean {
  switch (filter.kind) {
    case "text":
      return filter.matcher.name === ERROR_LABEL;
    case "and":
    case "or":
      return filter.filters.some(looksAtErrors);
    default:
      return false;
  }
}
