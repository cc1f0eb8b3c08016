/** Text to tree, for the part of Go's text/template that rule files use. */

import { OperationalError } from "../../shared/errors.ts";
import { unquote } from "../../shared/model/go-string.ts";
import { textPlace } from "../../shared/model/text-place.ts";
import { TEMPLATE_FUNCTIONS, type TemplateFunction, UNSUPPORTED_FUNCTIONS } from "./functions.ts";

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
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipe: Pipe;
      /** Of a range: it has one name for the items, or two for their keys and them. */
      readonly names: readonly string[];
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    };

/** What a template may name. Of the variables, `$` is the root. */
export type TemplateNames = {
  readonly variables: readonly string[];
  readonly functions: ReadonlyMap<string, TemplateFunction>;
  readonly unsupported: ReadonlySet<string>; // functions that others have here
};

/** In the labels and annotations of alerts. */
export const ALERT_NAMES: TemplateNames = {
  variables: ["$", "$labels", "$externalLabels", "$externalURL", "$value"],
  functions: TEMPLATE_FUNCTIONS,
  unsupported: UNSUPPORTED_FUNCTIONS,
};

const DEPTH_MAX = 50;
const UNSUPPORTED_KEYWORDS = new Set(["define", "template", "block", "break", "continue"]);

type Token = {
  readonly kind: "literal" | "variable" | "dot" | "word" | "mark" | "close" | "space";
  readonly text: string;
  readonly offset: number;
};

const BLOCKS = ["if", "with", "range"] as const;
type BlockKind = (typeof BLOCKS)[number];

type Block = { readonly nodes: TemplateNode[]; readonly end: "eof" | "end" | "else" };

/** @throws OperationalError PARSE with `line:column: ` in front, counted in the template's text */
export function parseTemplate(text: string, names: TemplateNames): readonly TemplateNode[] {
  const parser = new TemplateParser(text, names);
  return parser.parse();
}

class TemplateParser {
  readonly #text: string;
  readonly #names: TemplateNames;
  #offset = 0;
  #tokens: Token[] = [];
  #next = 0;
  #trimsNext = false;
  #depth = 0;
  readonly #variables: string[];

  constructor(text: string, names: TemplateNames) {
    this.#text = text;
    this.#names = names;
    this.#variables = [...names.variables];
  }

  parse(): TemplateNode[] {
    const { nodes, end } = this.#block();
    if (end !== "eof")
      throw this.#fault(`unexpected {{${end}}}`, this.#tokens[this.#next - 1]?.offset);
    return nodes;
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
      nodes.push(this.#action());
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

  #action(): TemplateNode {
    const token = this.#peek();
    if (token === undefined) throw this.#fault("missing value for command");
    if (token.kind === "word" && UNSUPPORTED_KEYWORDS.has(token.text)) {
      throw this.#fault(`{{${token.text}}} is not supported`, token.offset);
    }
    const block = token.kind === "word" ? BLOCKS.find((one) => one === token.text) : undefined;
    if (block !== undefined) {
      this.#next += 1;
      return this.#conditional(block);
    }
    const pipe = this.#pipe();
    this.#expectEnd();
    return { kind: "action", pipe };
  }

  #conditional(kind: BlockKind): TemplateNode {
    this.#enter();
    const opened = this.#tokens[this.#next - 1]?.offset;
    const scope = this.#variables.length;
    const names = kind === "range" ? this.#rangeNames() : [];
    const pipe = this.#pipe();
    this.#expectEnd();
    const { nodes: body, end } = this.#block();
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
    if (operands.length > 1 && first.kind !== "function") {
      throw this.#fault("cannot give an argument to what is not a function");
    }
    return operands;
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

function templateFault(text: string, offset: number, message: string): OperationalError {
  return new OperationalError("PARSE", `template ${textPlace(text, offset)}: ${message}`);
}

const TOKEN =
  /(?<space>\s+)|(?<literal>"(?:[^"\\\n]|\\.)*"|`[^`]*`|[-+]?(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))|(?<variable>\$[\p{L}\p{Nd}_]*(?:\.[\p{L}_][\p{L}\p{Nd}_]*)*)|(?<dot>(?:\.[\p{L}_][\p{L}\p{Nd}_]*)+|\.)|(?<word>[\p{L}_][\p{L}\p{Nd}_]*)|(?<mark>:=|=|,|\||\()|(?<close>\))/uy;

/** The tokens of the action that opens at `open`, and where the text goes on. */
function readTokens(
  text: string,
  open: number,
): { tokens: Token[]; end: number; trimsNext: boolean } {
  const tokens: Token[] = [];
  let offset = open + (/^\{\{-\s/.test(text.slice(open, open + 4)) ? 3 : 2);
  while (offset < text.length) {
    if (text.startsWith("}}", offset)) return { tokens, end: offset + 2, trimsNext: false };
    if (text.startsWith("-}}", offset) && tokens.at(-1)?.kind === "space") {
      return { tokens, end: offset + 3, trimsNext: true };
    }
    TOKEN.lastIndex = offset;
    const groups = TOKEN.exec(text)?.groups;
    const [kind, part] =
      Object.entries(groups ?? {}).find(([, found]) => found !== undefined) ?? [];
    if (kind === undefined || part === undefined) {
      const character = text.slice(offset, offset + 1);
      const isQuote = character === '"' || character === "`";
      const message = isQuote ? "unterminated quoted string" : `unexpected "${character}"`;
      throw templateFault(text, offset, message);
    }
    tokens.push({ kind: kind as Token["kind"], text: part, offset });
    offset += part.length;
  }
  throw templateFault(text, open, "unclosed action");
}

/** Null: a text with a wrong escape. */
function literalValue({ text }: Token): string | number | bigint | null {
  if (/^["`]/.test(text)) return unquote(text);
  const digits = text.replaceAll("_", "");
  const isHex = /^[-+]?0[xX]/.test(digits);
  if (!isHex && /[.eE]/.test(digits)) return Number(digits);
  const size = BigInt(digits.replace(/^[-+]/, ""));
  return digits.startsWith("-") ? -size : size;
}
