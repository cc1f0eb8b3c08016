import { OperationalError } from "../../shared/errors.ts";
import { parseGoNumber } from "../../shared/model/go-number.ts";
import { type Labels, labelsFrom } from "../../shared/model/labels.ts";

/**
 * The Prometheus text format, version 0.0.4, read in place, line by line: a page is bytes, and what
 * a line holds are ranges of them. Names and labels become texts only when asked for (`name`,
 * `labels`, `text`), so that who has seen a series before compares its bytes (`seriesStart` to
 * `seriesEnd`) and takes the value. What a family is, which series may come twice and which names
 * and timestamps are allowed is for the user to say; here is only what a line can be.
 * Source: prometheus.io, "Exposition formats"; where that is silent, expfmt/text_parse.go.
 *
 *   line     = blanks ( comment | [ series number [ blanks timestamp ] blanks ] ) "\n"
 *   series   = name blanks [ "{" [ label { "," label } [ "," ] ] "}" ] blanks
 *   label    = blanks name blanks "=" blanks '"' value '"' blanks     (escapes: \\ \" \n)
 *   comment  = "#" blanks [ ( "HELP" | "TYPE" ) blanks name [ blanks text ] ]
 *
 * OpenMetrics differs in a few places only: exemplars behind the timestamp, UNIT, `# EOF`, seconds
 * as timestamps, unknown escapes that stand for themselves.
 */
export type ExpositionLimits = {
  readonly samplesMax: number;
  readonly labelsMax: number;
  /** Of a metric and of a label. */
  readonly nameBytesMax: number;
  /** Of a label, as written. */
  readonly valueBytesMax: number;
};

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const EQUALS = 61;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;

/** What a byte may be part of: 1 a label's name, 2 a metric's; 4 is a digit, which is never first. */
const NAME_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const text = String.fromCharCode(byte);
  if (/[0-9]/.test(text)) return 7;
  if (text === ":") return 2;
  return /[a-zA-Z_]/.test(text) ? 3 : 0;
});
const LABEL_NAME = 1;
const METRIC_NAME = 2;
const DIGIT = 4;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ExpositionReader {
  /** Of the line at hand, from 1. */
  line = 0;
  /** Of a sample: name and labels as they are written. */
  seriesStart = 0;
  seriesEnd = 0;
  value = 0;
  /** Unix milliseconds; NaN: the sample has none. */
  timestampMs = Number.NaN;
  readonly #bytes: Uint8Array;
  readonly #limits: ExpositionLimits;
  /** Of each label: from and to where its name stands, then its value. */
  readonly #labels: Int32Array;
  #labelCount = 0;
  #nameEnd = 0;
  #textStart = 0;
  #nextLine = 0;
  #samples = 0;

  /** The bytes must not change as long as the reader is used. */
  constructor(bytes: Uint8Array, limits: ExpositionLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#labels = new Int32Array(limits.labelsMax * 4);
  }

  /**
   * Goes to the next line that is a sample, or HELP or TYPE of a family.
   * @throws OperationalError PARSE for a line that cannot be read, LIMIT; both with its number
   */
  next(): "sample" | "HELP" | "TYPE" | "end" {
    const bytes = this.#bytes;
    while (this.#nextLine < bytes.length) {
      this.line += 1;
      const at = skipBlanks(bytes, this.#nextLine);
      if (bytes[at] === NEWLINE) this.#nextLine = at + 1;
      else if (bytes[at] !== HASH) {
        this.#readSample(at);
        return "sample";
      } else {
        const keyword = this.#readComment(at);
        if (keyword !== null) return keyword;
      }
    }
    return "end";
  }

  /** Of the metric of a sample, or the family that HELP or TYPE is about. */
  name(): string {
    return this.#text(this.seriesStart, this.#nameEnd);
  }

  /**
   * Of a sample, without its name; a label without a value is no label.
   * @throws OperationalError PARSE for a label given twice, an escape that there is not, bad UTF-8
   */
  labels(): Labels {
    const pairs = new Map<string, string>();
    for (let i = 0; i < this.#labelCount * 4; i += 4) {
      const name = this.#labelText(i);
      if (pairs.has(name)) throw this.fault(`label ${name} again`);
      pairs.set(name, this.#unescape(this.#labelText(i + 2)));
    }
    return labelsFrom(pairs);
  }

  /** What stands behind HELP or TYPE and the name; escapes of HELP are undone. */
  text(): string {
    const text = this.#text(this.#textStart, this.#nextLine - 1);
    return text.replace(/\\([\\n])/g, (_, character) => (character === "n" ? "\n" : character));
  }

  /** For what is wrong with the line at hand. */
  fault(what: string, code: "PARSE" | "LIMIT" = "PARSE"): OperationalError {
    return new OperationalError(code, `Line ${this.line}: ${what}`);
  }

  #readSample(start: number): void {
    const bytes = this.#bytes;
    this.#samples += 1;
    if (this.#samples > this.#limits.samplesMax) {
      throw this.fault(`more than ${this.#limits.samplesMax} samples`, "LIMIT");
    }
    this.#readName(start);
    this.#labelCount = 0;
    let at = skipBlanks(bytes, this.#nameEnd);
    if (bytes[at] === OPEN) {
      this.seriesEnd = this.#readLabels(at + 1);
      at = skipBlanks(bytes, this.seriesEnd);
    } else this.seriesEnd = this.#nameEnd;
    const valueEnd = wordEnd(bytes, at);
    const word = Buffer.from(bytes.subarray(at, valueEnd)).toString("latin1");
    const value = parseGoNumber(word);
    if (value === null) throw this.fault("no value");
    this.value = value;
    at = skipBlanks(bytes, valueEnd);
    this.timestampMs = Number.NaN;
    if (bytes[at] !== NEWLINE && at < bytes.length) at = this.#readTimestamp(at);
    this.#endLine(at);
  }

  #readName(start: number): void {
    this.seriesStart = start;
    this.#nameEnd = nameEnd(this.#bytes, start, METRIC_NAME);
    if (this.#nameEnd === start) throw this.fault("no metric's name");
    this.#checkName(start, this.#nameEnd);
  }

  /** Returns what comes behind the closing brace. */
  #readLabels(start: number): number {
    const bytes = this.#bytes;
    let at = skipBlanks(bytes, start);
    for (let count = 0; bytes[at] !== CLOSE; count += 1) {
      if (count >= this.#limits.labelsMax) {
        throw this.fault(`more than ${this.#limits.labelsMax} labels`, "LIMIT");
      }
      const end = nameEnd(bytes, at, LABEL_NAME);
      if (end === at) throw this.fault("no label's name");
      this.#checkName(at, end);
      const quote = this.#openingQuote(at, end);
      const valueEnd = this.#valueEnd(quote + 1);
      this.#labels[count * 4] = at;
      this.#labels[count * 4 + 1] = end;
      this.#labels[count * 4 + 2] = quote + 1;
      this.#labels[count * 4 + 3] = valueEnd;
      this.#labelCount = count + 1;
      at = skipBlanks(bytes, valueEnd + 1);
      if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1);
      else if (bytes[at] !== CLOSE) throw this.fault("no comma between two labels");
    }
    return at + 1;
  }

  #openingQuote(start: number, end: number): number {
    const bytes = this.#bytes;
    const equals = skipBlanks(bytes, end);
    const quote = skipBlanks(bytes, equals + 1);
    if (bytes[equals] === EQUALS && bytes[quote] === QUOTE) return quote;
    throw this.fault(`label ${this.#text(start, end)} has no value`);
  }

  /** Where the closing quote stands. */
  #valueEnd(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    for (; bytes[at] !== QUOTE; at += 1) {
      const byte = bytes[at] ?? NEWLINE;
      if (byte === BACKSLASH && bytes[at + 1] !== NEWLINE) at += 1;
      else if (byte === NEWLINE) throw this.fault("a label's value has no end");
      else if (byte === 0) throw this.fault("a label's value has a zero byte");
    }
    const { valueBytesMax } = this.#limits;
    if (at - start <= valueBytesMax) return at;
    throw this.fault(`a label's value is longer than ${valueBytesMax} bytes`, "LIMIT");
  }

  /** Returns where it ends. */
  #readTimestamp(start: number): number {
    const bytes = this.#bytes;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let timeMs = 0;
    for (; ((NAME_BYTES[bytes[at] ?? 0] ?? 0) & DIGIT) !== 0; at += 1) {
      timeMs = timeMs * 10 + (bytes[at] ?? 0) - ZERO;
    }
    const isWhole = at > first && at === wordEnd(bytes, at);
    if (!isWhole || !Number.isSafeInteger(timeMs))
      throw this.fault("no timestamp behind the value");
    this.timestampMs = isNegative ? -timeMs : timeMs;
    return skipBlanks(bytes, at);
  }

  /** Null: the line says nothing to a program. */
  #readComment(hash: number): "HELP" | "TYPE" | null {
    const bytes = this.#bytes;
    const newline = bytes.indexOf(NEWLINE, hash);
    const end = newline < 0 ? bytes.length : newline;
    this.#endLine(end);
    const start = skipBlanks(bytes, hash + 1);
    const keyword = String.fromCharCode(...bytes.subarray(start, start + 4));
    if (keyword !== "HELP" && keyword !== "TYPE") return null;
    const nameStart = skipBlanks(bytes, start + 4);
    if (nameStart === start + 4 || nameStart === end) return null;
    this.#readName(nameStart);
    if (wordEnd(bytes, nameStart) !== this.#nameEnd) throw this.fault("no metric's name");
    this.#textStart = skipBlanks(bytes, this.#nameEnd);
    return keyword;
  }

  /** A line without an end was still being written. */
  #endLine(at: number): void {
    if (at >= this.#bytes.length) throw this.fault("line has no end");
    if (this.#bytes[at] !== NEWLINE) throw this.fault("something behind the sample");
    this.#nextLine = at + 1;
  }

  #checkName(start: number, end: number): void {
    const { nameBytesMax } = this.#limits;
    if (end - start <= nameBytesMax) return;
    throw this.fault(`a name is longer than ${nameBytesMax} bytes`, "LIMIT");
  }

  #labelText(index: number): string {
    return this.#text(this.#labels[index] ?? 0, this.#labels[index + 1] ?? 0);
  }

  #unescape(text: string): string {
    if (!text.includes("\\")) return text;
    return text.replace(/\\(.?)/gsu, (sequence, character: string) => {
      if (character === "n") return "\n";
      if (character === "\\" || character === '"') return character;
      throw this.fault(`unknown escape ${sequence}`);
    });
  }

  #text(start: number, end: number): string {
    try {
      return DECODER.decode(this.#bytes.subarray(start, end));
    } catch {
      throw this.fault("text is not UTF-8");
    }
  }
}

function skipBlanks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (bytes[at] === SPACE || bytes[at] === TAB) at += 1;
  return at;
}

/** At the next blank or newline. */
function wordEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === SPACE || byte === NEWLINE || byte === TAB) break;
  }
  return at;
}

/** `start` where no name stands. */
function nameEnd(bytes: Uint8Array, start: number, kind: number): number {
  if (((NAME_BYTES[bytes[start] ?? 0] ?? 0) & DIGIT) !== 0) return start;
  let at = start;
  while (((NAME_BYTES[bytes[at] ?? 0] ?? 0) & kind) !== 0) at += 1;
  return at;
}
