/** What may become of a silence, by the rules of Alertmanager. */

import { OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { isLabelText } from "../../shared/model/labels.ts";
import { compileMatcher } from "../matching/matcher.ts";
import { type PostedSilence, type Silence, silenceState } from "../model/silence.ts";

/** Of one silence. A long alternative of host names has its place. */
const MATCHERS_MAX = 100;
const TEXT_LENGTH_MAX = 16 * 1024;
/** RFC 3339 has four digits for the year. */
const ENDS_MAX_MS = 253_402_300_799_999;

/** `ended`: the silence that could not be changed, and ends now. */
export type SilenceChange = { readonly set: Silence; readonly ended: Silence | null };

/**
 * What is stored for what was posted. A silence changes in place while nobody would have to say of the
 * past what was not so: with other matchers, or another start of one that is active, it is a new one.
 * @param known the silence of the posted id; null: there is none
 * @param newId is asked only when a new one is made
 * @throws OperationalError QUERY, LIMIT, NOT_FOUND
 */
export function setSilence(
  known: Silence | null,
  posted: PostedSilence,
  nowMs: number,
  newId: () => string,
): SilenceChange {
  checkSilence(posted, nowMs);
  if (posted.id !== null && known === null) {
    throw new OperationalError("NOT_FOUND", "Silence not found");
  }
  if (known !== null && canChange(known, posted, nowMs)) {
    const isActive = silenceState(known, nowMs) === "active";
    const startsAtMs = isActive ? known.startsAtMs : posted.startsAtMs;
    return { set: { ...posted, id: known.id, startsAtMs, updatedAtMs: nowMs }, ended: null };
  }
  const startsAtMs = Math.max(posted.startsAtMs, nowMs);
  const set = { ...posted, id: newId(), startsAtMs, updatedAtMs: nowMs };
  const isOver = known === null || silenceState(known, nowMs) === "expired";
  return { set, ended: isOver ? null : endSilence(known, nowMs) };
}

/** @throws OperationalError QUERY when it has ended before */
export function endSilence(silence: Silence, nowMs: number): Silence {
  if (silenceState(silence, nowMs) === "expired") {
    throw new OperationalError("QUERY", `Silence ${silence.id} has ended already`);
  }
  const startsAtMs = Math.min(silence.startsAtMs, nowMs);
  return { ...silence, startsAtMs, endsAtMs: nowMs, updatedAtMs: nowMs };
}

function canChange(known: Silence, posted: PostedSilence, nowMs: number): boolean {
  if (!hasSameMatchers(known.matchers, posted.matchers)) return false;
  switch (silenceState(known, nowMs)) {
    case "active": // clients give the start back in whole seconds
      return inSeconds(known.startsAtMs) === inSeconds(posted.startsAtMs);
    case "pending":
      return posted.startsAtMs >= nowMs;
    case "expired":
      return false;
  }
}

function inSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}

function hasSameMatchers(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  const isSame = (one: Matcher, other: Matcher | undefined) =>
    one.name === other?.name && one.type === other.type && one.value === other.value;
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}

function checkSilence(posted: PostedSilence, nowMs: number): void {
  const { matchers, startsAtMs, endsAtMs } = posted;
  checkSize(posted);
  if (endsAtMs <= nowMs) throw invalid("end time is in the past");
  if (endsAtMs <= startsAtMs) throw invalid("start time must be before end time");
  if (endsAtMs > ENDS_MAX_MS) throw invalid("end time is after the year 9999");
  if (matchers.length === 0) throw invalid("at least one matcher is required");
  for (const [i, matcher] of matchers.entries()) checkMatcher(matcher, i);
  if (matchers.every(matchesEmptyText)) {
    throw invalid("at least one matcher must not match the empty string");
  }
}

function checkSize({ matchers, createdBy, comment }: PostedSilence): void {
  if (matchers.length > MATCHERS_MAX) {
    throw tooLarge(`${matchers.length} matchers, ${MATCHERS_MAX} are allowed`);
  }
  const texts = [createdBy, comment, ...matchers.flatMap(({ name, value }) => [name, value])];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  if (length > TEXT_LENGTH_MAX) {
    throw tooLarge(`${length} characters, ${TEXT_LENGTH_MAX} are allowed`);
  }
}

function checkMatcher(matcher: Matcher, index: number): void {
  const where = `invalid label matcher ${index}`;
  if (matcher.name === "" || !isLabelText(matcher.name)) {
    throw invalid(`${where}: invalid label name ${JSON.stringify(matcher.name)}`);
  }
  try {
    compileMatcher(matcher);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    throw invalid(`${where}: ${error.message}`, error);
  }
}

/** Alertmanager takes a negative matcher for one that asks for something. */
function matchesEmptyText(matcher: Matcher): boolean {
  const isPositive = matcher.type === "=" || matcher.type === "=~";
  return isPositive && compileMatcher(matcher).matchesEmpty;
}

function invalid(problem: string, cause?: unknown): OperationalError {
  return new OperationalError("QUERY", `invalid silence: ${problem}`, { cause });
}

function tooLarge(problem: string): OperationalError {
  return new OperationalError("LIMIT", `invalid silence: ${problem}`);
}
