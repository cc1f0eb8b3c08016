import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsFrom, METRIC_NAME } from "../../shared/model/labels.ts";
import { DecimalAt, goNumberAt } from "./decimal-at.ts";
import {
  HASH,
  isBlank,
  isDigit,
  METRIC_NAME as METRIC_NAME_BYTES,
  MINUS,
  NEWLINE,
  nameEnd,
  OPEN,
  SPACE,
  skipBlanks,
  wordEnd,
  ZERO,
} from "./exposition-bytes.ts";
import type { ExpositionFormat } from "./exposition-format.ts";
import { type LabelLimits, LabelList } from "./label-list.ts";
import { MetadataLine } from "./metadata-line.ts";
import { TextAt } from "./text-at.ts";

/**
 * Expositions, read in place, line by line: a page is bytes, and what a line holds are ranges of
 * them. Names and labels become texts only when asked for (`name`, `labels`, `text`), so that who has
 * seen a series before compares its bytes (`seriesStart` to `seriesEnd`) and takes the value. What a
 * family is, which series may come twice and which names and timestamps are allowed is for the user
 * to say; here is only what a line can be.
 *
 *   line     = blanks ( comment | [ series number [ blanks timestamp ] blanks ] ) "\n"
 *   series   = ( name blanks [ "{" [ labels ] "}" ] | "{" labels "}" ) blanks
 *   labels   = item { "," item } [ "," ]      item = label, or once, without a name before: quoted
 *   label    = blanks ( name | quoted ) blanks "=" blanks quoted blanks
 *   quoted   = '"' text '"'                   (escapes: \\ \" \n, others stand for themselves)
 *   comment  = "#" blanks [ ( "HELP" | "TYPE" ) blanks ( name | quoted ) [ blanks text ] ]
 *
 * OpenMetrics has one space where the grammar says blanks, and none between braces; no line that is
 * empty or a mere comment; timestamps in seconds; behind them ` # {labels} number [timestamp]`, an
 * exemplar, which is checked and passed over; UNIT; and `# EOF` at the end. docs/expositions.md says
 * where Prometheus' readers differ from the standards, and which of the two is followed.
 * Sources: prometheus.io, "Exposition formats", "OpenMetrics 1.0"; Prometheus' model/textparse; for
 * files expfmt/text_parse.go.
 */
export type ExpositionLimits = LabelLimits & { readonly samplesMax: number };

type LineKind = "sample" | "HELP" | "TYPE" | "UNIT" | "end";

const NO_BYTES = new Uint8Array(0);

export class ExpositionReader {
  /** Of the line at hand, from 1. */
  line = 0;
  /** Where the line at hand starts, without blanks, and the next one. */
  lineStart = 0;
  position = 0;
  /** Of a sample: name and labels as they are written. */
  seriesStart = 0;
  seriesEnd = 0;
  value = 0;
  /** Unix milliseconds; NaN: the sample has none. */
  timestampMs = Number.NaN;
  /** Lines that are samples, so far. */
  samples = 0;
  readonly #texts: TextAt;
  /** Of the sample at hand; of its exemplar, where it has one. */
  readonly #labels: LabelList;
  readonly #exemplar: LabelList;
  readonly #metadata: MetadataLine;
  readonly #decimal = new DecimalAt();
  readonly #limits: ExpositionLimits;
  #bytes: Uint8Array = NO_BYTES;
  #format: ExpositionFormat = "text";
  /** Of the metric's name, without quotes. */
  #nameStart = 0;
  #nameEnd = 0;
  /** That `#readSeconds` read. */
  #timeMs = 0;
  #isEnded = false;

  constructor(limits: ExpositionLimits) {
    this.#limits = limits;
    const fault = (what: string, code?: "PARSE" | "LIMIT") => this.fault(what, code);
    this.#texts = new TextAt(fault);
    this.#labels = new LabelList(limits, this.#texts, fault);
    this.#exemplar = new LabelList(limits, this.#texts, fault);
    this.#metadata = new MetadataLine(this.#labels, this.#texts, fault);
  }

  /** Reads `bytes` from their beginning; they must not change until another `start` or `end`. */
  start(bytes: Uint8Array, format: ExpositionFormat): void {
    this.#bytes = bytes;
    this.#format = format;
    this.#texts.start(bytes, format);
    this.#labels.start(bytes, format);
    this.#exemplar.start(bytes, format);
    this.#metadata.start(bytes, format);
    this.line = 0;
    this.position = 0;
    this.samples = 0;
    this.#isEnded = false;
  }

  /** Lets go of the bytes. */
  end(): void {
    this.start(NO_BYTES, this.#format);
  }

  /**
   * Goes to the next line that is a sample, or HELP, TYPE or UNIT of a family.
   * @throws OperationalError PARSE for a line that cannot be read, LIMIT; both with its number
   */
  next(): LineKind {
    const bytes = this.#bytes;
    const isOpenMetrics = this.#format === "openmetrics";
    while (this.position < bytes.length) {
      this.line += 1;
      const start = this.position;
      const at = isOpenMetrics ? start : skipBlanks(bytes, start);
      this.lineStart = at;
      if (bytes[at] === HASH) {
        const kind = this.#readHashLine(at);
        if (kind !== null) return kind;
      } else if (at >= bytes.length) this.#endLine(at);
      else if (bytes[at] !== NEWLINE) {
        this.#readSample(at);
        return "sample";
      } else if (isOpenMetrics) throw this.fault("an empty line");
      else this.position = at + 1;
    }
    if (isOpenMetrics && !this.#isEnded) throw this.fault("the page does not end with # EOF");
    return "end";
  }

  /**
   * As `next` for the sample at `position` whose series has been read before and ends at
   * `seriesEnd`; a space and no brace follow.
   */
  nextKnown(seriesEnd: number): void {
    this.line += 1;
    this.#countSample();
    const valueEnd = this.#decimal.read(this.#bytes, seriesEnd + 1);
    if (valueEnd < 0 || this.#bytes[valueEnd] !== NEWLINE) {
      this.#readRest(seriesEnd);
      return;
    }
    this.value = this.#decimal.value;
    this.timestampMs = Number.NaN;
    this.position = valueEnd + 1;
  }

  /** Goes to a line that was read before. */
  goTo(position: number): void {
    this.position = position;
  }

  /**
   * Of the metric of a sample, or the family that HELP, TYPE or UNIT is about.
   * @throws OperationalError PARSE for bad UTF-8
   */
  name(): string {
    return this.#texts.unescaped(this.#nameStart, this.#nameEnd);
  }

  /**
   * Of a sample, without its name; a label without a value is no label.
   * @throws OperationalError PARSE for a label given twice, an escape that there is not, bad UTF-8
   */
  labels(): Labels {
    return labelsFrom(this.#labels.pairs());
  }

  /** As `labels`, with the metric's name. */
  namedLabels(): Labels {
    const pairs = this.#labels.pairs();
    if (pairs.has(METRIC_NAME)) throw this.fault(`label ${METRIC_NAME} again`);
    return labelsFrom(pairs.set(METRIC_NAME, this.name()));
  }

  /**
   * The same number for the same labels, in whatever order and form they are written.
   * @param seed so that who writes a page cannot know the number
   */
  seriesHash(seed: number): number {
    const name = this.#texts.hash(this.#nameStart, this.#nameEnd, seed);
    return (name + this.#labels.hash(seed)) | 0;
  }

  /** What stands behind HELP, TYPE or UNIT and the name; escapes of HELP are undone. */
  text(): string {
    return this.#metadata.text();
  }

  /** For what is wrong with the line at hand. */
  fault(what: string, code: "PARSE" | "LIMIT" = "PARSE"): OperationalError {
    return new OperationalError(code, `Line ${Math.max(this.line, 1)}: ${what}`);
  }

  #countSample(): void {
    this.samples += 1;
    if (this.samples <= this.#limits.samplesMax) return;
    throw this.fault(`more than ${this.#limits.samplesMax} samples`, "LIMIT");
  }

  /** Null: the line says nothing to a user. */
  #readHashLine(hash: number): "HELP" | "TYPE" | "UNIT" | null {
    const kind = this.#metadata.read(hash);
    this.position = this.#metadata.end;
    if (kind === "EOF") {
      this.#isEnded = true;
      return null;
    }
    this.#nameStart = this.#metadata.nameStart;
    this.#nameEnd = this.#metadata.nameEnd;
    return kind;
  }

  #readSample(start: number): void {
    const bytes = this.#bytes;
    this.#countSample();
    this.seriesStart = start;
    this.#labels.clear();
    let at = start;
    if (bytes[at] === OPEN && this.#format !== "file") {
      at = this.#labels.read(at + 1, true);
      if (this.#labels.metricStart < 0) throw this.fault("no metric's name");
      this.#nameStart = this.#labels.metricStart;
      this.#nameEnd = this.#labels.metricEnd;
    } else {
      this.#readName(start);
      at = this.#skip(this.#nameEnd);
      if (bytes[at] === OPEN) at = this.#labels.read(at + 1, false);
      else at = this.#nameEnd;
      // Or what follows the name would be one with it: `a-1` is no sample.
      if (at === this.#nameEnd && !isBlankOrEnd(bytes[at])) throw this.fault("no metric's name");
    }
    this.seriesEnd = at;
    this.#readRest(at);
    this.line += this.#labels.newlines;
    this.#labels.newlines = 0;
  }

  /** Value, timestamp and exemplar, and the end of the line. */
  #readRest(start: number): void {
    const bytes = this.#bytes;
    const isOpenMetrics = this.#format === "openmetrics";
    let at = this.#blanks(start);
    const valueEnd = this.#readNumber(at);
    this.timestampMs = Number.NaN;
    at = isOpenMetrics ? valueEnd : skipBlanks(bytes, valueEnd);
    if (isOpenMetrics) at = this.#readOpenMetricsEnd(at);
    else if (bytes[at] !== NEWLINE && at < bytes.length) at = this.#readTimestamp(at);
    this.#endLine(at);
  }

  /** Returns where the timestamp and the exemplar, as far as there are any, end. */
  #readOpenMetricsEnd(start: number): number {
    const bytes = this.#bytes;
    let at = start;
    if (bytes[at] === SPACE && bytes[at + 1] !== HASH) {
      at = this.#readSeconds(at + 1);
      this.timestampMs = this.#timeMs;
    }
    if (bytes[at] !== SPACE) return at;
    if (bytes[at + 1] !== HASH || bytes[at + 2] !== SPACE || bytes[at + 3] !== OPEN) {
      throw this.fault("no exemplar behind the sample");
    }
    at = this.#blanks(this.#exemplar.read(at + 4, false));
    const { value } = this;
    at = this.#readNumber(at);
    this.value = value;
    return bytes[at] === SPACE ? this.#readSeconds(at + 1) : at;
  }

  /** Of OpenMetrics. Returns where it ends. */
  #readSeconds(start: number): number {
    const end = wordEnd(this.#bytes, start);
    const seconds = goNumberAt(this.#bytes, start, end);
    if (seconds === null || !Number.isSafeInteger(Math.trunc(seconds * 1000))) {
      throw this.fault("no timestamp behind the value");
    }
    this.#timeMs = Math.trunc(seconds * 1000) + 0; // never -0
    return end;
  }

  /** Of the text format. Returns where the blanks behind it end. */
  #readTimestamp(start: number): number {
    const bytes = this.#bytes;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let timeMs = 0;
    for (; isDigit(bytes[at]); at += 1) timeMs = timeMs * 10 + (bytes[at] ?? 0) - ZERO;
    const isWhole = at > first && at === wordEnd(bytes, at);
    if (!isWhole || !Number.isSafeInteger(timeMs)) {
      throw this.fault("no timestamp behind the value");
    }
    this.timestampMs = isNegative ? -timeMs : timeMs;
    return skipBlanks(bytes, at);
  }

  /** Into `value`; returns where it ends. */
  #readNumber(start: number): number {
    const decimalEnd = this.#decimal.read(this.#bytes, start);
    if (decimalEnd >= 0) {
      this.value = this.#decimal.value;
      return decimalEnd;
    }
    const end = wordEnd(this.#bytes, start);
    const value = goNumberAt(this.#bytes, start, end);
    if (value === null) throw this.fault(end === start ? "no value" : "the value is no number");
    this.value = value;
    return end;
  }

  #readName(start: number): void {
    this.#nameStart = start;
    this.#nameEnd = nameEnd(this.#bytes, start, METRIC_NAME_BYTES);
    if (this.#nameEnd === start) throw this.fault("no metric's name");
    this.#labels.checkName(start, this.#nameEnd);
  }

  /** In a file, a line without an end was still being written. */
  #endLine(at: number): void {
    const isCut = at >= this.#bytes.length;
    if (isCut && this.#format !== "text") throw this.fault("line has no end");
    if (!isCut && this.#bytes[at] !== NEWLINE) throw this.fault("something behind the sample");
    this.position = at + 1;
  }

  /** Behind one space, or as many blanks as there are. */
  #blanks(at: number): number {
    if (this.#format !== "openmetrics") return skipBlanks(this.#bytes, at);
    if (this.#bytes[at] === SPACE) return at + 1;
    throw this.fault("no value");
  }

  #skip(at: number): number {
    return this.#format === "openmetrics" ? at : skipBlanks(this.#bytes, at);
  }
}

function isBlankOrEnd(byte: number | undefined): boolean {
  return byte === undefined || byte === NEWLINE || isBlank(byte);
}
