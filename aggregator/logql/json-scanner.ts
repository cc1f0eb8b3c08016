import { OperationalError } from "../../shared/errors.ts";

/** Deepest nesting of objects and arrays that is read. */
const DEPTH_MAX = 100;

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORD = /true|false|null/y;

export type JsonKind = "string" | "number" | "boolean" | "null" | "object" | "array";

/**
 * Reads one JSON text from the front. JSON.parse would not do: numbers must stay as they are written,
 * and a path must be found without making a value of the rest.
 * Every method throws OperationalError PARSE with the place where the text stops being JSON.
 */
export class JsonScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** What kind of value is next. */
  kind(): JsonKind {
    this.#skipSpace();
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x22: // "
        return "string";
      case 0x7b: // {
        return "object";
      case 0x5b: // [
        return "array";
      case 0x74: // t
      case 0x66: // f
        return "boolean";
      case 0x6e: // n
        return "null";
      default:
        return "number";
    }
  }

  /** The value that is next, no object or array, as text: a string without its quotes. */
  scalar(kind: JsonKind): string {
    if (kind === "string") return this.#string();
    return this.#match(kind === "number" ? NUMBER : WORD) ?? this.#fail();
  }

  /** Goes through the members of the object that is next. `take` must read or skip the value. */
  members(take: (key: string) => void, depth = 0): void {
    if (depth > DEPTH_MAX) throw tooDeep();
    this.#expect("{");
    if (this.#takeIf("}")) return;
    do {
      this.#skipSpace();
      const key = this.#string();
      this.#expect(":");
      take(key);
    } while (this.#takeIf(","));
    this.#expect("}");
  }

  /** Goes through the items of the array that is next. `take` must read or skip the item. */
  items(take: (index: number) => void): void {
    this.#expect("[");
    if (this.#takeIf("]")) return;
    let index = 0;
    do {
      take(index);
      index += 1;
    } while (this.#takeIf(","));
    this.#expect("]");
  }

  /** Skips the value that is next, and returns it as it is written. */
  skip(): string {
    this.#skipSpace();
    const from = this.#at;
    this.#skipValue(0);
    return this.#text.slice(from, this.#at);
  }

  /** Nothing may be left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail();
  }

  #skipValue(depth: number): void {
    if (depth > DEPTH_MAX) throw tooDeep();
    const kind = this.kind();
    if (kind === "object") this.members(() => this.#skipValue(depth + 1), depth);
    else if (kind === "array") this.items(() => this.#skipValue(depth + 1));
    else this.scalar(kind);
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') return this.#fail();
    const from = this.#at + 1;
    let end = this.#text.indexOf('"', from);
    while (end >= 0 && isEscaped(this.#text, from, end)) end = this.#text.indexOf('"', end + 1);
    if (end < 0) return this.#fail();
    const body = this.#text.slice(from, end);
    const text = body.includes("\\") ? unescaped(body) : body;
    if (text === null) return this.#fail();
    this.#at = end + 1;
    return text;
  }

  #expect(sign: string): void {
    if (!this.#takeIf(sign)) this.#fail();
  }

  #takeIf(sign: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #match(form: RegExp): string | null {
    form.lastIndex = this.#at;
    const found = form.exec(this.#text)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #fail(): never {
    throw new OperationalError("PARSE", `not JSON at character ${this.#at + 1}`);
  }
}

function tooDeep(): OperationalError {
  return new OperationalError("PARSE", `nested deeper than ${DEPTH_MAX} levels`);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Whether an odd number of backslashes stands before `end`. */
function isEscaped(text: string, from: number, end: number): boolean {
  let at = end;
  while (at > from && text[at - 1] === "\\") at -= 1;
  return (end - at) % 2 === 1;
}

function unescaped(body: string): string | null {
  try {
    return JSON.parse(`"${body}"`);
  } catch {
    return null;
  }
}
