import { getOrInsert } from "../model/get-or-insert.ts";
import { MARKER } from "./split.ts";
import { EVENT_WORDS, NAME_KEYS, PREPOSITIONS } from "./words.ts";

// Which patterns are one, told by the words in each position. All have the same number of tokens and
// the same punctuation. As in a decision tree, those that share the most frequent word of a position
// are taken out, again and again, until what differs within a set looks like a variable in each
// position where it differs (the set is one pattern) or no word is shared any more (it is not).

export type Candidate = {
  /** `MARKER` where it varies. */
  readonly texts: readonly string[];
  /** `gaps[i]`: a space stands before text i. */
  readonly gaps: readonly boolean[];
  /** Lines. */
  readonly count: number;
  /** How many were merged into it, and itself. */
  readonly leaves: number;
};

/** From so many different words in a position on it varies; more at the beginning of a message. */
const VALUES_MIN = 5;
const VALUES_MIN_FIRST = 6;
/** Where each of the words has several patterns behind it, it may be an event's. */
const VALUES_MIN_HEAVY = 12;
const LEAVES_HEAVY = 3;
/** As many are enough where each is rare and much else is the same. */
const VALUES_MIN_RARE = 3;
const VALUES_MIN_HINTED = 3;
const VALUES_MIN_NAMED = 2;

/** Work for one call, in texts of the sets that are looked at: a fraction of a second. */
const TEXTS_MAX = 100_000;

/** Sets of two and more; none is in two. `isSettled`: a word that was rare so far stays rare. */
export function findMerges<T extends Candidate>(all: readonly T[], isSettled: boolean): T[][] {
  const found: T[][] = [];
  const waiting: (readonly T[])[] = [all];
  for (let texts = 0; texts < TEXTS_MAX; ) {
    const next = waiting.pop();
    if (next === undefined) break;
    texts += next.length * (next[0]?.texts.length ?? 0);
    if (next.length < 2) continue;
    const positions = varyingPositions(next);
    if (isOnePattern(next, positions, isSettled)) {
      found.push([...next]);
      continue;
    }
    const split = bestSplit(next, positions);
    if (split === null) continue;
    const isIn = (one: T) => one.texts[split.position] === split.text;
    waiting.push(next.filter((one) => !isIn(one)));
    waiting.push(next.filter(isIn));
  }
  return found;
}

/** In a shape of so many patterns so many words in a position are a variable. */
const CROWD_MIN = 200;
const CROWD_VALUES_MIN = 20;
/** And in one of so many patterns two words are. */
const THRONG_MIN = 1000;

/**
 * Sets of patterns that differ only where very many words were seen: there is nothing else to tell
 * by, and each further line would be a pattern of its own.
 */
export function findCrowdMerges<T extends Candidate>(all: readonly T[]): T[][] {
  if (all.length < CROWD_MIN) return [];
  const valuesMin = all.length < THRONG_MIN ? CROWD_VALUES_MIN : 2;
  const wide = varyingPositions(all)
    .filter(({ values }) => values.size >= valuesMin)
    .map(({ position }) => position);
  if (wide.length === 0) return [];
  const groups = new Map<string, T[]>();
  for (const pattern of all) {
    if (wide.some((position) => isEventAt(pattern, position))) continue;
    const key = pattern.texts.map((text, i) => (wide.includes(i) ? MARKER : text)).join(" ");
    getOrInsert(groups, key, () => []).push(pattern);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

type Value = { patterns: number; leaves: number; count: number };
type Position = { readonly position: number; readonly values: ReadonlyMap<string, Value> };

function varyingPositions(patterns: readonly Candidate[]): Position[] {
  const first = patterns[0]?.texts ?? [];
  const varying: Position[] = [];
  for (let position = 0; position < first.length; position += 1) {
    if (patterns.every(({ texts }) => texts[position] === first[position])) continue;
    const values = new Map<string, Value>();
    for (const { texts, leaves, count } of patterns) {
      const text = texts[position] as string;
      const value = values.get(text);
      if (value === undefined) {
        values.set(text, { patterns: 1, leaves, count });
      } else {
        value.patterns += 1;
        value.leaves += leaves;
        value.count += count;
      }
    }
    varying.push({ position, values });
  }
  return varying;
}

function isOnePattern(
  patterns: readonly Candidate[],
  varying: readonly Position[],
  isSettled: boolean,
): boolean {
  const first = patterns[0];
  if (first === undefined) return false;
  const { texts } = first;
  const positions = new Set(varying.map(({ position }) => position));
  const words = texts.filter((text, i) => isWord(text) && !positions.has(i)).length;
  if (words < Math.max(1, varying.length)) return false;
  return varying.every((one) => isVariable(one, first, words, isSettled));
}

function isVariable(
  { position, values }: Position,
  first: Candidate,
  words: number,
  isSettled: boolean,
): boolean {
  const { texts } = first;
  if (isKey(texts, position)) return false;
  const isNamedValue = isValueOfKey(first, position);
  if (!isNamedValue) for (const text of values.keys()) if (isEventWord(text)) return false;
  if (position === 0 && [...values.keys()].some(isIdentifier)) return false;
  const least = isNamedValue ? VALUES_MIN_HINTED : Number.POSITIVE_INFINITY;
  if (values.size >= Math.min(least, valuesMin(texts, position, values))) return true;
  if (isStates(values) && texts[position - 1] !== ":") return values.size >= VALUES_MIN_HEAVY;
  const all = [...values.values()];
  const total = (of: (value: Value) => number) => all.reduce((sum, value) => sum + of(value), 0);
  const isRare = total(({ count }) => count) <= 2 * values.size;
  if (isSettled && words >= 3 && values.size >= VALUES_MIN_RARE && isRare) return true;
  if (total(({ leaves }) => leaves) >= LEAVES_HEAVY * values.size) {
    return values.size >= VALUES_MIN_HEAVY;
  }
  return values.size >= (position === 0 ? VALUES_MIN_FIRST : VALUES_MIN);
}

/** How many different words are enough by what stands around them and how they are spelt. */
function valuesMin(
  texts: readonly string[],
  position: number,
  values: ReadonlyMap<string, Value>,
): number {
  const before = texts[position - 1] ?? "";
  const isFor = before === "for" && texts[position + 1] === "from";
  if (isFor || isQuoted(texts, position) || isNamed(texts, position)) return VALUES_MIN_NAMED;
  if (PREPOSITIONS.has(before) && !isStates(values)) return VALUES_MIN_HINTED;
  // Where others have a number or the like.
  if (values.has(MARKER)) return VALUES_MIN_HINTED;
  const words = [...values.keys()];
  const isDotted = words.every((word) => word === MARKER || /^[\w-]+(\.[\w-]+){2,}$/.test(word));
  return isDotted || isCounting(words) ? VALUES_MIN_HINTED : Number.POSITIVE_INFINITY;
}

/** `key=value` or `key:value`: whatever the value says, it is one. */
function isValueOfKey({ texts, gaps }: ValuePlace, position: number): boolean {
  const before = texts[position - 1];
  return before === "=" || (before === ":" && gaps[position] === false && position > 1);
}

type ValuePlace = Pick<Candidate, "texts" | "gaps">;

/** A word there says what happened. */
export function isEventAt(place: ValuePlace, position: number): boolean {
  return isEventWord(place.texts[position] as string) && !isValueOfKey(place, position);
}

/** `NEW`, `UNASSIGNED`: what went from one to another is told apart. */
function isStates(values: ReadonlyMap<string, Value>): boolean {
  for (const word of values.keys()) if (!/^[A-Z][A-Z_]{2,}$/.test(word)) return false;
  return true;
}

/** A single word between quotes is a value that the program was given. */
function isQuoted(texts: readonly string[], position: number): boolean {
  return /^["'`]$/.test(texts[position - 1] ?? "") && /^["']$/.test(texts[position + 1] ?? "");
}

/** `key=value`: it is the writer's word. */
function isKey(texts: readonly string[], position: number): boolean {
  return texts[position + 1] === "=";
}

/** `maxSessionTimeout set to …`: with a capital inside, a name from the program itself. */
function isIdentifier(word: string): boolean {
  return /^[a-z]+(?:[A-Z]+[a-z]*)+$/.test(word);
}

/** `hda`, `hdb`, `hdc`: letters in the place of a number. */
function isCounting(words: readonly string[]): boolean {
  const [first = ""] = words;
  const stem = first.slice(0, -1);
  return (
    stem.length >= 2 && words.every((word) => word.length === first.length && word.startsWith(stem))
  );
}

/** `user root`, `user=root`, `user 'root'`. */
function isNamed(texts: readonly string[], position: number): boolean {
  for (let i = position - 1; i >= position - 3 && i >= 0; i -= 1) {
    const text = texts[i] as string;
    if (isWord(text)) return NAME_KEYS.has(text.toLowerCase());
    if (!/^["'=:]$/.test(text)) return false;
  }
  return false;
}

/** The word that most share; before it, one that says what happened, however few have it. */
function bestSplit(
  patterns: readonly Candidate[],
  varying: readonly Position[],
): { position: number; text: string } | null {
  let best: { position: number; text: string } | null = null;
  let bestPatterns = 1;
  const first = patterns[0] as Candidate;
  for (const { position, values } of varying) {
    const isNamedValue = isValueOfKey(first, position);
    for (const [text, value] of values) {
      if (!isNamedValue && isEventWord(text)) return { position, text };
      if (value.patterns <= bestPatterns) continue;
      best = { position, text };
      bestPatterns = value.patterns;
    }
  }
  return bestPatterns < patterns.length ? best : null;
}

export function isWord(text: string): boolean {
  return text !== MARKER && /[\p{L}\p{N}]/u.test(text);
}

function isEventWord(text: string): boolean {
  return EVENT_WORDS.has(text.toLowerCase());
}
