import { OperationalError } from "../../shared/errors.ts";
import type { LineStage } from "./json-stages.ts";

/**
 * `literal <capture> literal <_> …`: a capture goes up to the next literal, `<_>` is not kept.
 * Literal and capture alternate: `literals[i]` stands before `captures[i]`, the last one behind all.
 */
type LinePattern = { readonly literals: readonly string[]; readonly captures: readonly string[] };

/** @throws OperationalError PARSE for two captures with nothing between them */
function parseLinePattern(text: string): LinePattern {
  const literals: string[] = [];
  const captures: string[] = [];
  let from = 0;
  for (const match of text.matchAll(/<([a-zA-Z_]\w*)>/g)) {
    const literal = text.slice(from, match.index);
    if (literal === "" && captures.length > 0) {
      throw fault(text, `nothing stands between <${captures.at(-1)}> and ${match[0]}`);
    }
    literals.push(literal);
    captures.push(match[1] ?? "");
    from = match.index + match[0].length;
  }
  literals.push(text.slice(from));
  return { literals, captures };
}

function fault(text: string, what: string): OperationalError {
  return new OperationalError("PARSE", `Not a pattern: "${text}" (${what})`);
}

/**
 * `| pattern "…"`: the captures become labels. A line that does not begin as the pattern does has
 * none; where a literal is missing, the capture before it has the rest and is the last.
 */
export function patternFields(text: string): LineStage {
  const { literals, captures } = parseLinePattern(text);
  const named = captures.filter((name) => name !== "_");
  if (named.length === 0) throw fault(text, "it has no named capture such as <status>");
  const twice = named.find((name, i) => named.indexOf(name) < i);
  if (twice !== undefined) throw fault(text, `<${twice}> stands in it twice`);
  const [first = "", ...others] = literals;
  return (line, labels) => {
    if (!line.startsWith(first) || line === "") return line;
    let from = first.length;
    for (const [i, name] of captures.entries()) {
      const literal = others[i] ?? "";
      const at = literal === "" ? -1 : line.indexOf(literal, from);
      const end = at < 0 ? line.length : at;
      if (name !== "_") labels.extract(name, line.slice(from, end));
      if (at < 0) break;
      from = end + literal.length;
    }
    return line;
  };
}

/**
 * `|> "…"`: whether the whole line has the form. `<_>` takes any text, none as well.
 * @returns the test, and literals that a line of the form is sure to hold
 */
export function linePatternTest(text: string): {
  readonly test: (line: string) => boolean;
  readonly literals: readonly string[];
} {
  const { literals, captures } = parseLinePattern(text);
  if (captures.some((name) => name !== "_")) {
    throw fault(text, "the filters |> and !> take <_> only");
  }
  const [first = "", ...others] = literals;
  const last = others.pop();
  const test = (line: string) => {
    if (last === undefined) return line === first;
    if (!line.startsWith(first)) return false;
    let from = first.length;
    for (const literal of others) {
      const at = line.indexOf(literal, from);
      if (at < 0) return false;
      from = at + literal.length;
    }
    return line.length - from >= last.length && line.endsWith(last);
  };
  return { test, literals: literals.filter((literal) => literal !== "") };
}
