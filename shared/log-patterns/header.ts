import { MARKER } from "./split.ts";
import { CALENDAR, LETTER_LEVELS, LEVELS, ZONES } from "./words.ts";

// The header of a line is what its writer did not say: time, host, process, thread, severity and
// component. The same message has many of them, so a pattern begins behind it. Without a time
// nothing is taken for a header but a severity and a tag with a process id.

const TOKENS_MAX = 14;
/** A time farther behind is part of the message. */
const TIME_TOKENS_MAX = 8;
const GROUP_LENGTH_MAX = 200;

type Token = {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** With `0`, a skeleton's only digit, for each variable. */
  readonly text: string;
  readonly isTime: boolean;
};

/** Where the message begins in a skeleton; its length where there is nothing but a header: then 0. */
export function messageStart(skeleton: string, variables: readonly string[]): number {
  if (skeleton.startsWith("{")) return 0; // JSON: what it says, it says of itself
  const tokens = leadingTokens(skeleton, variables);
  const piped = pipedStart(skeleton, tokens[0]);
  if (piped > 0) return piped;
  const timeIndex = lastTime(tokens);
  const start = new Fields(tokens, timeIndex).skip();
  return hasWord(skeleton, start) ? start : 0;
}

function hasWord(skeleton: string, start: number): boolean {
  return start < skeleton.length && /\p{L}{2}/u.test(skeleton.slice(start, start + 500));
}

/** `time|component|pid|message`: the message is behind the last bar of the first word. */
function pipedStart(skeleton: string, first: Token | undefined): number {
  if (first?.isTime !== true || !first.text.startsWith("0|")) return 0;
  const bar = first.text.lastIndexOf("|");
  return hasWord(skeleton, first.start + bar + 1) ? first.start + bar + 1 : 0;
}

/** Words by spaces, but what is in brackets is one. */
function leadingTokens(skeleton: string, variables: readonly string[]): Token[] {
  const tokens: Token[] = [];
  let variable = 0;
  let i = 0;
  while (tokens.length < TOKENS_MAX) {
    while (isSpace(skeleton, i)) i += 1;
    if (i >= skeleton.length) break;
    const end = tokenEnd(skeleton, i);
    const text = skeleton.slice(i, end).replaceAll(MARKER, "0");
    const count = text.split("0").length - 1;
    const own = variables.slice(variable, variable + count);
    tokens.push({
      start: i,
      end,
      text,
      isTime: own.some(isTime) || isCompactTime(text, own, tokens),
    });
    variable += count;
    i = end;
  }
  return tokens;
}

function tokenEnd(text: string, start: number): number {
  const close = { "[": "]", "(": ")" }[text[start] ?? ""];
  let end = start;
  if (close !== undefined) {
    let depth = 0;
    for (let i = start; i < Math.min(text.length, start + GROUP_LENGTH_MAX); i += 1) {
      if (text[i] === text[start]) depth += 1;
      else if (text[i] === close) depth -= 1;
      if (depth === 0) {
        end = i;
        break;
      }
    }
  }
  while (end < text.length && !isSpace(text, end)) end += 1;
  return end;
}

function isSpace(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code === 0x20 || code === 0x09;
}

const TIME = /(^|\D)\d{1,2}:\d\d:\d\d|^\d{4}-\d\d-\d\d[-T]\d\d[.:]\d\d|^1\d{9}(\.\d+)?$|^1\d{12}$/;

function isTime(variable: string): boolean {
  return variable.length >= 7 && /^[\d+-]/.test(variable) && TIME.test(variable);
}

/** `081109 203615`: six digits of a date, six of a time, which begin the line. */
function isCompactTime(text: string, own: readonly string[], before: readonly Token[]): boolean {
  const isAlone = text === "0" && before.length === 1 && before[0]?.text === "0";
  return isAlone && /^[012]\d{5}$/.test(own[0] ?? "");
}

/** The index of the last time of the header; -1: it has none. */
function lastTime(tokens: readonly Token[]): number {
  let found = -1;
  for (let i = 0; i < Math.min(tokens.length, TIME_TOKENS_MAX); i += 1) {
    const token = tokens[i] as Token;
    if (token.isTime) found = i;
    else if (found >= 0 && !isBare(token.text)) break;
    else if (token.text.endsWith(":") || token.text.startsWith("{")) break;
  }
  return found;
}

/** Nothing in it that a message would be made of. */
function isBare(text: string): boolean {
  if (text.includes("0") || !/\p{L}/u.test(text)) return true;
  return CALENDAR.has(text) || ZONES.has(text) || /^[A-Z]+(_[A-Z]+)*$|^[\w.]+[@/#-]\S+$/.test(text);
}

/** Skips the fields between the time and the message. */
class Fields {
  readonly #tokens: readonly Token[];
  readonly #hasTime: boolean;
  readonly #isSyslog: boolean;
  #next: number;
  #hasLevel = false;

  constructor(tokens: readonly Token[], timeIndex: number) {
    this.#tokens = tokens;
    this.#hasTime = timeIndex >= 0;
    this.#isSyslog = CALENDAR.has(tokens[timeIndex - 2]?.text ?? "");
    this.#next = timeIndex + 1;
  }

  /** @returns where the message begins */
  skip(): number {
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token === undefined) break;
      if (this.#isTag(token.text)) {
        this.#next += 1;
        break;
      }
      const count = this.#fieldLength(token.text);
      if (count === 0) break;
      this.#next += count;
      const last = this.#tokens[this.#next - 1]?.text ?? "";
      // What follows a dash behind the severity is the message, even if it looks like a field.
      if (isLevel(last, true) === "last" || (this.#hasLevel && last === "-")) break;
    }
    const last = this.#tokens[this.#next - 1];
    const next = this.#tokens[this.#next];
    if (last === undefined) return 0;
    return next?.start ?? last.end;
  }

  /** How many words from here on are fields of the header, or lead to one. */
  #fieldLength(text: string): number {
    if (isLevel(text, this.#hasTime) !== "") {
      this.#hasLevel = true;
      return 1;
    }
    if (!this.#hasTime) return 0;
    if (!/\p{L}/u.test(text) || ZONES.has(text)) return text.includes('"') ? 0 : 1;
    if (this.#hasLevel) return isComponent(text) || isGroup(text) ? 1 : 0;
    if (LETTER_LEVELS.has(text)) {
      this.#hasLevel = true;
      return 1;
    }
    const levelAhead = this.#distanceToLevel();
    if (levelAhead > 0) return levelAhead;
    if (isGroup(text)) return 1;
    return this.#isHost(text) ? 1 : this.#distanceToDash();
  }

  /** Words to the severity behind fields such as node, facility and component; 0: none is near. */
  #distanceToLevel(): number {
    for (let i = 1; i <= 4; i += 1) {
      const text = this.#tokens[this.#next + i]?.text ?? "";
      if (isLevel(text, false) !== "") return i;
      if (!/^[\w.$@/\-[\]:|]+$/.test(text) || text.endsWith(":")) return 0;
    }
    return 0;
  }

  /** `chrome.exe - `, `app *64 - `: the words up to the dash. */
  #distanceToDash(): number {
    const [text = "", next = "", second = ""] = this.#tokens
      .slice(this.#next, this.#next + 3)
      .map((token) => token.text);
    if (!/^[\w.$-]+$/.test(text)) return 0;
    if (next === "-") return 2;
    return second === "-" && isBare(next) ? 3 : 0;
  }

  #isHost(text: string): boolean {
    if (!/^[\w.\-/@#]+$/.test(text)) return false;
    let i = this.#next + 1;
    if (this.#isSyslog && this.#tokens[i]?.text === "---") return true;
    while (/^-+$/.test(this.#tokens[i]?.text ?? "")) i += 1;
    const next = this.#tokens[i]?.text ?? "";
    if (PID_TAG.test(next) || next === "kernel:") return true;
    if (!this.#isSyslog) return false;
    // A program's name may have two words.
    const isFirstOfTwo = /^[A-Z]\w*$/.test(next) && PID_TAG.test(this.#tokens[i + 1]?.text ?? "");
    return next.endsWith(":") || isFirstOfTwo;
  }

  /** `sshd[123]:`, `dfs.DataNode$PacketResponder:`; also what stands before a group of its own. */
  #isTag(text: string): boolean {
    const next = this.#tokens[this.#next + 1]?.text ?? "";
    if (PID_TAG.test(text) && /^\(.*\):$/.test(next)) {
      this.#next += 1;
      return true;
    }
    if (this.#isSyslog && /^[A-Z]\w*$/.test(text) && PID_TAG.test(next)) {
      this.#next += 1;
      return true;
    }
    if (!text.endsWith(":") || /^[[({"]/.test(text)) return text === ":" && this.#hasLevel;
    if (isLevel(text, true) !== "") return false;
    if (PID_TAG.test(text)) return true;
    return this.#hasTime && (this.#hasLevel || this.#isSyslog || text === "kernel:");
  }
}

const PID_TAG = /^[\w.\-/()@]+\[0\]:?$/;

function isGroup(text: string): boolean {
  return /^\[.*\][:,]?$/.test(text);
}

/** `nova.compute.manager`, `o.s.web.Server`; a sentence has no such word. */
function isComponent(text: string): boolean {
  return /^[\w$]+(\.[\w$]+)+$/.test(text);
}

/**
 * "last": a colon ends the header with it; "": it is no severity.
 * @param isInHeader there is a time before it, and no message
 */
function isLevel(text: string, isInHeader: boolean): "" | "field" | "last" {
  const [, open, word = "", end = ""] = /^([[<(])?([A-Za-z]+)[\])>]?([,:|]?)$/.exec(text) ?? [];
  if (!LEVELS.has(word.toUpperCase())) return "";
  // In lower case it is a word like others, unless brackets say what it is.
  const isCapitalised = isInHeader && CAPITALISED.has(word);
  const isWritten = word === word.toUpperCase() || open !== undefined || isCapitalised;
  if (!isWritten) return "";
  return end === ":" ? "last" : "field";
}

const CAPITALISED = new Set([
  "Info",
  "Debug",
  "Warning",
  "Notice",
  "Error",
  "Warn",
  "Critical",
  "Fatal",
  "Trace",
  "Verbose",
]);
