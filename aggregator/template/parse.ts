/** Text to tree, for the part of Go's text/template that rule files use. */

import type { OperationalError } from "../../shared/errors.ts";
import type { TemplateFunction } from "./functions.ts";
import type { Methods } from "./methods.ts";
import { literalValue, readTokens, type Token, templateFault } from "./tokens.ts";

export type Operand =
  | { readonly kind: "literal"; readonly value: string | number | bigint | boolean | null }
  | { readonly kind: "variable"; readonly name: string; readonly fields: readonly string[] }
  | { readonly kind: "dot"; readonly fields: readonly string[] }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe; readonly fields: readonly string[] };

/** An operand, or a function and its arguments. */
export type Command = readonly Operand[];

/** Each command gets the one before as its last argument. `variable` takes the result. */
export type Pipe = {
  readonly variable: string | null;
  readonly isDeclaration: boolean;
  readonly commands: readonly Command[];
};

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  /** Runs what is defined by the name, with the pipe's value as its root. */
  | { readonly kind: "template"; readonly name: string; readonly pipe: Pipe | null }
  | { readonly kind: "break" | "continue" }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipe: Pipe;
      /** Of a range: it has one name for the items, or two for their keys and them. */
      readonly names: readonly string[];
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    };

/** What `define`, `block` or a whole text is. */
export type Definition = {
  readonly nodes: readonly TemplateNode[];
  readonly calls: readonly TemplateCall[];
};

/** `{{ template "name" }}` and where the name stands. */
type TemplateCall = { readonly name: string; readonly offset: number };

export type ParsedTemplate = Definition & {
  /** By the name in `define` or `block`. */
  readonly definitions: ReadonlyMap<string, Definition>;
};

/** What a template may name. Of the variables, `$` is the root. */
export type TemplateNames = {
  readonly variables: readonly string[];
  readonly functions: ReadonlyMap<string, TemplateFunction>;
  readonly unsupported: ReadonlySet<string>; // functions that others have here
  /** None: a field is never given arguments. */
  readonly methods?: Methods;
};

const DEPTH_MAX = 50;

const BLOCKS = ["if", "with", "range"] as const;
type BlockKind = (typeof BLOCKS)[number];

type Block = { readonly nodes: TemplateNode[]; readonly end: "eof" | "end" | "else" };

/** @throws OperationalError PARSE with `line:column: ` in front, counted in the template's text */
export function parseTemplate(text: string, names: TemplateNames): ParsedTemplate {
  return new TemplateParser(text, names).parse();
}

class TemplateParser {
  readonly #text: string;
  readonly #names: TemplateNames;
  #offset = 0;
  #tokens: Token[] = [];
  #next = 0;
  #trimsNext = false;
  #depth = 0;
  /** Of ranges around. */
  #ranges = 0;
  #variables: string[];
  readonly #definitions = new Map<string, Definition>();
  #calls: TemplateCall[] = [];

  constructor(text: string, names: TemplateNames) {
    this.#text = text;
    this.#names = names;
    this.#variables = [...names.variables];
  }

  parse(): ParsedTemplate {
    const { nodes, end } = this.#block();
    if (end !== "eof")
      throw this.#fault(`unexpected {{${end}}}`, this.#tokens[this.#next - 1]?.offset);
    return { nodes, calls: this.#calls, definitions: this.#definitions };
  }

  /** Nodes up to the `end` or `else` that closes the block; that action is then being read. */
  #block(): Block {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const open = this.#text.indexOf("{{", this.#offset);
      this.#pushText(nodes, open < 0 ? this.#text.length : open);
      if (open < 0) return { nodes, end: "eof" };
      if (this.#skipComment(open)) continue;
      this.#readAction(open);
      const token = this.#peek();
      if (token?.kind === "word" && (token.text === "end" || token.text === "else")) {
        this.#next += 1;
        return { nodes, end: token.text };
      }
      const node = this.#action();
      if (node !== null) nodes.push(node);
    }
  }

  #pushText(nodes: TemplateNode[], end: number): void {
    let text = this.#text.slice(this.#offset, end);
    if (this.#trimsNext) text = text.trimStart();
    this.#trimsNext = false;
    if (/^\{\{-\s/.test(this.#text.slice(end, end + 4))) text = text.trimEnd();
    if (text !== "") nodes.push({ kind: "text", text });
    this.#offset = end;
  }

  #skipComment(open: number): boolean {
    const start = /^\{\{(?:-\s+)?\/\*/.exec(this.#text.slice(open, open + 40));
    if (start === null) return false;
    const close = this.#text.indexOf("*/", open + start[0].length);
    const end = /^(?:\s+-)?\}\}/.exec(close < 0 ? "" : this.#text.slice(close + 2, close + 40));
    if (end === null) throw this.#fault("unclosed comment", open);
    this.#trimsNext = end[0].includes("-");
    this.#offset = close + 2 + end[0].length;
    return true;
  }

  #readAction(open: number): void {
    const { tokens, end, trimsNext } = readTokens(this.#text, open);
    this.#tokens = tokens;
    this.#next = 0;
    this.#offset = end;
    this.#trimsNext = trimsNext;
  }

  /** Null: it defines something, and prints nothing. */
  #action(): TemplateNode | null {
    const token = this.#peek();
    if (token === undefined) throw this.#fault("missing value for command");
    if (token.kind === "word") {
      const block = BLOCKS.find((one) => one === token.text);
      if (block !== undefined) {
        this.#next += 1;
        return this.#conditional(block);
      }
      if (token.text === "break" || token.text === "continue") return this.#leave(token.text);
      if (token.text === "template") return this.#call();
      if (token.text === "define" || token.text === "block") return this.#define(token.text);
    }
    const pipe = this.#pipe();
    this.#expectEnd();
    return { kind: "action", pipe };
  }

  #leave(kind: "break" | "continue"): TemplateNode {
    if (this.#ranges === 0) throw this.#fault(`{{${kind}}} outside {{range}}`);
    this.#next += 1;
    this.#expectEnd();
    return { kind };
  }

  #call(): TemplateNode {
    this.#next += 1;
    const call = this.#name("template");
    this.#calls.push(call);
    const pipe = this.#peek() === undefined ? null : this.#pipe();
    this.#expectEnd();
    return { kind: "template", name: call.name, pipe };
  }

  /** `block` is a definition that is run in its place as well. */
  #define(kind: "define" | "block"): TemplateNode | null {
    const opened = this.#peek()?.offset;
    this.#next += 1;
    if (kind === "define" && this.#depth > 0) throw this.#fault("unexpected {{define}}", opened);
    const call = this.#name(kind);
    const pipe = kind === "block" ? this.#pipe() : null;
    this.#expectEnd();
    const around = { variables: this.#variables, ranges: this.#ranges, calls: this.#calls };
    this.#enter();
    this.#variables = ["$"];
    this.#ranges = 0;
    this.#calls = [];
    const { nodes, end } = this.#block();
    if (end !== "end") throw this.#fault(`unclosed {{${kind}}}`, opened);
    this.#expectEnd();
    this.#depth -= 1;
    this.#definitions.set(call.name, { nodes, calls: this.#calls });
    this.#variables = around.variables;
    this.#ranges = around.ranges;
    this.#calls = around.calls;
    if (pipe === null) return null;
    this.#calls.push(call);
    return { kind: "template", name: call.name, pipe };
  }

  #name(kind: string): TemplateCall {
    const token = this.#peek();
    const name = token?.kind === "literal" ? literalValue(token) : null;
    if (token === undefined || typeof name !== "string") {
      throw this.#fault(`{{${kind}}} wants a name in quotes`);
    }
    this.#next += 1;
    return { name, offset: token.offset };
  }

  #conditional(kind: BlockKind): TemplateNode {
    this.#enter();
    const opened = this.#tokens[this.#next - 1]?.offset;
    const scope = this.#variables.length;
    const names = kind === "range" ? this.#rangeNames() : [];
    const pipe = this.#pipe();
    this.#expectEnd();
    if (kind === "range") this.#ranges += 1;
    const { nodes: body, end } = this.#block();
    if (kind === "range") this.#ranges -= 1;
    let otherwise: TemplateNode[] = [];
    if (end === "else") otherwise = this.#otherwise(kind, opened);
    else if (end === "eof") throw this.#fault(`unclosed {{${kind}}}`, opened);
    else this.#expectEnd();
    this.#variables.length = scope;
    this.#depth -= 1;
    return { kind, pipe, names, body, otherwise };
  }

  /** `$item :=` or `$key, $item :=`, of which there may be neither. */
  #rangeNames(): string[] {
    const end = this.#tokens.findIndex(({ kind, text }) => kind === "mark" && text === ":=");
    if (end < 0) return [];
    const tokens = this.#tokens.slice(this.#next, end).filter(({ kind }) => kind !== "space");
    const names = tokens.filter(({ text }) => text !== ",");
    const isWellFormed = names.every(({ kind, text }) => kind === "variable" && !/\./.test(text));
    if (!isWellFormed || names.length * 2 - 1 !== tokens.length || names.length > 2) {
      throw this.#fault("range declares one variable or two");
    }
    this.#next = end + 1;
    const declared = names.map(({ text }) => text);
    this.#variables.push(...declared);
    return declared;
  }

  /** After `else`: the rest of an `else if`, or nodes up to `end`. */
  #otherwise(kind: BlockKind, opened: number | undefined): TemplateNode[] {
    const token = this.#peek();
    if (token?.kind === "word" && token.text === kind && kind !== "range") {
      this.#next += 1;
      return [this.#conditional(kind)];
    }
    this.#expectEnd();
    const { nodes, end } = this.#block();
    if (end === "eof") throw this.#fault(`unclosed {{${kind}}}`, opened);
    if (end === "else") throw this.#fault("second {{else}}", this.#tokens[this.#next - 1]?.offset);
    this.#expectEnd();
    return nodes;
  }

  #pipe(): Pipe {
    const first = this.#peek();
    const mark = this.#tokens.slice(this.#next + 1).find((token) => token.kind !== "space");
    const isAssignment = mark?.kind === "mark" && (mark.text === ":=" || mark.text === "=");
    if (first?.kind !== "variable" || !isAssignment) {
      return { variable: null, isDeclaration: false, commands: this.#commands() };
    }
    if (first.text.includes(".")) throw this.#fault(`cannot assign to ${first.text}`, first.offset);
    const isDeclaration = mark.text === ":=";
    if (!isDeclaration) this.#checkVariable(first.text, first.offset);
    this.#next = this.#tokens.indexOf(mark) + 1;
    const commands = this.#commands();
    if (isDeclaration) this.#variables.push(first.text);
    return { variable: first.text, isDeclaration, commands };
  }

  #commands(): Command[] {
    const commands = [this.#command()];
    for (;;) {
      const token = this.#peek();
      if (token?.kind !== "mark" || token.text !== "|") return commands;
      this.#next += 1;
      const command = this.#command();
      if (command[0]?.kind === "literal") {
        throw this.#fault("non executable command in pipeline", token.offset);
      }
      commands.push(command);
    }
  }

  #command(): Command {
    const operands: Operand[] = [];
    for (let token = this.#peek(); token !== undefined; token = this.#peek()) {
      if (token.kind === "mark" && token.text !== "(") break;
      if (token.kind === "close") break;
      const isApart = operands.length === 0 || this.#tokens[this.#next - 1]?.kind === "space";
      if (!isApart) throw this.#fault(`unexpected "${token.text}" in operand`, token.offset);
      this.#next += 1;
      operands.push(this.#operand(token));
    }
    const [first] = operands;
    if (first === undefined) throw this.#fault("missing value for command");
    if (operands.length > 1 && !this.#takesArguments(first)) {
      throw this.#fault("cannot give an argument to what is not a function");
    }
    return operands;
  }

  #takesArguments(operand: Operand): boolean {
    if (operand.kind === "function") return true;
    return this.#names.methods !== undefined && "fields" in operand && operand.fields.length > 0;
  }

  #operand(token: Token): Operand {
    switch (token.kind) {
      case "literal": {
        const value = literalValue(token);
        if (value === null) throw this.#fault("invalid syntax", token.offset);
        return { kind: "literal", value };
      }
      case "variable": {
        const [name = "", ...fields] = token.text.split(".");
        this.#checkVariable(name, token.offset);
        return { kind: "variable", name, fields };
      }
      case "dot":
        return { kind: "dot", fields: token.text === "." ? [] : token.text.slice(1).split(".") };
      case "word":
        return this.#word(token);
      default:
        return this.#parenthesis(token);
    }
  }

  #word({ text, offset }: Token): Operand {
    if (text === "true" || text === "false") return { kind: "literal", value: text === "true" };
    if (text === "nil") return { kind: "literal", value: null };
    if (this.#names.unsupported.has(text)) {
      throw this.#fault(`function "${text}" is not supported`, offset);
    }
    if (!this.#names.functions.has(text)) {
      throw this.#fault(`function "${text}" not defined`, offset);
    }
    return { kind: "function", name: text };
  }

  #parenthesis(open: Token): Operand {
    this.#enter();
    const pipe = this.#pipe();
    const close = this.#peek();
    if (close?.kind !== "close") throw this.#fault("unclosed left parenthesis", open.offset);
    this.#next += 1;
    this.#depth -= 1;
    const after = this.#tokens[this.#next];
    if (after?.kind !== "dot" || after.text === ".") return { kind: "pipe", pipe, fields: [] };
    this.#next += 1;
    return { kind: "pipe", pipe, fields: after.text.slice(1).split(".") };
  }

  #checkVariable(name: string, offset: number): void {
    if (!this.#variables.includes(name)) {
      throw this.#fault(`undefined variable "${name}"`, offset);
    }
  }

  #enter(): void {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw this.#fault(`nested deeper than ${DEPTH_MAX}`);
  }

  #peek(): Token | undefined {
    while (this.#tokens[this.#next]?.kind === "space") this.#next += 1;
    return this.#tokens[this.#next];
  }

  #expectEnd(): void {
    const token = this.#peek();
    if (token !== undefined) throw this.#fault(`unexpected "${token.text}"`, token.offset);
  }

  #fault(message: string, offset?: number): OperationalError {
    const last = this.#tokens[this.#next] ?? this.#tokens.at(-1);
    return templateFault(this.#text, offset ?? last?.offset ?? this.#offset, message);
  }
}
