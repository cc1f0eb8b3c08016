import { OperationalError } from "../../shared/errors.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { fault, isTrue, type TemplateFunction } from "./functions.ts";
import { formatValue, pairsOf, type TemplateValue, typeName } from "./go-format.ts";
import {
  type Command,
  type Operand,
  type ParsedTemplate,
  type Pipe,
  parseTemplate,
  type TemplateNames,
  type TemplateNode,
} from "./parse.ts";

/** A text, parsed. Without `{{` it is itself. */
export type Template = {
  readonly text: string;
  readonly parsed: ParsedTemplate;
  readonly functions: ReadonlyMap<string, TemplateFunction>;
};

/**
 * Parses Go's text/template: all of it but methods, `call` and templates of other files.
 * @throws OperationalError PARSE with line and column in the template
 */
export function compileTemplate(text: string, names: TemplateNames): Template {
  return { text, parsed: parseTemplate(text, names), functions: names.functions };
}

/**
 * @param variables by name, `$` first: it is the root
 * @param outputMax characters that it, and a function in it, may produce
 * @param own functions that stand for those of the same names in this run
 * @throws OperationalError PARSE when a function gets what it cannot use, LIMIT
 */
export function renderTemplate(
  template: Template,
  variables: readonly (readonly [name: string, value: TemplateValue])[],
  outputMax: number,
  own: ReadonlyMap<string, TemplateFunction> = NO_FUNCTIONS,
): string {
  const expansion = new Expansion(template, { variables, outputMax, own });
  expansion.run(template.parsed.nodes, variables[0]?.[1] ?? null);
  return expansion.output;
}

const NO_FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map();

type ExpansionParts = {
  readonly variables: readonly (readonly [name: string, value: TemplateValue])[];
  readonly outputMax: number;
  readonly own: ReadonlyMap<string, TemplateFunction>;
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
  #items = 0;
  #callDepth = 0;

  constructor(template: Template, { variables, outputMax, own }: ExpansionParts) {
    this.#template = template;
    this.#variables = variables.map(([name, value]) => [name, value]);
    this.#outputMax = outputMax;
    this.#own = own;
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
    this.run(this.#template.parsed.definitions.get(name) ?? [], root);
    this.#variables = around;
    this.#callDepth -= 1;
  }

  #action(pipe: Pipe, dot: TemplateValue): void {
    const value = this.#pipe(pipe, dot);
    if (pipe.variable === null) this.#print(formatValue(value));
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
      if (piped.length > 0) throw fault("cannot give an argument to what is not a function");
      return this.#operand(first, dot);
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

  #operand(operand: Operand, dot: TemplateValue): TemplateValue {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "function":
        return this.#call(operand.name, []);
      case "variable": {
        const known = this.#variables.findLast(([name]) => name === operand.name);
        return fieldOf(known?.[1] ?? null, operand.fields);
      }
      case "dot":
        return fieldOf(dot, operand.fields);
      case "pipe":
        return fieldOf(this.#pipe(operand.pipe, dot), operand.fields);
    }
  }

  #call(name: string, args: readonly TemplateValue[]): TemplateValue {
    const known = this.#own.get(name) ?? this.#template.functions.get(name);
    if (known === undefined) throw fault(`function "${name}" not defined`);
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
function fieldOf(value: TemplateValue, path: readonly string[]): TemplateValue {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) {
      throw fault(`cannot evaluate field ${name} in ${typeName(found)}`);
    }
    if (found.kind === "labels") found = labelValue(found.labels, name);
    else if (found.kind === "map") found = found.entries.get(name) ?? null;
    else if (found.kind !== "fields") {
      throw fault(`cannot evaluate field ${name} in ${typeName(found)}`);
    } else {
      const field = found.fields.get(name);
      if (field === undefined) throw fault(`cannot evaluate field ${name} in template data`);
      found = field;
    }
  }
  return found;
}
