import { type MaskedText, type Secret, secretAt } from "./mask-secret.ts";

/**
 * Secrets by the name that stands before them: `password=x` in text, in a query of a URL or in a
 * connection string, `"password": "x"` in JSON, also in JSON that stands escaped in JSON, and
 * `password: x`. A word such as `token` is left as it is where no value follows (`tokens: 5`).
 */

const NAME =
  /(passw(?:or)?d(?:[_-]?confirmation)?\d?|passphrase|pwd|secret(?:[_-]?(?:access)?[_-]?key)?|token|api[_-]?key|account[_-]?key)(\\{0,8}["'])?([ \t]{0,2})(=>|[:=])(?![=~])([ \t]{0,2})/iy;
const OPENING = /(\\{0,8})(["'])/y;

/** What is written where no secret is, or one that was masked already. */
export const PLACEHOLDER =
  /^(?:\*+|[xX]{3,}|\.{3,}|null|none|nil|true|false|undefined|yes|no|\[?\(?<?(?:filtered|redacted|masked|hidden|removed|secret|empty|unset|set)\)?\]?>?|<masked:[\w-]{1,100}>)$/i;

/** What stands before a value. */
type Name = {
  readonly name: string;
  readonly rule: string;
  /** The quote behind it, as in JSON; "": none. */
  readonly quote: string;
  readonly sign: string;
  /** Where the value begins. */
  readonly end: number;
};

export function maskPair({ text }: MaskedText, at: number): Secret | null {
  const name = nameAt(text, at);
  if (name === null) return null;
  OPENING.lastIndex = name.end;
  const opening = OPENING.exec(text);
  if (opening === null) return bareSecret(text, name);
  const start = OPENING.lastIndex;
  const end = quotedEnd(text, start, opening[1]?.length ?? 0, opening[2] ?? '"');
  return isSecret(text.slice(start, end), name) ? secretAt(name.rule, start, end) : null;
}

function nameAt(text: string, at: number): Name | null {
  NAME.lastIndex = at;
  const [, name = "", quote = "", before = "", sign = "", after = ""] = NAME.exec(text) ?? [];
  const preceding = text.charAt(at - 1);
  const rule = ruleOf(name);
  if (name === "" || (isWorkingDirectory(name) && !/[;?&\s"']/.test(preceding))) return null;
  if (sign === "=" && before === "" && after !== "") return null; // no value, and the next name
  const isText = sign === ":" && quote === "";
  if (isText && !isColonName(rule, preceding)) return null;
  if (isText && after === "" && /^passwd$/i.test(name)) return null; // a package or a file
  return { name, rule, quote, sign, end: NAME.lastIndex };
}

function bareSecret(text: string, name: Name): Secret | null {
  const { quote, sign, rule, end: start } = name;
  const end = bareEnd(text, start);
  const value = text.slice(start, end);
  if (!isSecret(value, name) || (quote !== "" && /^[{[]/.test(value))) return null;
  if (isWorkingDirectory(name.name) && value.startsWith("/")) return null;
  if (sign === ":" && quote === "" && isProse(text, value, end)) return null;
  return secretAt(rule, start, end, sign === ":" ? quote : "");
}

/** A shell's PWD, unless it is a connection string's. */
function isWorkingDirectory(name: string): boolean {
  return /^pwd$/i.test(name);
}

function ruleOf(name: string): string {
  const lower = name.toLowerCase();
  if (lower.startsWith("p")) return "password";
  if (lower.startsWith("secret")) return "secret";
  return lower === "token" ? "token" : "api-key";
}

/** `token: x` is prose (`invalid token: x`) unless it is a part of a name, as in `X-Auth-Token: x`. */
function isColonName(rule: string, before: string): boolean {
  return rule === "password" || rule === "api-key" || before === "-" || before === "_";
}

/** Where a value that began behind `depth` backslashes and a quote ends. */
export function quotedEnd(text: string, from: number, depth: number, quote: string): number {
  let backslashes = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") {
      backslashes += 1;
      continue;
    }
    // Of a string in a string, a quote inside has more backslashes than the one that ends it.
    const isEnd = character === quote && backslashes % (2 * (depth + 1)) === depth;
    if (isEnd) return at - depth;
    backslashes = 0;
  }
  return text.length;
}

const SPACE = /\s/;
const BARE_STOP = /["'`&<]/;
const ESCAPE = /\\{1,8}["'nrt]/y;
/** A comma or semicolon is a part of the value unless the next name or a space follows. */
const NEXT_NAME = /[,;](?:\s|$|[\w.-]{1,64}(?:=|["']?:)|["'{}[\]])/y;

function bareEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (SPACE.test(character) || BARE_STOP.test(character)) break;
    if (character === "\\" && isAt(ESCAPE, text, at)) break;
    if ((character === "," || character === ";") && isAt(NEXT_NAME, text, at)) break;
  }
  while (at > from && /[)\]}>]/.test(text.charAt(at - 1))) at -= 1;
  return at;
}

function isAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

const DIGITS_SHORT = 6;

function isSecret(value: string, { name }: Name): boolean {
  if (value === "" || PLACEHOLDER.test(value)) return false;
  const isCount = /^token$/i.test(name) && /^\d+$/.test(value) && value.length < DIGITS_SHORT;
  return !isCount;
}

/** `password: must be …` says something about one. */
function isProse(text: string, value: string, end: number): boolean {
  return /^[A-Za-z]+$/.test(value) && /^ [a-z]/.test(text.slice(end, end + 2));
}
