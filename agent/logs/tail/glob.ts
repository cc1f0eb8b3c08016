/**
 * Glob patterns as a shell has them: `*` and `?` within a name, `[a-z]`, `[!a-z]`, `{a,b}`, and `**`
 * for any number of directories. A `*` at the start of a name does not match a name that begins with
 * a dot. Matching takes time that is at most the product of both lengths, whatever the pattern.
 */
import { OperationalError } from "../../../shared/errors.ts";

const PATTERN_CHARACTERS_MAX = 1024;
const ALTERNATIVES_MAX = 64;

/** The patterns without braces that a pattern stands for. @throws OperationalError CONFIG */
export function expandBraces(pattern: string): readonly string[] {
  if (!pattern.startsWith("/")) {
    throw new OperationalError("CONFIG", `Pattern is not an absolute path: "${pattern}"`);
  }
  if (pattern.length > PATTERN_CHARACTERS_MAX) {
    throw new OperationalError("CONFIG", `Pattern has over ${PATTERN_CHARACTERS_MAX} characters`);
  }
  const done: string[] = [];
  const open = [pattern];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const braces = /\{([^{}]*)\}/.exec(one);
    if (braces === null) done.push(one);
    else {
      const [before, after] = [
        one.slice(0, braces.index),
        one.slice(braces.index + braces[0].length),
      ];
      for (const part of (braces[1] ?? "").split(",")) open.push(before + part + after);
    }
    if (done.length + open.length > ALTERNATIVES_MAX) {
      throw new OperationalError("CONFIG", `Pattern has over ${ALTERNATIVES_MAX} alternatives`);
    }
  }
  return [...new Set(done)];
}

export function isLiteral(segment: string): boolean {
  return !/[*?[]/.test(segment);
}

export function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Whether a path matches a pattern without braces. */
export function matchesPath(pattern: string, path: string): boolean {
  return matchesSegments(segmentsOf(pattern), segmentsOf(path));
}

function matchesSegments(pattern: readonly string[], path: readonly string[]): boolean {
  let [p, i, starP, starI] = [0, 0, -1, -1];
  while (i < path.length) {
    const segment = pattern[p];
    if (segment === "**") {
      [starP, starI] = [p, i];
      p += 1;
    } else if (segment !== undefined && matchesName(segment, path[i] ?? "")) {
      p += 1;
      i += 1;
    } else if (starP >= 0) {
      starI += 1;
      [p, i] = [starP + 1, starI];
    } else return false;
  }
  while (pattern[p] === "**") p += 1;
  return p === pattern.length;
}

/** Whether a name matches a segment of a pattern: on a mismatch only the last `*` takes one more. */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  let [p, i, starP, starI] = [0, 0, -1, -1];
  while (i < name.length) {
    const one = pattern[p] === "*" ? null : matchOne(pattern, p, name[i] ?? "");
    if (one === null) {
      [starP, starI] = [p, i];
      p += 1;
    } else if (one > 0) {
      p += one;
      i += 1;
    } else if (starP >= 0) {
      starI += 1;
      [p, i] = [starP + 1, starI];
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}

/** How many characters of the pattern match this one, 0 when none do. */
function matchOne(pattern: string, at: number, character: string): number {
  const first = pattern[at];
  if (first === "?") return 1;
  if (first !== "[") return first === character ? 1 : 0;
  const end = pattern.indexOf("]", at + 2);
  if (end < 0) return character === "[" ? 1 : 0;
  const set = pattern.slice(at + 1, end);
  const isNegated = set[0] === "!" || set[0] === "^";
  return isInSet(isNegated ? set.slice(1) : set, character) !== isNegated ? end - at + 1 : 0;
}

function isInSet(set: string, character: string): boolean {
  for (let i = 0; i < set.length; i += 1) {
    const [from = "", dash, to] = [set[i], set[i + 1], set[i + 2]];
    if (dash === "-" && to !== undefined) {
      if (from <= character && character <= to) return true;
      i += 2;
    } else if (from === character) return true;
  }
  return false;
}
