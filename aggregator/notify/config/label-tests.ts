import { z } from "zod";
import type { Matcher, MatchType } from "../../../shared/model/columns.ts";
import { compareText } from "../../../shared/model/labels.ts";
import { compileMatchers } from "../../matching/matcher.ts";
import { parseMatchers } from "../../matching/parse-matchers.ts";
import type { LabelsTest } from "../routing.ts";
import { attempt, type Report, within } from "./report.ts";

/** Objects of zod have no such key: the matcher would be lost, and more would match. */
const PROTO = "__proto__";

const valueByName = z
  .unknown()
  .refine((raw) => typeof raw !== "object" || raw === null || !Object.hasOwn(raw, PROTO), {
    error: `the label ${PROTO} goes into matchers`,
    abort: true,
  })
  .pipe(z.record(z.string(), z.string().nullable()).nullish())
  .optional();

/** The ways to write matchers: the two older ones, and the newer one. */
export const matchersShape = {
  match: valueByName,
  match_re: valueByName,
  matchers: z.array(z.string()).nullish(),
};

type RawMatchers = {
  readonly [Key in keyof typeof matchersShape]?: z.infer<(typeof matchersShape)[Key]>;
};

/** What the older ways take; the newer one has names in quotes. */
const CLASSIC_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Any text of Unicode, but with no `-` in front: that is a slip of the pen in a list of YAML. */
export function isLabelName(name: string): boolean {
  return name !== "" && !/^-|[\0\p{Surrogate}]/u.test(name);
}

/** @param prefix of the keys, such as `source_` */
export function readLabelsTest(raw: RawMatchers, prefix: string, report: Report): LabelsTest {
  const read = [
    ...readPairs(raw.match, "=", within(report, `${prefix}match`)),
    ...readPairs(raw.match_re, "=~", within(report, `${prefix}match_re`)),
    ...(raw.matchers ?? []).flatMap((text, i) =>
      readMatchers(text, within(report, `${prefix}matchers`, i)),
    ),
  ];
  const matches = compileMatchers(read);
  const matchers = read.map(({ isAnchored, ...matcher }) => {
    return isAnchored ? { ...matcher, value: `^(?:${matcher.value})$` } : matcher;
  });
  return { matchers: matchers.sort(compareMatchers), matches };
}

/** `isAnchored`: Alertmanager writes it with the anchors that it has anyway; keys of routes show it. */
type ReadMatcher = Matcher & { readonly isAnchored: boolean };

function readPairs(
  raw: RawMatchers["match"],
  type: MatchType & ("=" | "=~"),
  report: Report,
): ReadMatcher[] {
  return Object.entries(raw ?? {}).flatMap(([name, value]) => {
    if (!CLASSIC_NAME.test(name)) {
      report([name], `invalid label name "${name}"`);
      return [];
    }
    const isPattern = type === "=~";
    if (isPattern && value === null) {
      report([name], `invalid regexp value for "${name}"`);
      return [];
    }
    const matcher = { name, type, value: value ?? "", isAnchored: isPattern };
    return isGood(matcher, within(report, name)) ? [matcher] : [];
  });
}

function readMatchers(text: string, report: Report): ReadMatcher[] {
  const matchers = attempt(() => parseMatchers(text), report) ?? [];
  return matchers
    .filter((matcher) => isGood(matcher, report))
    .map((matcher) => ({ ...matcher, isAnchored: false }));
}

function isGood(matcher: Matcher, report: Report): boolean {
  return attempt(() => compileMatchers([matcher]), report) !== null;
}

const TYPES: readonly MatchType[] = ["=", "!=", "=~", "!~"];

/** In Alertmanager's order. */
function compareMatchers(a: Matcher, b: Matcher): number {
  const byText = compareText(a.name, b.name) || compareText(a.value, b.value);
  return byText || TYPES.indexOf(a.type) - TYPES.indexOf(b.type);
}
