/** Who sees to which alerts, checked by the rules of a silence. */

import { OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { compileMatcher, compileMatchers } from "../matching/matcher.ts";
import type { LabelsTest } from "./routing.ts";

export type Acknowledging = {
  readonly matches: LabelsTest["matches"];
  readonly by: { readonly createdBy: string; readonly comment: string };
};

const MATCHERS_MAX = 100;
const TEXT_LENGTH_MAX = 16 * 1024;

/** @throws OperationalError QUERY, LIMIT */
export function readAcknowledging(
  matchers: readonly Matcher[],
  by: Acknowledging["by"],
): Acknowledging {
  if (matchers.length === 0)
    throw new OperationalError("QUERY", "At least one matcher is required");
  if (by.createdBy === "") throw new OperationalError("QUERY", "Say who acknowledges");
  if (matchers.length > MATCHERS_MAX) {
    const problem = `${matchers.length} matchers, ${MATCHERS_MAX} are allowed`;
    throw new OperationalError("LIMIT", problem);
  }
  const texts = [by.createdBy, by.comment, ...matchers.map(({ value }) => value)];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length > TEXT_LENGTH_MAX) {
    throw new OperationalError("LIMIT", `${length} characters, ${TEXT_LENGTH_MAX} are allowed`);
  }
  // A matcher that also takes alerts without its label is no condition by itself.
  if (matchers.every(matchesEmptyText)) {
    const problem = "At least one matcher must not match the empty string";
    throw new OperationalError("QUERY", problem);
  }
  return { matches: compileMatchers(matchers), by };
}

/** As for silences, a negative matcher asks for something. */
function matchesEmptyText(matcher: Matcher): boolean {
  const isPositive = matcher.type === "=" || matcher.type === "=~";
  return isPositive && compileMatcher(matcher).matchesEmpty;
}
