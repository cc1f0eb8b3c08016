import { z } from "zod";
import type { InhibitRule } from "../routing.ts";
import { isLabelName, matchersShape, readLabelsTest } from "./label-tests.ts";
import { type Report, within } from "./report.ts";

const { match, match_re, matchers } = matchersShape;

/** `inhibit_rules` of a routing file; an entry may be empty. */
export const inhibitRulesSchema = z
  .array(
    z
      .strictObject({
        name: z.string().nullish(),
        source_match: match,
        source_match_re: match_re,
        source_matchers: matchers,
        target_match: match,
        target_match_re: match_re,
        target_matchers: matchers,
        equal: z.array(z.string()).nullish(),
      })
      .nullable(),
  )
  .nullish();

export function readInhibitRules(
  raw: z.infer<typeof inhibitRulesSchema>,
  report: Report,
): readonly InhibitRule[] {
  return (raw ?? []).map((one, i) => {
    const ofRule = within(report, i);
    const equal = one?.equal ?? [];
    for (const [at, name] of equal.entries()) {
      if (!isLabelName(name)) ofRule(["equal", at], `invalid label name "${name}" in equal list`);
    }
    const source = {
      match: one?.source_match,
      match_re: one?.source_match_re,
      matchers: one?.source_matchers,
    };
    const target = {
      match: one?.target_match,
      match_re: one?.target_match_re,
      matchers: one?.target_matchers,
    };
    return {
      source: readLabelsTest(source, "source_", ofRule),
      target: readLabelsTest(target, "target_", ofRule),
      equal,
    };
  });
}
