import type { Matcher } from "../../shared/model/columns.ts";
import { compileMatcher } from "../matching/matcher.ts";
import { atPlace, queryError } from "../query/query-error.ts";
import type { Comparison, LabelFilter, QuantityKind } from "./ast.ts";
import type { TokenReader } from "./token-reader.ts";
import { parseQuantity } from "./units.ts";

/**
 * Conditions on labels. `and` binds tighter than `or`, as in Loki's parser; a comma, or nothing at
 * all between two conditions, is as another pipe: it binds least.
 */
export function readLabelFilter(reader: TokenReader): LabelFilter {
  const filters = [readOr(reader)];
  for (;;) {
    const isNext = reader.takeMark(",") || reader.peek().kind === "word" || reader.isMark("(");
    if (!isNext) return joined("and", filters);
    filters.push(readOr(reader));
  }
}

function joined(kind: "and" | "or", filters: readonly LabelFilter[]): LabelFilter {
  const [only] = filters;
  return filters.length === 1 && only !== undefined ? only : { kind, filters };
}

function readOr(reader: TokenReader): LabelFilter {
  const filters = [readAnd(reader)];
  while (reader.takeWord("or")) filters.push(readAnd(reader));
  return joined("or", filters);
}

function readAnd(reader: TokenReader): LabelFilter {
  const filters = [readOne(reader)];
  while (reader.takeWord("and")) filters.push(readOne(reader));
  return joined("and", filters);
}

function readOne(reader: TokenReader): LabelFilter {
  if (reader.takeMark("(")) {
    const inner = reader.nested(() => readLabelFilter(reader));
    reader.expectMark(")");
    return inner;
  }
  const { place } = reader;
  const name = reader.expect("word", "a label name");
  const sign = readSign(reader);
  if (reader.isWord("ip") && reader.isMark("(", 1)) {
    if (sign !== "=" && sign !== "!=")
      throw queryError(place, `ip() goes with = and !=, not ${sign}`);
    return { kind: "ip", name, isNegated: sign === "!=", text: readIp(reader) };
  }
  if (reader.peek().kind !== "string") return readQuantity(reader, name, sign);
  if (sign !== "=" && sign !== "!=" && sign !== "=~" && sign !== "!~") {
    throw queryError(place, `a label is compared with a text by =, !=, =~ or !~, not by ${sign}`);
  }
  const matcher: Matcher = { name, type: sign, value: reader.take().text };
  atPlace(place, () => compileMatcher(matcher));
  return { kind: "text", matcher };
}

/** `ip("…")`, of which the name is next; its text. */
export function readIp(reader: TokenReader): string {
  reader.take();
  reader.expectMark("(");
  const text = reader.expect("string", "an address, a range or a CIDR in quotes");
  reader.expectMark(")");
  return text;
}

const SIGNS = ["=", "!=", "=~", "!~", "==", ">", ">=", "<", "<="] as const;

function readSign(reader: TokenReader): (typeof SIGNS)[number] {
  const { kind, text } = reader.peek();
  const sign = SIGNS.find((one) => one === text);
  if (kind !== "mark" || sign === undefined) {
    throw reader.unexpected("a comparison such as =, !=, =~ or >");
  }
  reader.take();
  return sign;
}

function readQuantity(
  reader: TokenReader,
  name: string,
  sign: (typeof SIGNS)[number],
): LabelFilter {
  const isNegative = reader.takeMark("-");
  if (!isNegative) reader.takeMark("+");
  const { kind, text } = reader.peek();
  if (kind !== "number" && kind !== "duration" && kind !== "bytes") {
    throw reader.unexpected(
      "a text in quotes, or a number, a duration or a size such as 5m or 20MB",
    );
  }
  if (sign === "=~" || sign === "!~") throw reader.unexpected("a pattern in quotes");
  const as: QuantityKind = kind;
  const size = parseNumber(text, as);
  if (size === null) throw reader.unexpected("a number");
  reader.take();
  const op: Comparison = sign === "==" ? "=" : sign;
  return { kind: "quantity", name, op, as, value: isNegative ? -size : size };
}

function parseNumber(text: string, as: QuantityKind): number | null {
  return as === "number" && /^0[xX]/.test(text) ? Number(text) : parseQuantity(text, as);
}
