/** Stream selectors of LogQL as people put them together by clicking. Pure. */

type Operator = "=" | "!=" | "=~" | "!~";
export type StreamMatcher = {
  readonly name: string;
  readonly op: Operator;
  readonly value: string;
};

/** Every stream has it. */
const EVERYTHING = '{instance=~".+"}';
const MATCHER = /^\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)\s*(?:,|$)/;

/** Without any matcher it selects everything. */
export function selectorText(matchers: readonly StreamMatcher[]): string {
  if (!matchers.some(matchesSomething)) {
    return matchers.length === 0
      ? EVERYTHING
      : `${EVERYTHING.slice(0, -1)}, ${matchers.map(matcherText).join(", ")}}`;
  }
  return `{${matchers.map(matcherText).join(", ")}}`;
}

/** Null: it is none, or has what this does not read. */
export function parseSelector(text: string): readonly StreamMatcher[] | null {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed === EVERYTHING) return [];
  if (!trimmed.startsWith("{") || !trimmed.endsWith("}")) return null;
  let rest = trimmed.slice(1, -1);
  const matchers: StreamMatcher[] = [];
  while (rest.trim() !== "") {
    const [whole = "", name = "", op = "", quoted = ""] = MATCHER.exec(rest) ?? [];
    const value = unquoted(quoted);
    if (whole === "" || value === null) return null;
    matchers.push({ name, op: op as Operator, value });
    rest = rest.slice(whole.length);
  }
  return matchers;
}

/** The values that a label is asked for by name; several are a regular expression of them. */
export function chosenValues(matchers: readonly StreamMatcher[], name: string): readonly string[] {
  const matcher = matchers.find((one) => one.name === name);
  if (matcher?.op === "=") return [matcher.value];
  if (matcher?.op !== "=~") return [];
  return splitAlternatives(matcher.value) ?? [];
}

/** With the value asked for where it was not, and the other way round. */
export function toggledValue(
  matchers: readonly StreamMatcher[],
  name: string,
  value: string,
): readonly StreamMatcher[] {
  const before = chosenValues(matchers, name);
  const isChosen = before.includes(value);
  const values = isChosen ? before.filter((one) => one !== value) : [...before, value];
  const others = matchers.filter((one) => one.name !== name || one.op.startsWith("!"));
  if (values.length === 0) return others;
  const made: StreamMatcher =
    values.length === 1
      ? { name, op: "=", value: values[0] ?? "" }
      : { name, op: "=~", value: values.map(escapeRegex).join("|") };
  return [...others, made];
}

export function excludedValue(
  matchers: readonly StreamMatcher[],
  name: string,
  value: string,
): readonly StreamMatcher[] {
  const has = matchers.some((one) => one.name === name && one.op === "!=" && one.value === value);
  return has ? matchers : [...matchers, { name, op: "!=", value }];
}

function matcherText({ name, op, value }: StreamMatcher): string {
  return `${name}${op}${quote(value)}`;
}

/** As Go reads a text in quotes, which knows what JSON writes. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** Null: it is none. */
export function unquoted(text: string): string | null {
  if (text.startsWith("`")) return text.slice(1, -1);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

function matchesSomething({ op, value }: StreamMatcher): boolean {
  return (op === "=" && value !== "") || (op === "=~" && !/^$|\*|\?/.test(value));
}

function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** The texts of `a|b\.c`; null: it says more than that. */
function splitAlternatives(pattern: string): readonly string[] | null {
  const texts = [""];
  for (let i = 0; i < pattern.length; i += 1) {
    const char = pattern[i] ?? "";
    if (char === "|") texts.push("");
    else if (char === "\\" && /[\\^$.*+?()[\]{}|]/.test(pattern[i + 1] ?? "")) {
      i += 1;
      texts[texts.length - 1] += pattern[i] ?? "";
    } else if (/[\\^$.*+?()[\]{}]/.test(char)) return null;
    else texts[texts.length - 1] += char;
  }
  return texts;
}
