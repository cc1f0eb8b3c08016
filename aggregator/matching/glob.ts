/**
 * Patterns that need no engine: literals, plain alternatives and small classes, with `.*` and `.+`
 * between them, such as `a|b`, `node-[0-9]:9100`, `web-(eu|us)-.*`, `.*error.*`. Most that people write
 * are of this kind, and a match is then a few comparisons of texts.
 */

/**
 * A text that begins with one of `heads`, ends with one of `tails`, and has `middles` in between, in this
 * order, each after so many characters or more; `lastGap` is what stands before the tail. No gap
 * at all: the text is one of `heads`.
 */
export type Glob = {
  readonly heads: readonly string[];
  readonly middles: readonly { readonly gap: number; readonly text: string }[];
  readonly lastGap: number | null;
  readonly tails: readonly string[];
};

/** Alternatives that one part may have. */
const TEXTS_MAX = 256;
/** What a part, or a whole pattern, may not have: groups with flags or names, quotes, odd classes. */
const ODD = /\(\?(?!:)|\\[^\W_]|\[\^?\]|\[\[|\[\^/;
const QUANTIFIER = /[*+?{]/;
const GROUP = /\((?:\?:)?([^\\.+*?()[\]{}^$]*)\)/y;
const CLASS = /\[((?:[A-Za-z0-9_](?:-[A-Za-z0-9])?)+)\]/y;
const GAP = /\.([*+])(?![*+?{])/y;
const SPECIAL = /[\\.+*?()|[\]{}^$]/;

/** One for each alternative of the pattern, which is anchored at both ends; null: it takes an engine. */
export function globsOf(pattern: string): readonly Glob[] | null {
  if (ODD.test(pattern)) return null;
  const branches = branchesOf(withoutOuterGroup(pattern));
  const globs: Glob[] = [];
  for (const branch of branches ?? []) {
    const glob = globOf(branch);
    if (glob === null) return null;
    globs.push(glob);
  }
  return branches === null ? null : globs;
}

/** The texts that match, where they can be told one by one. */
export function textsOf(globs: readonly Glob[]): readonly string[] | null {
  if (globs.some(({ lastGap }) => lastGap !== null)) return null;
  return [...new Set(globs.flatMap(({ heads }) => heads))];
}

export function matchesGlob({ heads, middles, lastGap, tails }: Glob, text: string): boolean {
  if (lastGap === null) return heads.includes(text);
  for (const head of heads) {
    if (!text.startsWith(head)) continue;
    const middlesEnd = endOfMiddles(text, head.length, middles);
    if (middlesEnd === -1) continue;
    for (const tail of tails) {
      if (text.length - tail.length >= middlesEnd + lastGap && text.endsWith(tail)) return true;
    }
  }
  return false;
}

/** The first place at which all of them can have ended; -1: they are not all there. */
function endOfMiddles(text: string, start: number, middles: Glob["middles"]): number {
  let end = start;
  for (const middle of middles) {
    const found = text.indexOf(middle.text, end + middle.gap);
    if (found === -1) return -1;
    end = found + middle.text.length;
  }
  return end;
}

/** `(…)` and `(?:…)` around everything say nothing. */
function withoutOuterGroup(pattern: string): string {
  const inner = /^\((?:\?:)?(.*)\)$/s.exec(pattern)?.[1];
  if (inner === undefined || branchesOf(inner) === null) return pattern;
  return inner;
}

/** The alternatives; null where brackets do not come in pairs. */
function branchesOf(pattern: string): string[] | null {
  const branches: string[] = [];
  let depth = 0;
  let isClass = false;
  let from = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at];
    if (character === "\\") at += 1;
    else if (isClass) isClass = character !== "]";
    else if (character === "[") isClass = true;
    else if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    else if (character === "|" && depth === 0) {
      branches.push(pattern.slice(from, at));
      from = at + 1;
    }
    if (depth < 0) return null;
  }
  branches.push(pattern.slice(from));
  return depth === 0 && !isClass ? branches : null;
}

/** Null: it takes an engine. */
function globOf(branch: string): Glob | null {
  const parts: (readonly string[])[] = [[""]];
  const gaps: number[] = [];
  for (let at = 0; at < branch.length; ) {
    const gapEnd = matchEnd(GAP, branch, at);
    if (gapEnd !== null) {
      const gap = branch[at + 1] === "+" ? 1 : 0;
      at = gapEnd;
      if (!isGapEnd(parts)) {
        gaps.push(gap);
        parts.push([""]);
        continue;
      }
      const joined = gap + (gaps.pop() ?? 0);
      if (joined > 1) return null; // characters and places in a text are not the same
      gaps.push(joined);
      continue;
    }
    const next = textsAt(branch, at);
    const last = parts.pop() ?? [];
    if (next === null || last.length * next.texts.length > TEXTS_MAX) return null;
    parts.push(last.flatMap((start) => next.texts.map((text) => start + text)));
    at = next.end;
  }
  const [heads = [], ...others] = parts;
  const tails = others.pop() ?? [];
  // The first place of one text is the best one; of several it need not be.
  if (others.some((texts) => texts.length !== 1)) return null;
  const middles = others.map(([text = ""], i) => ({ gap: gaps[i] ?? 0, text }));
  return { heads, middles, lastGap: gaps.at(-1) ?? null, tails };
}

/** Nothing stands behind the last gap yet. */
function isGapEnd(parts: readonly (readonly string[])[]): boolean {
  return parts.length > 1 && parts.at(-1)?.join("|") === "";
}

type Texts = { readonly texts: readonly string[]; readonly end: number };

/** What may stand at a place of a pattern; null: it is not literal. */
function textsAt(branch: string, at: number): Texts | null {
  const found = groupAt(branch, at) ?? classAt(branch, at) ?? characterAt(branch, at);
  return found === null || QUANTIFIER.test(branch[found.end] ?? "") ? null : found;
}

function groupAt(branch: string, at: number): Texts | null {
  const end = matchEnd(GROUP, branch, at);
  if (end === null) return null;
  const start = branch.startsWith("(?:", at) ? at + 3 : at + 1;
  return { texts: branch.slice(start, end - 1).split("|"), end };
}

function classAt(branch: string, at: number): Texts | null {
  const end = matchEnd(CLASS, branch, at);
  if (end === null) return null;
  const texts = new Set<string>();
  for (const [, first = "", last = first] of branch
    .slice(at + 1, end - 1)
    .matchAll(/(.)(?:-(.))?/g)) {
    const [from, to] = [first.charCodeAt(0), last.charCodeAt(0)];
    if (to < from) return null;
    for (let code = from; code <= to; code += 1) texts.add(String.fromCharCode(code));
  }
  return { texts: [...texts], end };
}

function characterAt(branch: string, at: number): Texts | null {
  const first = branch[at] ?? "";
  if (first === "\\") {
    const escaped = branch[at + 1] ?? "";
    return SPECIAL.test(escaped) || escaped === "-" ? { texts: [escaped], end: at + 2 } : null;
  }
  if (SPECIAL.test(first)) return null;
  const character = String.fromCodePoint(branch.codePointAt(at) ?? 0);
  return { texts: [character], end: at + character.length };
}

function matchEnd(expression: RegExp, text: string, at: number): number | null {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : null;
}
