import {
  BACKSLASH,
  CLOSE,
  CLOSE_SQUARE,
  COLON,
  COMMA,
  isBlank,
  OPEN,
  OPEN_SQUARE,
  QUOTE,
} from "./characters.ts";

/** What a line has further on is its message, a stack or a document. */
const SCANNED_MAX = 8192;

/**
 * The top-level fields of a JSON object, one after another, as places in the text: nothing is
 * decoded or allocated. What is nested is skipped, however deep; text that is no JSON ends the walk.
 */
export class JsonFields {
  keyStart = 0;
  keyEnd = 0;
  /** Of a string without its quotes. */
  valueStart = 0;
  valueEnd = 0;
  isString = false;

  #text = "";
  #at = 0;
  #end = 0;

  /** @param at the place of the object's `{` */
  open(text: string, at: number): void {
    this.#text = text;
    this.#at = at + 1;
    this.#end = Math.min(text.length, at + SCANNED_MAX);
  }

  /** Lets go of the text. */
  close(): void {
    this.#text = "";
  }

  next(): boolean {
    const text = this.#text;
    let at = this.#skipBlanks(this.#at);
    if (text.charCodeAt(at) === COMMA) at = this.#skipBlanks(at + 1);
    if (text.charCodeAt(at) !== QUOTE) return false;
    this.keyStart = at + 1;
    this.keyEnd = this.#stringEnd(at);
    if (this.keyEnd < 0) return false;
    at = this.#skipBlanks(this.keyEnd + 1);
    if (text.charCodeAt(at) !== COLON) return false;
    return this.#value(this.#skipBlanks(at + 1));
  }

  #value(at: number): boolean {
    const first = this.#text.charCodeAt(at);
    this.isString = first === QUOTE;
    this.valueStart = this.isString ? at + 1 : at;
    if (this.isString) this.valueEnd = this.#stringEnd(at);
    else if (first === OPEN || first === OPEN_SQUARE) this.valueEnd = this.#nestedEnd(at);
    else this.valueEnd = this.#plainEnd(at);
    this.#at = this.isString ? this.valueEnd + 1 : this.valueEnd;
    return this.valueEnd >= 0;
  }

  #skipBlanks(start: number): number {
    let at = start;
    while (at < this.#end && isBlank(this.#text.charCodeAt(at))) at += 1;
    return at;
  }

  /** The place of the quote that ends the string whose first quote is at `at`; -1: it has no end. */
  #stringEnd(at: number): number {
    let end = this.#text.indexOf('"', at + 1);
    while (end >= 0 && end < this.#end) {
      let slash = end - 1;
      while (this.#text.charCodeAt(slash) === BACKSLASH) slash -= 1;
      if ((end - slash) % 2 === 1) return end;
      end = this.#text.indexOf('"', end + 1);
    }
    return -1;
  }

  #plainEnd(start: number): number {
    for (let at = start; at < this.#end; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (code === COMMA || code === CLOSE || isBlank(code)) return at;
    }
    return -1;
  }

  #nestedEnd(start: number): number {
    let depth = 0;
    for (let at = start; at < this.#end; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) {
        at = this.#stringEnd(at);
        if (at < 0) return -1;
      } else if (code === OPEN || code === OPEN_SQUARE) depth += 1;
      else if (code === CLOSE || code === CLOSE_SQUARE) {
        depth -= 1;
        if (depth === 0) return at + 1;
      }
    }
    return -1;
  }
}
