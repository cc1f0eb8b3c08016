import { MARKER } from "./split.ts";
import { BOOLEANS, CALENDAR, MESSAGE_KEYS, NOTHINGS, UNITS } from "./words.ts";

// A message becomes a list of words, punctuation and variables (`MARKER`). What varies by its form,
// as a word and not only in its digits, is a variable here: paths, URLs, addresses, hosts with a
// port, units, truth values. Variables in a row, and lists in square brackets, are one variable, for
// their number varies as well.

/** A list of tokens is cut here: what follows tells no two patterns apart. */
const TOKENS_MAX = 120;

/** `gaps[i]`: a space stands before token i. */
export type Tokens = { readonly texts: readonly string[]; readonly gaps: readonly boolean[] };

export function tokenize(message: string): Tokens {
  const list = new TokenList();
  let isAfterSpace = false;
  LEXEME.lastIndex = 0;
  for (;;) {
    const lexeme = LEXEME.exec(message)?.[0];
    if (lexeme === undefined || list.texts.length >= TOKENS_MAX) break;
    if (/^\s/.test(lexeme)) {
      isAfterSpace = true;
      continue;
    }
    list.push(lexeme, isAfterSpace);
    isAfterSpace = false;
  }
  return list.texts.filter((text) => text === "=").length < KEYS_MANY ? list : withoutValues(list);
}

/** In a line of so many keys all that varies is their values. */
const KEYS_MANY = 5;

/** `key=value`: each value is a variable, up to a space or a comma. */
function withoutValues({ texts, gaps }: Tokens): Tokens {
  const kept: { texts: string[]; gaps: boolean[] } = { texts: [], gaps: [] };
  for (let i = 0; i < texts.length; i += 1) {
    kept.texts.push(texts[i] as string);
    kept.gaps.push(gaps[i] as boolean);
    if (texts[i] !== "=" || MESSAGE_KEYS.has(texts[i - 1]?.toLowerCase() ?? "")) continue;
    const end = valueEnd(texts, gaps, i + 1);
    if (end === i + 1) continue;
    kept.texts.push(MARKER);
    kept.gaps.push(false);
    i = end - 1;
  }
  return kept;
}

function valueEnd(texts: readonly string[], gaps: readonly boolean[], start: number): number {
  let depth = 0;
  for (let i = start; i < texts.length; i += 1) {
    const text = texts[i] as string;
    if (gaps[i] === true || text === "," || text === ";") return i;
    if (OPENERS.has(text)) depth += 1;
    if (!CLOSERS.has(text)) continue;
    if (depth === 0) return i;
    depth -= 1;
  }
  return texts.length;
}

const OPENERS = new Set(["(", "[", "{"]);
const CLOSERS = new Set([")", "]", "}"]);

/** Spaces; URLs; paths of Windows, of Unix; runs of dots; words; one character of punctuation. */
const LEXEME =
  /\s+|\w+:\/\/[^\s"'<>]+|\\\\[^\s"',;]+|[A-Za-z]:\\[^\s"',;]*|\/[^\s"'()[\]{}<>,;]*|\.{2,}|(?:[^\s"'()[\]{}<>=,;:|!?.]|\.(?!\.)|(?<=\w)'(?=\w)|::)+|[^\s]/gy;

class TokenList {
  readonly texts: string[] = [];
  readonly gaps: boolean[] = [];

  push(lexeme: string, gap: boolean): void {
    const last = this.texts.at(-1);
    if (isVariable(lexeme, last)) {
      this.#pushVariable(lexeme, gap);
    } else if (last !== MARKER || (!UNITS.has(lexeme) && lexeme !== "%")) {
      if (lexeme === "]") this.#foldList();
      this.#add(lexeme, gap);
    }
  }

  #pushVariable(lexeme: string, gap: boolean): void {
    let startsGap = gap;
    for (
      let count = this.#joined(lexeme, gap);
      count > 0;
      count = this.#joined(lexeme, startsGap)
    ) {
      startsGap = this.gaps.at(-count) === true;
      this.texts.length -= count;
      this.gaps.length -= count;
    }
    if (this.texts.at(-1) !== MARKER) this.#add(MARKER, startsGap);
    // A colon behind a path is the sentence's.
    if (lexeme.endsWith(":")) this.#add(":", false);
  }

  /** How many of the last tokens are part of the variable that follows them. */
  #joined(lexeme: string, isAfterSpace: boolean): number {
    const last = this.texts.at(-1) ?? "";
    const before = this.texts.at(-2) ?? "";
    if (CALENDAR.has(last) || last === "<") return 1;
    if (SEPARATORS.has(last) && before === MARKER) return 1;
    const isPort = last === ":" && !isAfterSpace && this.gaps.at(-1) === false;
    // Also a package and its architecture.
    return isPort && (isHostName(before) || ARCHITECTURE.test(lexeme)) ? 2 : 0;
  }

  /** What is between the bracket that closes now and the one that opened becomes one variable. */
  #foldList(): void {
    const open = this.texts.lastIndexOf("[");
    if (open < 0) return;
    const items = this.texts.slice(open + 1);
    const isList = items.length === 0 || items.includes(",");
    if (!isList || items.some((item) => /["{}=]/.test(item))) return;
    this.texts.length = open + 1;
    this.gaps.length = open + 1;
    this.#add(MARKER, false);
  }

  #add(text: string, gap: boolean): void {
    this.texts.push(text);
    this.gaps.push(gap);
  }
}

const ARCHITECTURE = /^(?:[a-z]{3,5}|i)\0\.?$/;

const SEPARATORS = new Set([",", ":", "-", "|", "/", "x", "+"]);

function isHostName(text: string): boolean {
  return text === "localhost" || /^[a-z0-9]+([.-]+[a-z0-9]+)+$/i.test(text);
}

function isVariable(lexeme: string, last: string | undefined): boolean {
  if (lexeme.includes(MARKER) || BOOLEANS.has(lexeme)) return true;
  if (NOTHINGS.has(lexeme)) return last === "=" || last === ":";
  if (/^\*{2,}$/.test(lexeme) || /^[0-9a-fA-F]{8,}$/.test(lexeme)) return true;
  if (/^\w+:\/\/|^\\\\|^[A-Za-z]:\\|^\/.|^~\//.test(lexeme)) return true;
  if (/^[^@\s]+@[^@\s]+$/.test(lexeme)) return true;
  return /[/\\].*[/\\]|\w\.\w[^/]*\/\.?\w/.test(lexeme);
}
