import { queryError } from "../query/query-error.ts";
import { placeOf, type Token } from "./lexer.ts";

/** Deepest nesting of parentheses and expressions: what reads and walks them is recursive. */
const DEPTH_MAX = 200;

/** Goes through the tokens of one query. Its errors are OperationalError QUERY with the place. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  peek(ahead = 0): Token {
    const last = this.#tokens[this.#tokens.length - 1];
    return this.#tokens[this.#next + ahead] ?? last ?? { kind: "end", text: "", index: 0 };
  }

  take(): Token {
    const token = this.peek();
    this.#next += 1;
    return token;
  }

  get place(): string {
    return this.placeOf(this.peek());
  }

  placeOf(token: Token): string {
    return placeOf(this.#text, token.index);
  }

  isMark(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "mark" && token.text === text;
  }

  isWord(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === "word" && token.text === text;
  }

  /** Takes the sign if it is next. */
  takeMark(text: string): boolean {
    const isNext = this.isMark(text);
    if (isNext) this.#next += 1;
    return isNext;
  }

  takeWord(text: string): boolean {
    const isNext = this.isWord(text);
    if (isNext) this.#next += 1;
    return isNext;
  }

  expectMark(text: string): void {
    if (!this.takeMark(text)) throw this.unexpected(`"${text}"`);
  }

  /** @param what said in the message: "a label name" */
  expect(kind: Token["kind"], what: string): string {
    if (this.peek().kind !== kind) throw this.unexpected(what);
    return this.take().text;
  }

  unexpected(expected: string): Error {
    const { kind, text } = this.peek();
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    const found = kind === "end" ? "the end of the query" : `"${shown}"`;
    return queryError(this.place, `unexpected ${found}, expected ${expected}`);
  }

  /** Reads what is nested one level deeper. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw queryError(this.place, `nested more than ${DEPTH_MAX} expressions deep`);
    }
    const value = read();
    this.#depth -= 1;
    return value;
  }

  /** Items with commas between them; at least one. */
  list<T>(read: () => T): T[] {
    const items = [read()];
    while (this.takeMark(",")) items.push(read());
    return items;
  }
}
