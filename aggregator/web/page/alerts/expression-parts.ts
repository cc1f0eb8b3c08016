/** What a rule compares: what is measured, and with what. */
export type Comparison = {
  readonly measured: string;
  readonly operator: string;
  readonly threshold: string;
};

const OPENING = "([{";
const CLOSING = ")]}";
const SET_OPERATOR = /^(?:and|or|unless)\b/i;
const COMPARISON = /^(?:[<>]=?|==|!=)/;

/**
 * The outermost comparison of an expression, of the first part where `and`, `or` or `unless` join
 * several; null: it compares nothing. Reads only as much of PromQL and LogQL as that needs: texts,
 * comments and brackets.
 */
export function comparisonOf(expression: string): Comparison | null {
  let [depth, at, end] = [0, 0, expression.length];
  let found: { readonly start: number; readonly operator: string } | null = null;
  while (at < end) {
    const rest = expression.slice(at);
    const skipped =
      /^(?:"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|`[^`]*`|#[^\n]*|[\w:]+)/.exec(rest)?.[0];
    if (depth === 0 && SET_OPERATOR.test(rest)) {
      end = at;
      break;
    }
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const character = rest[0] ?? "";
    if (OPENING.includes(character)) depth += 1;
    if (CLOSING.includes(character)) depth -= 1;
    const operator = depth === 0 ? COMPARISON.exec(rest)?.[0] : undefined;
    if (operator !== undefined) found = { start: at, operator };
    at += operator?.length ?? 1;
  }
  if (found === null) return bracketed(expression.slice(0, end));
  const measured = expression.slice(0, found.start).trim();
  const threshold = expression
    .slice(found.start + found.operator.length, end)
    .replace(
      /^\s*(?:bool\b)?\s*(?:(?:on|ignoring)\s*\([^)]*\)\s*(?:group_(?:left|right)\s*(?:\([^)]*\))?)?)?/i,
      "",
    )
    .trim();
  if (measured === "" || threshold === "") return null;
  return { measured, operator: found.operator, threshold };
}

/** One that stands in brackets as a whole is looked into. */
function bracketed(part: string): Comparison | null {
  const inner = part.trim();
  if (!inner.startsWith("(") || !inner.endsWith(")")) return null;
  let depth = 0;
  for (let at = 0; at < inner.length - 1; at += 1) {
    if (inner[at] === "(") depth += 1;
    if (inner[at] === ")") depth -= 1;
    if (depth === 0) return null;
  }
  return comparisonOf(inner.slice(1, -1));
}

/** PromQL: of an expression, which may end in a comment, only the series that have these labels. */
export function narrowed(expression: string, labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels);
  if (names.length === 0) return expression;
  const one = names.reduce((inner, name) => {
    return `label_replace(${inner}, ${JSON.stringify(name)}, ${replacement(labels[name] ?? "")}, "", "")`;
  }, "vector(1)");
  return `(${expression}\n) and on (${names.join(", ")}) ${one}`;
}

/** `$` stands for a group there. */
function replacement(value: string): string {
  return JSON.stringify(value.replaceAll("$", "$$$$"));
}
