/** The actions of a Go template as tokens. */

import { OperationalError } from "../../shared/errors.ts";
import { unquote } from "../../shared/model/go-string.ts";
import { textPlace } from "../../shared/model/text-place.ts";

export type Token = {
  readonly kind: "literal" | "variable" | "dot" | "word" | "mark" | "close" | "space";
  readonly text: string;
  readonly offset: number;
};

/** @param offset in the template's text */
export function templateFault(text: string, offset: number, message: string): OperationalError {
  return new OperationalError("PARSE", `template ${textPlace(text, offset)}: ${message}`);
}

const TOKEN =
  /(?<space>\s+)|(?<literal>"(?:[^"\\\n]|\\.)*"|`[^`]*`|[-+]?(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))|(?<variable>\$[\p{L}\p{Nd}_]*(?:\.[\p{L}_][\p{L}\p{Nd}_]*)*)|(?<dot>(?:\.[\p{L}_][\p{L}\p{Nd}_]*)+|\.)|(?<word>[\p{L}_][\p{L}\p{Nd}_]*)|(?<mark>:=|=|,|\||\()|(?<close>\))/uy;

/** The tokens of the action that opens at `open`, and where the text goes on. */
export function readTokens(
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
export function literalValue({ text }: Token): string | number | bigint | null {
  if (/^["`]/.test(text)) return unquote(text);
  const digits = text.replaceAll("_", "");
  const isHex = /^[-+]?0[xX]/.test(digits);
  if (!isHex && /[.eE]/.test(digits)) return Number(digits);
  const size = BigInt(digits.replace(/^[-+]/, ""));
  return digits.startsWith("-") ? -size : size;
}
