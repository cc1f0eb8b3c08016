import { OperationalError } from "../../shared/errors.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { fault, isTrue, type TemplateFunction } from "./functions.ts";
import { formatValue, pairsOf, type TemplateValue, typeName } from "./go-format.ts";
import type { Methods } from "./methods.ts";
import {
  type Command,
  type Definition,
  type Operand,
  type Pipe,
  parseTemplate,
  type TemplateNames,
  type TemplateNode,
} from "./parse.ts";
import { templateFault } from "./tokens.ts";

/** A text, parsed. Without `{{` it is itself. */
export type Template = {
  readonly text: string;
  readonly nodes: readonly TemplateNode[];
  readonly definitions: Definitions;
  readonly functions: ReadonlyMap<string, TemplateFunction>;
  readonly methods: Methods;
};

/** What `{{ template "name" }}` may name. */
export type Definitions = ReadonlyMap<string, Definition>;

/**
 * Parses Go's text/template: all of it but `call`.
 * @param shared definitions of other texts; one in this text stands over them
 * @throws OperationalError PARSE with line and column in the template
 */
export function compileTemplate(
  text: string,
  names: TemplateNames,
  shared: Definitions = NO_DEFINITIONS,
): Template {
  const { nodes, calls, definitions: own } = parseTemplate(text, names);
  const definitions = own.size === 0 ? shared : new Map([...shared, ...own]);
  for (const call of [calls, ...[...own.values()].map((one) => one.calls)].flat()) {
    const missing = missingBelow(call.name, definitions);
    if (missing !== null) throw templateFault(text, call.offset, missing);
  }
  return { text, nodes, definitions, functions: names.functions, methods: names.methods ?? NONE };
}

/** Null: all that a template calls is defined, however deep it is called. */
function missingBelow(root: string, definitions: Definitions): string | null {
  const callers = new Map<string, string | null>([[root, null]]);
  for (const [name, caller] of callers) {
    const definition = definitions.get(name);
    const through = caller === null ? "" : `, which "${caller}" calls`;
    if (definition === undefined) return `no template "${name}"${through}`;
    for (const call of definition.calls) if (!callers.has(call.name)) callers.set(call.name, name);
  }
  return null;
}

/** Makes the output of one run; it sees all of it, in order. */
export type Escaper = {
  /** What is written in the template itself. */
  readonly literal: (text: string) => void;
  /** The text to print for a value that comes next. @throws OperationalError PARSE */
  readonly value: (value: TemplateValue) => string;
};

/** What is different in one run. */
export type RunOptions = {
  /** They stand for those of the same names. */
  readonly functions?: ReadonlyMap<string, TemplateFunction>;
  /** None: values are printed as they are. */
  readonly escaper?: Escaper;
};

/**
 * @param variables by name, `$` first: it is the root
 * @param outputMax characters that it, and a function in it, may produce
 * @throws OperationalError PARSE when a function gets what it cannot use, LIMIT
 */
export function renderTemplate(
  template: Template,
  variables: readonly (readonly [name: string, value: TemplateValue])[],
  outputMax: number,
  run: RunOptions = {},
): string {
  const expansion = new Expansion(template, { variables, outputMax, run });
  expansion.run(template.nodes, variables[0]?.[1] ?? null);
  return expansion.output;
}

const NO_DEFINITIONS: Definitions = new Map();
const NO_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map();
const NONE: Methods = new Map();
const NO_ESCAPER: Escaper = { literal: () => {}, value: formatValue };

type ExpansionParts = {
  readonly variables: readonly (readonly [name: string, value: TemplateValue])[];
  readonly outputMax: number;
  readonly run: RunOptions;
};

/** Items that one template may range over, whatever is nested in what. */
const ITEMS_MAX = 10_000;
/** Templates that call each other: each may be in as many blocks as the parser allows. */
const CALL_DEPTH_MAX = 20;

/** Where it goes on behind a node: with the next one, or out of the range around. */
type Flow = "next" | "break" | "continue";

class Expansion {
  output = "";
  readonly #template: Template;
  #variables: [name: string, value: TemplateValue][];
  readonly #outputMax: number;
  readonly #own: ReadonlyMap<string, TemplateFunction>;
  readonly #escaper: Escaper;
  #items = 0;
  #callDepth = 0;

  constructor(template: Template, { variables, outputMax, run }: ExpansionParts) {
    this.#template = template;
    this.#variables = variables.map(([name, value]) => [name, value]);
    this.#outputMax = outputMax;
    this.#own = run.functions ?? NO_FUNCTIONS;
    this.#escaper = run.escaper ?? NO_ESCAPER;
  }

  run(nodes: readonly TemplateNode[], dot: TemplateValue): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #node(node: TemplateNode, dot: TemplateValue): Flow {
    switch (node.kind) {
      case "text":
        this.#escaper.literal(node.text);
        this.#print(node.text);
        return "next";
      case "action":
        this.#action(node.pipe, dot);
        return "next";
      case "template":
        this.#callTemplate(node.name, node.pipe === null ? null : this.#pipe(node.pipe, dot));
        return "next";
      case "range":
        return this.#range(node, dot);
      case "if":
      case "with":
        return this.#conditional(node, dot);
      default:
        return node.kind;
    }
  }

  /** It sees nothing of what is around but its argument. */
  #callTemplate(name: string, root: TemplateValue): void {
    this.#takeItem();
    this.#callDepth += 1;
    if (this.#callDepth > CALL_DEPTH_MAX) {
      throw new OperationalError("LIMIT", `templates called deeper than ${CALL_DEPTH_MAX}`);
    }
    const around = this.#variables;
    this.#variables = [["$", root]];
    this.run(this.#template.definitions.get(name)?.nodes ?? [], root);
    this.#variables = around;
    this.#callDepth -= 1;
  }

  #action(pipe: Pipe, dot: TemplateValue): void {
    const value = this.#pipe(pipe, dot);
    if (pipe.variable === null) this.#print(this.#escaper.value(value));
  }

  #range(node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>, dot: TemplateValue): Flow {
    const scope = this.#variables.length;
    const items = itemsOf(this.#pipe(node.pipe, dot));
    for (const [key, item] of items) {
      this.#takeItem();
      const values = node.names.length === 1 ? [item] : [key, item];
      for (const [i, name] of node.names.entries()) this.#variables.push([name, values[i] ?? null]);
      const flow = this.run(node.body, item);
      this.#variables.length = scope;
      if (flow === "break") break;
    }
    const flow = items.length === 0 ? this.run(node.otherwise, dot) : "next";
    this.#variables.length = scope;
    return flow;
  }

  #takeItem(): void {
    this.#items += 1;
    if (this.#items > ITEMS_MAX) throw new OperationalError("LIMIT", `over ${ITEMS_MAX} items`);
  }

  #conditional(
    node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>,
    dot: TemplateValue,
  ): Flow {
    const scope = this.#variables.length;
    const value = this.#pipe(node.pipe, dot);
    const isThen = isTrue(value);
    const inner = isThen && node.kind === "with" ? value : dot;
    const flow = this.run(isThen ? node.body : node.otherwise, inner);
    this.#variables.length = scope;
    return flow;
  }

  #print(text: string): void {
    if (this.output.length + text.length > this.#outputMax) {
      throw new OperationalError("LIMIT", `output over ${this.#outputMax} characters`);
    }
    this.output += text;
  }

  #pipe(pipe: Pipe, dot: TemplateValue): TemplateValue {
    let value: TemplateValue = null;
    for (const [i, command] of pipe.commands.entries()) {
      value = this.#command(command, dot, i === 0 ? [] : [value]);
    }
    if (pipe.variable === null) return value;
    if (pipe.isDeclaration) this.#variables.push([pipe.variable, value]);
    else {
      const known = this.#variables.findLast(([name]) => name === pipe.variable);
      if (known !== undefined) known[1] = value;
    }
    return value;
  }

  #command(command: Command, dot: TemplateValue, piped: TemplateValue[]): TemplateValue {
    const [first, ...rest] = command;
    if (first === undefined) return null;
    if (first.kind !== "function") {
      const args = [...rest.map((operand) => this.#operand(operand, dot)), ...piped];
      return this.#operand(first, dot, args);
    }
    if (first.name === "and" || first.name === "or") {
      return this.#shortCircuit(first.name, rest, dot, piped);
    }
    return this.#call(first.name, [
      ...rest.map((operand) => this.#operand(operand, dot)),
      ...piped,
    ]);
  }

  #shortCircuit(
    name: "and" | "or",
    operands: readonly Operand[],
    dot: TemplateValue,
    piped: readonly TemplateValue[],
  ): TemplateValue {
    for (const operand of operands) {
      const value = this.#operand(operand, dot);
      if (isTrue(value) === (name === "or")) return value;
      if (operand === operands.at(-1) && piped.length === 0) return value;
    }
    return this.#call(name, piped);
  }

  /** @param args for the method that it ends with */
  #operand(
    operand: Operand,
    dot: TemplateValue,
    args: readonly TemplateValue[] = NO_ARGUMENTS,
  ): TemplateValue {
    switch (operand.kind) {
      case "literal":
        return this.#chain(operand.value, [], args);
      case "function":
        return this.#call(operand.name, []);
      case "variable": {
        const known = this.#variables.findLast(([name]) => name === operand.name);
        return this.#chain(known?.[1] ?? null, operand.fields, args);
      }
      case "dot":
        return this.#chain(dot, operand.fields, args);
      case "pipe":
        return this.#chain(this.#pipe(operand.pipe, dot), operand.fields, args);
    }
  }

  /** Fields and methods one after the other, such as `.Alerts.Firing`. */
  #chain(
    value: TemplateValue,
    path: readonly string[],
    args: readonly TemplateValue[],
  ): TemplateValue {
    if (path.length === 0 && args.length > 0) throw notCallable();
    let found = value;
    for (const [i, name] of path.entries()) {
      found = this.#member(found, name, i === path.length - 1 ? args : NO_ARGUMENTS);
    }
    return found;
  }

  #member(value: TemplateValue, name: string, args: readonly TemplateValue[]): TemplateValue {
    const method = this.#template.methods.get(typeName(value))?.get(name);
    if (method !== undefined) return this.#invoke(name, method, [value, ...args]);
    const field = fieldOf(value, name);
    if (args.length > 0) throw notCallable();
    return field;
  }

  #call(name: string, args: readonly TemplateValue[]): TemplateValue {
    const known = this.#own.get(name) ?? this.#template.functions.get(name);
    if (known === undefined) throw fault(`function "${name}" not defined`);
    return this.#invoke(name, known, args);
  }

  #invoke(name: string, known: TemplateFunction, args: readonly TemplateValue[]): TemplateValue {
    const [least, most] = known.counts;
    if (args.length < least || args.length > most) {
      throw fault(`wrong number of arguments for ${name}: want ${least}, got ${args.length}`);
    }
    const result = known.call(...args);
    if (typeof result === "string" && result.length > this.#outputMax) {
      throw new OperationalError("LIMIT", `${name} gave over ${this.#outputMax} characters`);
    }
    return result;
  }
}

const NO_ARGUMENTS: readonly TemplateValue[] = [];

function notCallable(): OperationalError {
  return fault("cannot give an argument to what is not a function");
}

/** @throws OperationalError PARSE for what cannot be ranged over */
function itemsOf(value: TemplateValue): readonly (readonly [TemplateValue, TemplateValue])[] {
  if (value === null) return [];
  if (typeof value === "object" && value.kind === "list") {
    return value.items.map((item, i) => [BigInt(i), item] as const);
  }
  if (typeof value === "object" && (value.kind === "map" || value.kind === "labels")) {
    return pairsOf(value);
  }
  throw fault(`range can't iterate over ${typeName(value)}`);
}

/** A label that is absent is the empty text, as in Prometheus. */
function fieldOf(value: TemplateValue, name: string): TemplateValue {
  if (typeof value === "object" && value !== null) {
    if (value.kind === "labels") return labelValue(value.labels, name);
    if (value.kind === "map") return value.entries.get(name) ?? null;
    const field = value.kind === "fields" ? value.fields.get(name) : undefined;
    if (field !== undefined) return field;
  }
  throw fault(`cannot evaluate field ${name} in ${typeName(value)}`);
}
