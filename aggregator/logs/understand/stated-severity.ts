import {
  APOSTROPHE,
  BAR,
  CLOSE,
  CLOSE_ROUND,
  CLOSE_SQUARE,
  COLON,
  COMMA,
  ESCAPE,
  GREATER,
  isBlank,
  isDigit,
  isUpper,
  isWordCode,
  LESS,
  OPEN,
  OPEN_ROUND,
  OPEN_SQUARE,
  QUOTE,
  SEMICOLON,
  SLASH,
  SPACE,
  TAB,
} from "./characters.ts";
import type { LineHead } from "./line-head.ts";
import {
  CAPITAL_WORDS,
  SEVERITY_WORDS,
  type Severity,
  severityOfField,
  severityOfStatus,
} from "./severity.ts";
import type { TimeForm } from "./time-scanner.ts";

/** Behind so many words of prose it is the message, and its levels are what it talks of. */
export const WORDS_OF_HEAD_MAX = 4;

/** Characters that a level in capitals may have before and behind it. */
const AROUND = [BAR, COLON, COMMA, SEMICOLON, QUOTE, APOSTROPHE, GREATER] as const;
const OPENERS = new Set<number>([...AROUND, OPEN_SQUARE, OPEN_ROUND, LESS, OPEN]);
const CLOSERS = new Set<number>([...AROUND, CLOSE_SQUARE, CLOSE_ROUND, CLOSE, ESCAPE]);
const HEAD_ENDS = new Set<number>([COLON, CLOSE_SQUARE, CLOSE_ROUND, CLOSE, GREATER, BAR]);

/** What the word from `at` to `end` says of the severity, when it stands where loggers put it. */
export function severityOfWord(head: LineHead, at: number, end: number): Severity {
  if (end - at === 1) return letterOf(head, at);
  if (isCapital(head.text, at, end)) {
    const severity = CAPITAL_WORDS.find(head.text, at, end);
    return severity !== null && isWhole(head, at, end) ? severity : "unknown";
  }
  const severity = SEVERITY_WORDS.find(head.text, at, end);
  if (severity !== null) return isMarked(head, at, end) ? severity : "unknown";
  return head.prose === 0 && isThrown(head, at, end) ? "error" : "unknown";
}

/** Some formats have the severity at a fixed place behind the time, which ends at `end`. */
export function severityBehindTime(head: LineHead, end: number, form: TimeForm): Severity {
  if (form === "access") return accessSeverity(head.text, end);
  if (form === "day-name-year") return redisSeverity(head.text, end);
  return form === "month-day" ? logcatSeverity(head, end) : "unknown";
}

/** `30/Nov/2026:03:14:15 +0000] "GET / HTTP/1.1" 200` */
function accessSeverity(text: string, end: number): Severity {
  if (!text.startsWith('] "', end)) return "unknown";
  const quote = text.indexOf('" ', end + 3);
  return quote < 0 ? "unknown" : severityOfStatus(Number(text.slice(quote + 2, quote + 5)));
}

/** `12:M 30 Nov 2026 03:14:15.123 * Ready` */
function redisSeverity(text: string, end: number): Severity {
  if (text.charCodeAt(end) !== SPACE || text.charCodeAt(end + 2) !== SPACE) return "unknown";
  const mark = text.charAt(end + 1);
  if (mark === "#") return "warn";
  if (mark === "*") return "notice";
  return mark === "-" || mark === "." ? "debug" : "unknown";
}

/** `11-30 03:14:15.123  1234  5678 E Tag: `, or the letter at once, with a slash behind it. */
function logcatSeverity(head: LineHead, end: number): Severity {
  let at = head.skipBlanks(end);
  for (let i = 0; i < 2 && isDigit(head.text.charCodeAt(at)); i += 1) {
    at = head.skipBlanks(head.wordEnd(at));
  }
  const next = head.text.charCodeAt(at + 1);
  return next === SPACE || next === SLASH ? capitalLetter(head.text, at) : "unknown";
}

/** `[E 2026-11-30 …]`, `[E]`, and logcat's `E/Tag` */
function letterOf(head: LineHead, at: number): Severity {
  const next = head.text.charCodeAt(at + 1);
  const isBracketed = head.text.charCodeAt(at - 1) === OPEN_SQUARE;
  const isTimed = next === SPACE && isDigit(head.text.charCodeAt(at + 2));
  const isLevel = isBracketed
    ? isTimed || next === CLOSE_SQUARE
    : at === head.start && next === SLASH;
  return isLevel ? capitalLetter(head.text, at) : "unknown";
}

/** Not a part of a name, a path or a sentence's end. */
function isWhole(head: LineHead, at: number, end: number): boolean {
  const before = at === head.start ? SPACE : head.text.charCodeAt(at - 1);
  const isBehindTime = at - 1 === head.timeEnd; // whatever stands between, as in `,123-INFO-`
  const begins = isBehindTime || at === head.escapeEnd || isBlank(before) || OPENERS.has(before);
  const next = head.text.charCodeAt(end);
  const ends = isBehindTime || Number.isNaN(next) || isBlank(next) || CLOSERS.has(next);
  return begins && ends;
}

/** In lower case a level is an ordinary word, unless it is set off from what stands around it. */
function isMarked(head: LineHead, at: number, end: number): boolean {
  const before = at === head.start ? Number.NaN : head.text.charCodeAt(at - 1);
  const next = head.text.charCodeAt(end);
  if (at === head.escapeEnd && next === ESCAPE) return true;
  if (before === TAB && next === TAB) return true;
  if (before === OPEN_SQUARE) return head.text.charCodeAt(head.skipBlanks(end)) === CLOSE_SQUARE;
  if (before === COLON && next === CLOSE_SQUARE) return true; // Apache's [core:error]
  if (before === LESS || before === BAR) return next === GREATER || next === BAR;
  if (head.prose > 1) return false;
  if (before === OPEN_ROUND) return next === CLOSE_ROUND;
  return isAtHeadEnd(head, at, end, next);
}

/** `error: …` or, behind the time, `Info    CBS`. */
function isAtHeadEnd(head: LineHead, at: number, end: number, next: number): boolean {
  let last = at - 1;
  while (last > at - 8 && last >= head.start && isBlank(head.text.charCodeAt(last))) last -= 1;
  const isBehindTime = last + 1 === head.timeEnd || last === head.timeEnd;
  const isHeadEnd = isBehindTime || last < head.start || last + 1 === head.escapeEnd;
  if (next === COLON) {
    const isLabel = isHeadEnd || HEAD_ENDS.has(head.text.charCodeAt(last));
    return isLabel && !isWordCode(head.text.charCodeAt(end + 1));
  }
  if (!isBehindTime || head.timeEnd < 0 || !isBlank(next)) return false;
  const isColumn = next === TAB || isBlank(head.text.charCodeAt(end + 1));
  return isColumn || isUpper(head.text.charCodeAt(at));
}

function capitalLetter(text: string, at: number): Severity {
  return isUpper(text.charCodeAt(at)) ? severityOfField(text, at, at + 1) : "unknown";
}

function isCapital(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (!isUpper(text.charCodeAt(at))) return false;
  return true;
}

/** `java.lang.IllegalStateException: …`, `TypeError: …`, or the first line of a stack. */
function isThrown(head: LineHead, at: number, end: number): boolean {
  const { text } = head;
  if (text.charCodeAt(end) === COLON) {
    return text.startsWith("Exception", end - 9) || text.startsWith("Error", end - 5);
  }
  if (at !== head.start) return false;
  return text.startsWith("Traceback (most", at) || text.startsWith("Exception in thread", at);
}
