import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { type Labels, labelValue } from "../../shared/model/labels.ts";
import { fault, isTrue, TEMPLATE_OUTPUT_MAX, type TemplateFunction } from "./functions.ts";
import { formatValue, pairsOf, type TemplateValue, typeName } from "./go-format.ts";
import {
  ALERT_NAMES,
  type Command,
  type Operand,
  type Pipe,
  parseTemplate,
  type TemplateNode,
} from "./parse.ts";

/** What a label or an annotation of one alert is made from. */
export type TemplateData = {
  readonly labels: Labels;
  readonly value: number;
  readonly externalLabels: Labels;
  readonly externalUrl: string;
};

/** A text, parsed. Without `{{` it is itself. */
export type Template = {
  readonly text: string;
  readonly nodes: readonly TemplateNode[];
  readonly functions: ReadonlyMap<string, TemplateFunction>;
};

/**
 * Parses the part of Go's text/template that Prometheus' annotations use: variables, fields, pipes,
 * function calls, if, with, range, comments and trimming; no define or query.
 * @throws OperationalError PARSE with line and column in the template
 */
export function compileTemplate(text: string, names = ALERT_NAMES): Template {
  return { text, nodes: parseTemplate(text, names), functions: names.functions };
}

/** Never throws: a template that fails gives `<error expanding template: …>`, as in Prometheus. */
export function expandTemplate(template: Template, data: TemplateData): string {
  try {
    return renderTemplate(template, variablesOf(data), TEMPLATE_OUTPUT_MAX);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `<error expanding template: ${errorMessage(error)}>`;
  }
}

function variablesOf(data: TemplateData): [name: string, value: TemplateValue][] {
  const labels = { kind: "labels", labels: data.labels } as const;
  const externalLabels = { kind: "labels", labels: data.externalLabels } as const;
  const fields = new Map<string, TemplateValue>([
    ["Labels", labels],
    ["ExternalLabels", externalLabels],
    ["ExternalURL", data.externalUrl],
    ["Value", data.value],
  ]);
  return [
    ["$", { kind: "fields", fields }],
    ["$labels", labels],
    ["$externalLabels", externalLabels],
    ["$externalURL", data.externalUrl],
    ["$value", data.value],
  ];
}

/**
 * @param variables by name, `$` first: it is the root
 * @param outputMax characters that it, and a function in it, may produce
 * @throws OperationalError PARSE when a function gets what it cannot use, LIMIT
 */
export function renderTemplate(
  { nodes, functions }: Template,
  variables: readonly (readonly [name: string, value: TemplateValue])[],
  outputMax: number,
): string {
  const expansion = new Expansion(variables, functions, outputMax);
  expansion.run(nodes, variables[0]?.[1] ?? null);
  return expansion.output;
}

/** Items that one template may range over, whatever is nested in what. */
const ITEMS_MAX = 10_000;

class Expansion {
  output = "";
  readonly #variables: [name: string, value: TemplateValue][];
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #outputMax: number;
  #items = 0;

  constructor(
    variables: readonly (readonly [name: string, value: TemplateValue])[],
    functions: ReadonlyMap<string, TemplateFunction>,
    outputMax: number,
  ) {
    this.#variables = variables.map(([name, value]) => [name, value]);
    this.#functions = functions;
    this.#outputMax = outputMax;
  }

  run(nodes: readonly TemplateNode[], dot: TemplateValue): void {
    for (const node of nodes) {
      if (node.kind === "text") this.#print(node.text);
      else if (node.kind === "action") this.#action(node.pipe, dot);
      else if (node.kind === "range") this.#range(node, dot);
      else this.#conditional(node, dot);
    }
  }

  #action(pipe: Pipe, dot: TemplateValue): void {
    const value = this.#pipe(pipe, dot);
    if (pipe.variable === null) this.#print(formatValue(value));
  }

  #range(node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>, dot: TemplateValue): void {
    const scope = this.#variables.length;
    const items = itemsOf(this.#pipe(node.pipe, dot));
    for (const [key, item] of items) {
      this.#takeItem();
      const values = node.names.length === 1 ? [item] : [key, item];
      for (const [i, name] of node.names.entries()) this.#variables.push([name, values[i] ?? null]);
      this.run(node.body, item);
      this.#variables.length = scope;
    }
    if (items.length === 0) this.run(node.otherwise, dot);
    this.#variables.length = scope;
  }

  #takeItem(): void {
    this.#items += 1;
    if (this.#items > ITEMS_MAX) throw new OperationalError("LIMIT", `over ${ITEMS_MAX} items`);
  }

  #conditional(
    node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>,
    dot: TemplateValue,
  ): void {
    const scope = this.#variables.length;
    const value = this.#pipe(node.pipe, dot);
    const isThen = isTrue(value);
    this.run(isThen ? node.body : node.otherwise, isThen && node.kind === "with" ? value : dot);
    this.#variables.length = scope;
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
    const known = this.#functions.get(name);
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
