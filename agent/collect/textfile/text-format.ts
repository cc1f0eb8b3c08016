import { OperationalError } from "../../../shared/errors.ts";

export type TextType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

type TextSample = {
  /** With the suffix, such as `_bucket`, that histograms and summaries have. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export type TextFamily = {
  readonly name: string;
  readonly type: TextType;
  readonly help: string;
  readonly samples: readonly TextSample[];
};

const SAMPLES_MAX = 5000;
const LABELS_MAX = 32;
const LINE_CHARACTERS_MAX = 64 * 1024;
const NAME_CHARACTERS_MAX = 200;
const VALUE_CHARACTERS_MAX = 1024;
const HELP_CHARACTERS_MAX = 1024;

const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const SUFFIXES: Readonly<Partial<Record<TextType, readonly string[]>>> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["_sum", "_count"],
};

type OpenFamily = {
  name: string;
  type: TextType | null;
  help: string | null;
  samples: TextSample[];
};

/**
 * Reads the Prometheus text format, strictly: nothing of a file that has a fault anywhere is taken,
 * and the last line has to be complete, or the file was still being written. Timestamps are refused.
 * Source: prometheus.io, "Exposition formats", version 0.0.4.
 * @throws OperationalError PARSE with the line's number; LIMIT
 */
export function parseTextFormat(text: string): TextFamily[] {
  if (text !== "" && !text.endsWith("\n")) throw fault(text.split("\n").length, "line has no end");
  const parser = new TextParser();
  let number = 0;
  for (const line of text.split("\n")) {
    number += 1;
    parser.readLine(line.replace(/^[ \t]+/, ""), number);
  }
  return parser.families();
}

class TextParser {
  readonly #families = new Map<string, OpenFamily>();
  readonly #seen = new Set<string>();

  readLine(line: string, number: number): void {
    if (line === "") return;
    if (line.length > LINE_CHARACTERS_MAX) throw fault(number, "the line is too long");
    if (line.startsWith("#")) this.#readComment(line, number);
    else this.#readSample(new LineReader(line, number));
  }

  families(): TextFamily[] {
    return [...this.#families.values()]
      .filter(({ samples }) => samples.length > 0)
      .map(({ type, help, ...rest }) => ({ ...rest, type: type ?? "untyped", help: help ?? "" }));
  }

  #readComment(line: string, number: number): void {
    const [, keyword, name = "", rest = ""] =
      /^#[ \t]*(HELP|TYPE)[ \t]+([^ \t]+)(?:[ \t]+([\s\S]*))?$/.exec(line) ?? [];
    if (keyword === undefined) return;
    if (!isMetricName(name)) throw fault(number, "no metric's name behind the keyword");
    const family = this.#family(name);
    if (keyword === "HELP") {
      if (family.help !== null) throw fault(number, `second HELP of ${name}`);
      family.help = unescaped(rest, number, false).slice(0, HELP_CHARACTERS_MAX);
      return;
    }
    const type = rest.replace(/[ \t]+$/, "");
    if (!isType(type)) throw fault(number, `unknown type ${JSON.stringify(type.slice(0, 50))}`);
    if (family.type !== null) throw fault(number, `second TYPE of ${name}`);
    if (family.samples.length > 0) throw fault(number, `TYPE of ${name} behind its samples`);
    family.type = type;
  }

  #readSample(reader: LineReader): void {
    const name = reader.name();
    const labels = reader.labels();
    const value = reader.value();
    reader.end();
    const family = this.#familyOf(name);
    checkSpecialLabels(family, name, labels, reader.number);
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (this.#seen.has(key)) throw fault(reader.number, `${name} has the same labels twice`);
    if (this.#seen.size >= SAMPLES_MAX) {
      throw new OperationalError("LIMIT", `More than ${SAMPLES_MAX} samples`);
    }
    this.#seen.add(key);
    family.samples.push({ name, labels, value });
  }

  /** A histogram's and a summary's samples have names of their own. */
  #familyOf(name: string): OpenFamily {
    for (const suffix of ["_bucket", "_sum", "_count"]) {
      if (!name.endsWith(suffix)) continue;
      const family = this.#families.get(name.slice(0, -suffix.length));
      if (family?.type && SUFFIXES[family.type]?.includes(suffix)) return family;
    }
    return this.#family(name);
  }

  #family(name: string): OpenFamily {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { name, type: null, help: null, samples: [] };
      this.#families.set(name, family);
    }
    return family;
  }
}

function checkSpecialLabels(
  { name: family, type }: OpenFamily,
  name: string,
  labels: Readonly<Record<string, string>>,
  number: number,
): void {
  if (type === "histogram") {
    if (name === family) throw fault(number, `histogram ${name} has a sample without a suffix`);
    const isBucket = name === `${family}_bucket`;
    if (isBucket && parseValue(labels["le"] ?? "") === null) {
      throw fault(number, `${name} has no bound`);
    }
  }
  if (type === "summary" && name === family && parseValue(labels["quantile"] ?? "") === null) {
    throw fault(number, `${name} has no quantile`);
  }
}

class LineReader {
  readonly number: number;
  readonly #line: string;
  #at = 0;

  constructor(line: string, number: number) {
    this.#line = line;
    this.number = number;
  }

  name(): string {
    const name = this.#match(/[a-zA-Z_:][a-zA-Z0-9_:]*/y);
    if (name === null) throw fault(this.number, "no metric's name");
    if (name.length > NAME_CHARACTERS_MAX) throw fault(this.number, "name is too long");
    this.#match(/[ \t]+/y);
    return name;
  }

  /** A label without a value is no label. */
  labels(): Record<string, string> {
    const labels: Record<string, string> = Object.create(null);
    if (this.#match(/\{[ \t]*/y) === null) return labels;
    for (let count = 0; this.#match(/\}[ \t]*/y) === null; count += 1) {
      if (count >= LABELS_MAX) throw fault(this.number, `more than ${LABELS_MAX} labels`);
      const name = this.#match(/[a-zA-Z_][a-zA-Z0-9_]*/y);
      if (name === null || name.length > NAME_CHARACTERS_MAX) throw fault(this.number, "no label");
      if (name in labels) throw fault(this.number, `label ${name} again`);
      if (name.startsWith("__")) throw fault(this.number, `label ${name} is not for files`);
      const quoted = this.#match(/[ \t]*=[ \t]*"(?:[^"\\]|\\.)*"[ \t]*/y);
      if (quoted === null) throw fault(this.number, `label ${name} has no value`);
      labels[name] = this.#labelValue(quoted);
      if (this.#match(/,[ \t]*/y) === null && this.#line[this.#at] !== "}") {
        throw fault(this.number, "no comma between two labels");
      }
    }
    return withoutEmpty(labels);
  }

  value(): number {
    const word = this.#match(/[^ \t]+/y);
    const value = word === null ? null : parseValue(word);
    if (value === null) throw fault(this.number, "no value");
    return value;
  }

  end(): void {
    if (this.#match(/[ \t]*$/y) !== null) return;
    throw fault(this.number, "a timestamp, or something else, behind the value");
  }

  #labelValue(quoted: string): string {
    const start = quoted.indexOf('"') + 1;
    const value = unescaped(quoted.slice(start, quoted.lastIndexOf('"')), this.number, true);
    if (value.includes("\0")) throw fault(this.number, "a label's value has a zero byte");
    if (value.length <= VALUE_CHARACTERS_MAX) return value;
    throw fault(this.number, `a label's value is longer than ${VALUE_CHARACTERS_MAX}`);
  }

  /** @param pattern sticky */
  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.#line) ?? [];
    if (text === undefined) return null;
    this.#at += text.length;
    return text;
  }
}

function withoutEmpty(labels: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(labels)) if (value === "") delete labels[name];
  return labels;
}

function unescaped(text: string, number: number, hasQuotes: boolean): string {
  return text.replace(/\\(.?)/g, (sequence, character: string) => {
    if (character === "n") return "\n";
    if (character === "\\" || (hasQuotes && character === '"')) return character;
    if (!hasQuotes) return sequence;
    throw fault(number, `unknown escape ${sequence}`);
  });
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

/** null: not a number. */
function parseValue(word: string): number | null {
  if (DECIMAL.test(word)) return Number(word);
  const [, sign, special] = /^([+-]?)(nan|inf|infinity)$/i.exec(word) ?? [];
  if (special === undefined) return null;
  if (special.toLowerCase() === "nan") return sign === "" ? Number.NaN : null;
  return sign === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function isType(text: string): text is TextType {
  return TYPES.has(text);
}

function isMetricName(text: string): boolean {
  return text.length <= NAME_CHARACTERS_MAX && /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(text);
}

function fault(line: number, what: string): OperationalError {
  return new OperationalError("PARSE", `Line ${line}: ${what}`);
}
