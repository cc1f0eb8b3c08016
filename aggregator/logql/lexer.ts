import { unquote } from "../../shared/model/go-string.ts";
import { textPlace } from "../../shared/model/text-place.ts";
import { queryError } from "../query/query-error.ts";

/** `text` is as written, but that of a string is what it stands for. */
export type Token = {
  readonly kind: "word" | "string" | "number" | "duration" | "bytes" | "flag" | "mark" | "end";
  readonly text: string;
  readonly index: number; // where it begins in the query
};

/** "LogQL line:column" of an index in the query's text. */
export function placeOf(text: string, index: number): string {
  return `LogQL ${textPlace(text, index)}`;
}

const TOKEN = new RegExp(
  [
    String.raw`(?<space>[\s]+|#[^\n]*)`,
    String.raw`(?<string>"(?:[^"\\\n]|\\[^\n])*"|${"`[^`]*`"})`,
    String.raw`(?<duration>(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|[smhdwy]))+(?![\p{L}\d_.]))`,
    String.raw`(?<bytes>(?:\d+(?:\.\d*)?|\.\d+)(?:[kKmMgGtTpPeE]i?)?[bB](?![\p{L}\d_.]))`,
    String.raw`(?<number>(?:0[xX][\da-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(?![\p{L}\d_]))`,
    "(?<flag>--[a-z][a-z-]*)",
    String.raw`(?<word>[\p{L}_][\p{L}\p{Nd}_]*)`,
    String.raw`(?<mark>\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[{}()[\],|=<>+\-*/%^])`,
  ].join("|"),
  "uy",
);

/** Tokens in a query; more is a query that nobody wrote. */
const TOKENS_MAX = 20_000;

/** @throws OperationalError QUERY with the place of what is no token */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < text.length) {
    TOKEN.lastIndex = index;
    const match = TOKEN.exec(text);
    if (match === null) throw notAToken(text, index);
    if (match.groups?.["space"] === undefined) tokens.push(tokenOf(text, match, index));
    if (tokens.length > TOKENS_MAX) {
      throw queryError(placeOf(text, index), `more than ${TOKENS_MAX} words and signs`);
    }
    index += match[0].length;
  }
  tokens.push({ kind: "end", text: "", index });
  return tokens;
}

const KINDS = ["string", "duration", "bytes", "number", "flag", "word"] as const;

function tokenOf(text: string, { groups, 0: source }: RegExpExecArray, index: number): Token {
  const kind = KINDS.find((one) => groups?.[one] !== undefined) ?? "mark";
  if (kind !== "string") return { kind, text: source, index };
  const value = unquote(source);
  if (value === null) {
    throw queryError(placeOf(text, index), `wrong escape in ${source.slice(0, 60)}`);
  }
  return { kind, text: value, index };
}

function notAToken(text: string, index: number): Error {
  const place = placeOf(text, index);
  const character = text[index] ?? "";
  if (character === '"' || character === "`") {
    return queryError(place, "text without its closing quote");
  }
  if (character === "'")
    return queryError(place, 'texts stand in "…" or `…`, not in single quotes');
  if (character === "$") {
    return queryError(place, "variables such as $__interval are filled in by Grafana, not here");
  }
  if (character === "@") return queryError(place, "the modifier @ is not supported: use offset");
  const wrong = /^(?:[\p{L}\d_.]+|.)/su.exec(text.slice(index, index + 40))?.[0] ?? character;
  return queryError(place, `unexpected "${wrong}"`);
}
