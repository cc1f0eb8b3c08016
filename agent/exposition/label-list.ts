import {
  BACKSLASH,
  CLOSE,
  COMMA,
  EQUALS,
  LABEL_NAME,
  NEWLINE,
  nameEnd,
  QUOTE,
  skipBlanks,
} from "./exposition-bytes.ts";
import type { ExpositionFormat } from "./exposition-format.ts";
import type { Fault, TextAt } from "./text-at.ts";

export type LabelLimits = {
  readonly labelsMax: number;
  /** Of a metric and of a label. */
  readonly nameBytesMax: number;
  /** Of a label, as written. */
  readonly valueBytesMax: number;
};

const LABELS_AT_FIRST = 16;

/** Where the labels between two braces stand, of the series or of the exemplar that was read last. */
export class LabelList {
  /** Of each label: from and to where its name stands, then its value; without quotes. */
  #count = 0;
  #positions = new Int32Array(LABELS_AT_FIRST * 4);
  /** Of a metric's name that stands between the braces, without quotes; -1: none does. */
  metricStart = -1;
  metricEnd = -1;
  /** Newlines in values. */
  newlines = 0;
  readonly #limits: LabelLimits;
  readonly #fault: Fault;
  readonly #texts: TextAt;
  #bytes: Uint8Array = new Uint8Array(0);
  #format: ExpositionFormat = "text";

  constructor(limits: LabelLimits, texts: TextAt, fault: Fault) {
    this.#limits = limits;
    this.#texts = texts;
    this.#fault = fault;
  }

  start(bytes: Uint8Array, format: ExpositionFormat): void {
    this.#bytes = bytes;
    this.#format = format;
    this.clear();
  }

  clear(): void {
    this.#count = 0;
    this.metricStart = -1;
  }

  /**
   * @param start behind the opening brace
   * @param takesMetric whether a metric's name may stand here
   * @returns what comes behind the closing brace
   */
  read(start: number, takesMetric: boolean): number {
    const bytes = this.#bytes;
    this.clear();
    let at = this.#skip(start);
    while (bytes[at] !== CLOSE) {
      const isQuoted = bytes[at] === QUOTE && this.#format !== "file";
      const nameStart = isQuoted ? at + 1 : at;
      const end = isQuoted ? this.quoteEnd(nameStart, "name") : nameEnd(bytes, at, LABEL_NAME);
      if (end === nameStart) throw this.#fault("no label's name");
      this.checkName(nameStart, end);
      const behind = this.#skip(isQuoted ? end + 1 : end);
      if (isQuoted && takesMetric && (bytes[behind] === COMMA || bytes[behind] === CLOSE)) {
        this.#setMetric(nameStart, end);
        at = behind;
      } else at = this.#readValue(nameStart, end, behind);
      at = this.#nextLabel(at);
    }
    return at + 1;
  }

  /** @throws OperationalError PARSE for a label given twice, an escape that there is not, bad UTF-8 */
  pairs(): Map<string, string> {
    const pairs = new Map<string, string>();
    const at = this.#positions;
    for (let i = 0; i < this.#count * 4; i += 4) {
      const name = this.#texts.unescaped(at[i] ?? 0, at[i + 1] ?? 0);
      if (pairs.has(name)) throw this.#fault(`label ${name} again`);
      pairs.set(name, this.#texts.unescaped(at[i + 2] ?? 0, at[i + 3] ?? 0));
    }
    return pairs;
  }

  /** The same for the same labels in whatever order; one without a value is none. */
  hash(seed: number): number {
    const at = this.#positions;
    let sum = 0;
    for (let i = 0; i < this.#count * 4; i += 4) {
      const valueStart = at[i + 2] ?? 0;
      const valueEnd = at[i + 3] ?? 0;
      if (valueStart === valueEnd) continue;
      const name = this.#texts.hash(at[i] ?? 0, at[i + 1] ?? 0, seed);
      sum = (sum + this.#texts.hash(valueStart, valueEnd, name)) | 0;
    }
    return sum;
  }

  #setMetric(start: number, end: number): void {
    if (this.metricStart >= 0) throw this.#fault("two names of the metric");
    this.metricStart = start;
    this.metricEnd = end;
  }

  /** Returns what comes behind the value. */
  #readValue(nameStart: number, end: number, equals: number): number {
    const bytes = this.#bytes;
    const quote = this.#skip(equals + 1);
    if (bytes[equals] !== EQUALS || bytes[quote] !== QUOTE) {
      throw this.#fault("a label has no value in quotes");
    }
    const valueEnd = this.quoteEnd(quote + 1, "value");
    this.#add(nameStart, end, quote + 1, valueEnd);
    return this.#skip(valueEnd + 1);
  }

  #nextLabel(at: number): number {
    const byte = this.#bytes[at];
    if (byte === COMMA) {
      const next = this.#skip(at + 1);
      if (this.#bytes[next] !== CLOSE || this.#format !== "openmetrics") return next;
      throw this.#fault("a comma without a label behind it");
    }
    // Prometheus reads labels without a comma between them, in the text format only.
    if (byte === CLOSE || (this.#format === "text" && at < this.#bytes.length)) return at;
    throw this.#fault("no comma between two labels");
  }

  #add(nameStart: number, end: number, valueStart: number, valueEnd: number): void {
    const { labelsMax } = this.#limits;
    if (this.#count >= labelsMax) throw this.#fault(`more than ${labelsMax} labels`, "LIMIT");
    const first = this.#count * 4;
    if (first === this.#positions.length) {
      const grown = new Int32Array(first * 2);
      grown.set(this.#positions);
      this.#positions = grown;
    }
    this.#positions[first] = nameStart;
    this.#positions[first + 1] = end;
    this.#positions[first + 2] = valueStart;
    this.#positions[first + 3] = valueEnd;
    this.#count += 1;
  }

  /** Where the closing quote of what starts there stands. */
  quoteEnd(start: number, what: "name" | "value"): number {
    const bytes = this.#bytes;
    let at = start;
    for (; bytes[at] !== QUOTE; at += 1) {
      let byte = bytes[at];
      if (byte === BACKSLASH) {
        at += 1;
        byte = bytes[at] === NEWLINE ? undefined : BACKSLASH;
      }
      if (byte === undefined || (byte === NEWLINE && this.#endsAtNewline(what))) {
        throw this.#fault(`a label's ${what} has no end`);
      } else if (byte === NEWLINE) this.newlines += 1;
      else if (byte === 0 && this.#isZeroRefused(what)) {
        throw this.#fault(`a label's ${what} has a zero byte`);
      }
    }
    const { nameBytesMax, valueBytesMax } = this.#limits;
    const bytesMax = what === "name" ? nameBytesMax : valueBytesMax;
    if (at - start <= bytesMax) return at;
    throw this.#fault(`a label's ${what} is longer than ${bytesMax} bytes`, "LIMIT");
  }

  /** Prometheus takes a newline that stands in a value of the text format as it is. */
  #endsAtNewline(what: "name" | "value"): boolean {
    return what === "name" || this.#format !== "text";
  }

  #isZeroRefused(what: "name" | "value"): boolean {
    return what === "name" || this.#format === "file";
  }

  /** @throws OperationalError LIMIT when the name is too long */
  checkName(start: number, end: number): void {
    const { nameBytesMax } = this.#limits;
    if (end - start <= nameBytesMax) return;
    throw this.#fault(`a name is longer than ${nameBytesMax} bytes`, "LIMIT");
  }

  /** OpenMetrics has no blanks between braces. */
  #skip(at: number): number {
    return this.#format === "openmetrics" ? at : skipBlanks(this.#bytes, at);
  }
}
