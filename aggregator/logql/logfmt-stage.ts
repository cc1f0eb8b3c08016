import type { Extraction } from "./ast.ts";
import { labelNameOf } from "./field-name.ts";
import type { LineStage } from "./json-stages.ts";
import type { LineLabels } from "./line-labels.ts";

export type LogfmtOptions = {
  readonly fields: readonly Extraction[]; // none: every one
  readonly isStrict: boolean; // stop at the first pair that is malformed, with an error
  readonly keepsEmpty: boolean;
};

/**
 * `| logfmt`: pairs such as `at=info msg="not found"`. A malformed pair (`=x`, `a=b=c`, `a"b=c`) is
 * left out. Source: Loki's documentation, and github.com/go-logfmt/logfmt for what a pair is.
 */
export function logfmtFields({ fields, isStrict, keepsEmpty }: LogfmtOptions): LineStage {
  const wanted = new Map<string, string[]>();
  for (const { name, from } of fields) wanted.set(from, [...(wanted.get(from) ?? []), name]);
  return (line, labels) => {
    const scanner = new LogfmtScanner(line);
    while (scanner.next()) {
      if (scanner.fault !== "") {
        if (!isStrict) continue;
        labels.setError("LogfmtParserErr", `${scanner.fault} at character ${scanner.at + 1}`);
        break;
      }
      const { key, value } = scanner;
      if (fields.length > 0) extractWanted(labels, wanted.get(key), value);
      else if (value !== "" || keepsEmpty) extractAny(labels, key, value);
    }
    return line;
  };
}

function extractWanted(labels: LineLabels, names: readonly string[] | undefined, value: string) {
  for (const name of names ?? []) labels.extract(name, value);
}

function extractAny(labels: LineLabels, key: string, value: string): void {
  const name = labelNameOf(key);
  if (name !== "") labels.extract(name, value);
}

const QUOTE = 0x22;
const EQUALS = 0x3d;
const SPACE = 0x20;

class LogfmtScanner {
  key = "";
  value = "";
  /** What is wrong with the pair; "" when nothing is. */
  fault = "";
  at = 0;
  readonly #line: string;

  constructor(line: string) {
    this.#line = line;
  }

  /** Goes on to the next pair; false at the end of the line. */
  next(): boolean {
    const line = this.#line;
    while (this.at < line.length && line.charCodeAt(this.at) <= SPACE) this.at += 1;
    if (this.at >= line.length) return false;
    this.fault = "";
    this.value = "";
    const from = this.at;
    const stop = this.#endOfWord();
    this.key = line.slice(from, this.at);
    if (stop === QUOTE) return this.#skipWord("a quote in a key");
    if (stop !== EQUALS) return true;
    if (this.key === "") return this.#skipWord("a value without a key");
    this.at += 1;
    if (line.charCodeAt(this.at) === QUOTE) return this.#quoted();
    const start = this.at;
    const end = this.#endOfWord();
    this.value = line.slice(start, this.at);
    return end === QUOTE || end === EQUALS ? this.#skipWord("a quote or = in a value") : true;
  }

  /** Goes to the next space, quote or =, or to the end; returns what stands there. */
  #endOfWord(): number {
    for (; this.at < this.#line.length; this.at += 1) {
      const code = this.#line.charCodeAt(this.at);
      if (code <= SPACE || code === QUOTE || code === EQUALS) return code;
    }
    return SPACE;
  }

  #skipWord(fault: string): true {
    this.fault = fault;
    while (this.at < this.#line.length && this.#line.charCodeAt(this.at) > SPACE) this.at += 1;
    return true;
  }

  #quoted(): true {
    const from = this.at + 1;
    let end = from;
    let hasEscape = false;
    for (; end < this.#line.length; end += 1) {
      const code = this.#line.charCodeAt(end);
      if (code === QUOTE) break;
      if (code !== 0x5c) continue;
      hasEscape = true;
      end += 1;
    }
    this.at = Math.min(end + 1, this.#line.length);
    if (end >= this.#line.length) {
      this.fault = "a quoted value without its end";
      return true;
    }
    const body = this.#line.slice(from, end);
    const text = hasEscape ? unescaped(body) : body;
    if (text === null) this.fault = "a wrong escape in a quoted value";
    else this.value = text;
    return true;
  }
}

function unescaped(body: string): string | null {
  try {
    return JSON.parse(`"${body}"`);
  } catch {
    return null;
  }
}
