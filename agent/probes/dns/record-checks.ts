import { RE2JS } from "re2js";
import type { RecordChecks } from "../config/probe-config.ts";

/**
 * Why the records of a section are not what the module wants; null: they are.
 * @param records as lines of a zone file
 * @param section names it in the reason
 */
export function recordsFault(
  records: readonly string[],
  checks: RecordChecks,
  section: string,
): string | null {
  const { failIfMatches, failIfAllMatch, failIfNotMatches, failIfNoneMatches } = checks;
  const isWanted = failIfNotMatches.length + failIfNoneMatches.length > 0;
  if (records.length === 0 && isWanted) return `There is no record in the ${section} section`;
  const bad = firstPair(records, failIfMatches, true);
  if (bad !== null) return `A record of the ${section} section matches ${bad}`;
  const missing = firstPair(records, failIfNotMatches, false);
  if (missing !== null) return `A record of the ${section} section does not match ${missing}`;
  // As blackbox_exporter has it, which is not what the key says: it fails unless all of them match.
  if (failIfAllMatch.length > 0 && firstPair(records, failIfAllMatch, false) !== null) {
    return `Not all records of the ${section} section match`;
  }
  if (failIfNoneMatches.length > 0 && firstPair(records, failIfNoneMatches, true) === null) {
    return `No record of the ${section} section matches`;
  }
  return null;
}

/** The first pattern of which a record matches, or does not match; null: there is none. */
function firstPair(
  records: readonly string[],
  patterns: readonly string[],
  isMatch: boolean,
): string | null {
  for (const pattern of patterns) {
    const expression = RE2JS.compile(pattern);
    if (records.some((record) => expression.test(record) === isMatch)) return pattern;
  }
  return null;
}
