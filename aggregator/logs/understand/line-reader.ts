import {
  COMMA,
  DOT,
  EQUALS,
  ESCAPE,
  isBlank,
  isDigit,
  isLetter,
  isUpper,
  isWordCode,
  LESS,
  OPEN,
  OPEN_SQUARE,
  QUOTE,
  SPACE,
  UNDERSCORE,
} from "./characters.ts";
import { JsonFields } from "./json-fields.ts";
import { LineHead } from "./line-head.ts";
import {
  type Severity,
  severityOfField,
  severityOfOtelNumber,
  severityOfPriority,
} from "./severity.ts";
import { severityBehindTime, severityOfWord, WORDS_OF_HEAD_MAX } from "./stated-severity.ts";
import { TimeScanner } from "./time-scanner.ts";
import { WordTable } from "./word-table.ts";
import { UTC, type Zone } from "./zone.ts";

/** What one line says of itself. */
export type LineFacts = {
  /** Unix microseconds; null when the line says no time, or one that was refused. */
  readonly timeUs: number | null;
  /** It says a time that lies too far from the receive time. */
  readonly isTimeRefused: boolean;
  readonly severity: Severity;
};

export type LineReaderOptions = {
  /** Of times that do not say theirs. */
  readonly zone: Zone;
  /** How far after the receive time a line's time may be. */
  readonly futureMaxUs: number;
  readonly pastMaxUs: number;
};

export const LINE_READER_DEFAULTS: LineReaderOptions = {
  zone: UTC,
  futureMaxUs: 600e6, // Loki's creation_grace_period
  pastMaxUs: 366 * 86_400e6, // a date without a year means one of the last 365 days
};

/** So many words of prose before it, and a time is one that the message talks of. */
const WORDS_BEFORE_TIME_MAX = 1;

type Field = "level" | "otel" | "time";

/** Fields of JSON and logfmt, of the libraries in docs/log-formats.md. */
const FIELDS = new WordTable<Field>([
  ...words<Field>("level", "level lvl severity log.level loglevel log_level levelname @l l s"),
  ...words<Field>("level", "severity_text severitytext priority"),
  ...words<Field>("otel", "severity_number severitynumber"),
  ...words<Field>("time", "ts time timestamp @timestamp t @t datetime date asctime timemillis"),
  ...words<Field>("time", "time_local time_iso8601 startutc eventtime event_time start_time"),
]);
const WEEKDAYS = new WordTable(words(true, "mon tue wed thu fri sat sun"));

function words<V>(value: V, list: string): (readonly [string, V])[] {
  return list.split(" ").map((word) => [word, value] as const);
}

/**
 * Finds the time and the severity of lines, one line at a time; what a line gives does not depend on
 * the lines before it. It walks over the head of the line once and stops when it has both.
 */
export class LineReader {
  readonly #options: LineReaderOptions;
  readonly #times: TimeScanner;
  readonly #head = new LineHead();
  readonly #fields = new JsonFields();
  #nearUs = 0;
  #timeUs: number | null = null;
  #isTimeRefused = false;
  #severity: Severity = "unknown";
  /** Where the value of a field such as `ts=` begins. */
  #timeFieldAt = -1;

  constructor(options: LineReaderOptions = LINE_READER_DEFAULTS) {
    this.#options = options;
    this.#times = new TimeScanner(options.zone);
  }

  /** @param receivedUs when the agent read the line, or the container wrote it */
  read(line: string, receivedUs: number): LineFacts {
    this.#head.open(line);
    this.#nearUs = receivedUs;
    this.#timeUs = null;
    this.#isTimeRefused = false;
    this.#severity = "unknown";
    this.#timeFieldAt = -1;
    const priority = line.charCodeAt(0) === LESS ? this.#priority() : -1;
    this.#walk(this.#klogHead());
    if (this.#severity === "unknown" && priority >= 0) {
      this.#severity = severityOfPriority(priority);
    }
    this.#head.open(""); // a line may be a megabyte
    const [timeUs, isTimeRefused] = [this.#timeUs, this.#isTimeRefused];
    return { timeUs, isTimeRefused, severity: this.#severity };
  }

  #walk(start: number): void {
    const head = this.#head;
    let at = start;
    while (at < head.end && this.#isIncomplete()) {
      if (head.prose > WORDS_OF_HEAD_MAX) {
        at = this.#nextField(at);
        continue;
      }
      const code = head.text.charCodeAt(at);
      if (code === SPACE) at += 1;
      else if (isLetter(code)) at = this.#word(at);
      else if (isDigit(code)) at = this.#number(at);
      else if (code === ESCAPE) at = head.skipEscape(at);
      else if (code === OPEN && this.#isJson(at)) {
        this.#json(at);
        return;
      } else at += 1;
    }
  }

  /** In the message only fields count: goes to the value of the next one. */
  #nextField(at: number): number {
    const { text, end } = this.#head;
    const equals = text.indexOf("=", at);
    if (equals < 0 || equals >= end) return end;
    let start = equals;
    while (start > at && isWordCode(text.charCodeAt(start - 1))) start -= 1;
    const valueAt = this.#field(start, equals);
    return valueAt === this.#timeFieldAt && isDigit(text.charCodeAt(valueAt))
      ? this.#number(valueAt)
      : valueAt;
  }

  #isIncomplete(): boolean {
    return this.#head.timeEnd < 0 || this.#severity === "unknown";
  }

  /** `<34>`; sets where the line begins. */
  #priority(): number {
    const { text } = this.#head;
    const end = text.indexOf(">");
    const digits = end > 1 && end <= 4 ? text.slice(1, end) : "";
    if (!/^\d+$/.test(digits) || Number(digits) > 191) return -1;
    this.#head.start = end + 1;
    return Number(digits);
  }

  /** `I1130 03:14:15.123456`; returns where the walk begins. */
  #klogHead(): number {
    const { text, start } = this.#head;
    if (!isUpper(text.charCodeAt(start)) || !isDigit(text.charCodeAt(start + 1))) return start;
    if (!"IWEF".includes(text.charAt(start))) return start;
    if (!this.#times.findKlog(text, start + 1, this.#nearUs)) return start;
    this.#severity = severityOfField(text, start, start + 1);
    return this.#tookTime();
  }

  /** Takes what was found, within bounds; returns the place behind it. */
  #tookTime(): number {
    const { timeUs, end } = this.#times;
    this.#head.timeEnd = end;
    this.#isTimeRefused = !this.#isPossible(timeUs);
    if (!this.#isTimeRefused) this.#timeUs = timeUs;
    return end;
  }

  #isPossible(timeUs: number): boolean {
    const { futureMaxUs, pastMaxUs } = this.#options;
    return timeUs <= this.#nearUs + futureMaxUs && timeUs >= this.#nearUs - pastMaxUs;
  }

  #number(at: number): number {
    const head = this.#head;
    if (head.timeEnd >= 0 || !this.#findTime(at)) return head.wordEnd(at);
    const end = this.#tookTime();
    if (this.#severity === "unknown") {
      this.#severity = severityBehindTime(head, end, this.#times.form);
    }
    return end;
  }

  #findTime(at: number): boolean {
    const { text, start, prose } = this.#head;
    const isField = at === this.#timeFieldAt;
    const isBracketed = text.charCodeAt(at - 1) === OPEN_SQUARE;
    const isNear = isField || prose <= WORDS_BEFORE_TIME_MAX;
    if ((isNear || isBracketed) && this.#times.findNumeric(text, at, this.#nearUs)) {
      if (isNear || this.#times.form === "access") return true;
    }
    if (isField) return this.#times.findUnix(text, at);
    const isFirst = at === start || (isBracketed && at === start + 1);
    // At the beginning of a line a number may be anything.
    return isFirst && this.#times.findUnix(text, at) && this.#isPossible(this.#times.timeUs);
  }

  #word(at: number): number {
    const head = this.#head;
    const end = head.lettersEnd(at);
    const next = head.text.charCodeAt(end);
    if (isDigit(next) || next === UNDERSCORE) return this.#longWord(at, end);
    if (next === EQUALS) return this.#field(at, end);
    if (end - at === 3 && head.timeEnd < 0 && head.prose <= WORDS_BEFORE_TIME_MAX) {
      if (this.#times.findNamed(head.text, at, this.#nearUs)) return this.#tookTime();
      if (WEEKDAYS.find(head.text, at, end) !== null) return end;
    }
    if (this.#severity === "unknown") this.#severity = severityOfWord(head, at, end);
    const isBegin = at === head.start || isBlank(head.text.charCodeAt(at - 1));
    if (isBegin && isProseEnd(head.text, end)) head.prose += 1;
    return end;
  }

  /** A word with digits or `_`: a name, of a field perhaps. */
  #longWord(at: number, lettersEnd: number): number {
    const end = this.#head.wordEnd(lettersEnd);
    return this.#head.text.charCodeAt(end) === EQUALS ? this.#field(at, end) : end;
  }

  /** `level=info`, `ts=2026-11-30T03:14:15Z`; returns where its value begins. */
  #field(at: number, equals: number): number {
    const { text } = this.#head;
    const isQuoted = text.charCodeAt(equals + 1) === QUOTE;
    const valueAt = isQuoted ? equals + 2 : equals + 1;
    const field = FIELDS.find(text, at, equals);
    if (field === "time") this.#timeFieldAt = valueAt;
    if (field === "level" && this.#severity === "unknown") {
      this.#severity = severityOfField(text, valueAt, this.#head.wordEnd(valueAt));
    }
    return valueAt;
  }

  #isJson(at: number): boolean {
    const next = this.#head.text.charCodeAt(this.#head.skipBlanks(at + 1));
    return next === QUOTE && this.#head.prose <= WORDS_BEFORE_TIME_MAX;
  }

  #json(at: number): void {
    const [fields, { text }] = [this.#fields, this.#head];
    fields.open(text, at);
    while (this.#isIncomplete() && fields.next()) {
      const field = FIELDS.find(text, fields.keyStart, fields.keyEnd);
      if (field === "time") this.#jsonTime();
      else if (field !== null && this.#severity === "unknown") {
        const { valueStart, valueEnd } = fields;
        this.#severity =
          field === "level"
            ? severityOfField(text, valueStart, valueEnd)
            : severityOfOtelNumber(Number(text.slice(valueStart, valueEnd)));
      }
    }
    fields.close();
  }

  #jsonTime(): void {
    if (this.#head.timeEnd >= 0) return;
    const { isString, valueStart, valueEnd } = this.#fields;
    const { text } = this.#head;
    const isDate = !isString && text.startsWith('{"$date":"', valueStart); // MongoDB
    const at = isDate ? valueStart + 10 : valueStart;
    const isFound =
      isString || isDate ? this.#findText(at) : this.#times.findNumber(text, valueStart, valueEnd);
    if (isFound) this.#tookTime();
  }

  /** A time in text, with a day of the week before it or not. */
  #findText(at: number): boolean {
    const [{ text }, nearUs, times] = [this.#head, this.#nearUs, this.#times];
    if (isDigit(text.charCodeAt(at))) {
      return times.findNumeric(text, at, nearUs) || times.findUnix(text, at);
    }
    if (times.findNamed(text, at, nearUs)) return true;
    if (WEEKDAYS.find(text, at, at + 3) === null) return false;
    return times.findNamed(text, at + 4, nearUs) || times.findNumeric(text, at + 5, nearUs);
  }
}

/** Behind a word of prose comes a blank, the end, a comma or a full stop. */
function isProseEnd(text: string, end: number): boolean {
  const next = text.charCodeAt(end);
  if (next === DOT) return !isWordCode(text.charCodeAt(end + 1));
  return Number.isNaN(next) || isBlank(next) || next === COMMA;
}
