import {
  isBlank,
  METRIC_NAME,
  NEWLINE,
  nameEnd,
  QUOTE,
  SPACE,
  skipBlanks,
} from "./exposition-bytes.ts";
import { type ExpositionFormat, isTypeAt, startsWith } from "./exposition-format.ts";
import type { LabelList } from "./label-list.ts";
import type { Fault, TextAt } from "./text-at.ts";

type Keyword = "HELP" | "TYPE" | "UNIT" | "EOF";

const UNDERSCORE = 95;
const NO_BYTES = new Uint8Array(0);
const KEYWORDS = (["HELP", "TYPE", "UNIT", "EOF"] as const).map((keyword) => {
  return { keyword, letters: Buffer.from(keyword) };
});

/** A line that begins with a hash: metadata of a family, a comment, or the end. */
export class MetadataLine {
  /** Of the family's name, without quotes. */
  nameStart = 0;
  nameEnd = 0;
  /** Where the next line starts. */
  end = 0;
  readonly #labels: LabelList;
  readonly #texts: TextAt;
  readonly #fault: Fault;
  #bytes: Uint8Array = NO_BYTES;
  #format: ExpositionFormat = "text";
  #textStart = 0;
  #textEnd = 0;

  constructor(labels: LabelList, texts: TextAt, fault: Fault) {
    this.#labels = labels;
    this.#texts = texts;
    this.#fault = fault;
  }

  start(bytes: Uint8Array, format: ExpositionFormat): void {
    this.#bytes = bytes;
    this.#format = format;
  }

  /** Null: the line is a comment. */
  read(hash: number): Keyword | null {
    const newline = this.#bytes.indexOf(NEWLINE, hash);
    this.#textEnd = newline < 0 ? this.#bytes.length : newline;
    this.end = this.#textEnd + 1;
    if (this.#format === "openmetrics") return this.#readStrictly(hash);
    if (newline < 0 && this.#format === "file") throw this.#fault("line has no end");
    return this.#readComment(hash);
  }

  /** What stands behind the keyword and the name; escapes of HELP are undone. */
  text(): string {
    const text = this.#texts.plain(this.#textStart, this.#textEnd);
    const escapes = this.#format === "openmetrics" ? /\\([\\n"])/g : /\\([\\n])/g;
    return text.replace(escapes, (_, character) => (character === "n" ? "\n" : character));
  }

  /** Of the text format. */
  #readComment(hash: number): "HELP" | "TYPE" | null {
    const bytes = this.#bytes;
    const isFile = this.#format === "file";
    const start = skipBlanks(bytes, hash + 1);
    const keyword = keywordAt(bytes, start);
    if ((keyword !== "HELP" && keyword !== "TYPE") || !isBlank(bytes[start + 4])) return null;
    // Prometheus takes `#TYPE` for a comment.
    if (start === hash + 1 && !isFile) return null;
    const nameStart = skipBlanks(bytes, start + 4);
    if (nameStart === this.#textEnd && isFile) return null;
    const behind = this.#readName(nameStart);
    if (behind < this.#textEnd && !isBlank(bytes[behind])) {
      // Prometheus takes any HELP for one.
      if (!isFile && keyword === "HELP") return null;
      throw this.#fault("no metric's name");
    }
    this.#textStart = skipBlanks(bytes, behind);
    if (keyword === "TYPE" && !isFile) {
      while (isBlank(bytes[this.#textEnd - 1])) this.#textEnd -= 1;
      this.#checkType();
    }
    return keyword;
  }

  /** Of OpenMetrics. */
  #readStrictly(hash: number): Keyword {
    const bytes = this.#bytes;
    const keyword = bytes[hash + 1] === SPACE ? keywordAt(bytes, hash + 2) : null;
    if (keyword === "EOF") return this.#readEnd(hash + 5);
    if (keyword === null || bytes[hash + 6] !== SPACE) {
      throw this.#fault("a comment that is not HELP, TYPE, UNIT or EOF");
    }
    const behind = this.#readName(hash + 7);
    if (bytes[behind] !== SPACE) throw this.#fault(`no text of ${keyword}`);
    if (this.end > bytes.length) throw this.#fault("line has no end");
    this.#textStart = behind + 1;
    if (keyword === "TYPE") this.#checkType();
    if (keyword === "UNIT") this.#checkUnit();
    return keyword;
  }

  #readEnd(behind: number): "EOF" {
    const end = this.#bytes[behind] === NEWLINE ? behind + 1 : behind;
    if (end < this.#bytes.length) throw this.#fault("something behind # EOF");
    return "EOF";
  }

  /** Returns what comes behind it. */
  #readName(start: number): number {
    const bytes = this.#bytes;
    const isQuoted = bytes[start] === QUOTE && this.#format !== "file";
    this.nameStart = isQuoted ? start + 1 : start;
    this.nameEnd = isQuoted
      ? this.#labels.quoteEnd(this.nameStart, "name")
      : nameEnd(bytes, start, METRIC_NAME);
    if (this.nameEnd === this.nameStart) throw this.#fault("no metric's name");
    this.#labels.checkName(this.nameStart, this.nameEnd);
    return isQuoted ? this.nameEnd + 1 : this.nameEnd;
  }

  #checkType(): void {
    if (isTypeAt(this.#bytes, this.#textStart, this.#textEnd, this.#format)) return;
    throw this.#fault(`unknown type ${JSON.stringify(this.text().slice(0, 50))}`);
  }

  /** Where there is one, the name ends with it. */
  #checkUnit(): void {
    const length = this.#textEnd - this.#textStart;
    const at = this.nameEnd - length;
    if (length === 0) return;
    const unit = this.#bytes.subarray(this.#textStart, this.#textEnd);
    const isEnd = at > this.nameStart && startsWith(this.#bytes, at, unit);
    if (!isEnd || this.#bytes[at - 1] !== UNDERSCORE) {
      throw this.#fault("the name does not end with the unit");
    }
  }
}

function keywordAt(bytes: Uint8Array, at: number): Keyword | null {
  for (let i = 0; i < KEYWORDS.length; i += 1) {
    const one = KEYWORDS[i];
    if (one !== undefined && startsWith(bytes, at, one.letters)) return one.keyword;
  }
  return null;
}
