import type { Keyword } from "./keyword-finder.ts";
import { maskPair, PLACEHOLDER, quotedEnd } from "./mask-pair.ts";
import { type MaskedText, type MaskRule, type Secret, secretAt } from "./mask-secret.ts";

/**
 * What is masked without configuration, and how it is recognised. A keyword is found in any case;
 * its rule then decides from the text around it. Every pattern here is sticky and has no part that
 * can match in two ways, so that its time is linear.
 */

type KeywordRule = Keyword & {
  readonly rule: MaskRule;
  /** It looks at one word, so it may be asked inside of a secret, which it may make longer. */
  readonly isShort: boolean;
};

export function keywordRules(): readonly KeywordRule[] {
  return [...PAIRS, ...AUTHORIZATION, ...TOKENS].map(([text, at, rule]) => {
    return { text, at, rule, isShort: SHORT.includes(rule) };
  });
}

type Row = readonly [text: string, at: number, rule: MaskRule];

const PAIRS: readonly Row[] = [
  ["password", 2, maskPair],
  ["passwd", 2, maskPair],
  ["passphrase", 3, maskPair],
  ["pwd=", 0, maskPair],
  ["secret", 1, maskPair],
  ["token", 0, maskPair],
  ["api_key", 2, maskPair],
  ["api-key", 2, maskPair],
  ["apikey", 1, maskPair],
  ["accountkey", 5, maskPair],
];

const AUTHORIZATION: readonly Row[] = [
  ["authorization", 3, authorizationHeader],
  ["bearer", 0, bearer],
  ["basic ", 1, basic],
];

const TOKENS: readonly Row[] = [
  [".eyj", 0, jsonWebToken],
  ["akia", 0, prefixed("aws-key", "AKIA", "[A-Z0-9]", 16)],
  ["asia", 0, prefixed("aws-key", "ASIA", "[A-Z0-9]", 16)],
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map(
    (prefix): Row => [prefix, 0, prefixed("github-token", prefix, "\\w", 20)],
  ),
  ["github_pat_", 5, prefixed("github-token", "github_pat_", "\\w", 20)],
  ...["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glsoat-"].map(
    (prefix): Row => [prefix, 0, prefixed("gitlab-token", prefix, "[\\w.-]", 16)],
  ),
  ...["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"].map(
    (prefix): Row => [prefix, 0, prefixed("slack-token", prefix, "[\\w.-]", 10)],
  ),
  ["xoxe.xox", 0, prefixed("slack-token", "xoxe.xox", "[\\w-]", 10)],
  ["xapp-", 0, prefixed("slack-token", "xapp-", "[\\w-]", 10)],
  ["hooks.slack.com/services/", 4, slackHook],
  ["sk_live_", 1, prefixed("stripe-key", "sk_live_", "[A-Za-z0-9]", 10)],
  ["rk_live_", 1, prefixed("stripe-key", "rk_live_", "[A-Za-z0-9]", 10)],
  ["sk_test_", 1, prefixed("stripe-key", "sk_test_", "[A-Za-z0-9]", 10)],
  ["rk_test_", 1, prefixed("stripe-key", "rk_test_", "[A-Za-z0-9]", 10)],
  ["whsec_", 0, prefixed("stripe-key", "whsec_", "[A-Za-z0-9+/=]", 16)],
  ["aiza", 0, prefixed("google-key", "AIza", "[\\w-]", 35)],
  ["ya29.", 0, prefixed("google-key", "ya29.", "[\\w.-]", 20)],
  ["sk-ant-", 0, prefixed("api-key", "sk-ant-", "[\\w-]", 16)],
  ["sk-proj-", 0, prefixed("api-key", "sk-proj-", "[\\w-]", 16)],
];

const SHORT: readonly MaskRule[] = [bearer, basic, jsonWebToken, slackHook];

/** Keys with a public prefix, in its own case; one that the end of a cut line cuts off counts, too. */
function prefixed(rule: string, prefix: string, characters: string, countMin: number): MaskRule {
  const escaped = prefix.replaceAll(".", "\\.");
  const whole = new RegExp(`${escaped}${characters}{${countMin},}`, "y");
  const cut = new RegExp(`${escaped}${characters}*$`, "y");
  return ({ text, isCut }, at) => {
    if (at > 0 && /[A-Za-z0-9]/.test(text.charAt(at - 1)) && !isEscape(text, at - 1)) return null;
    const end = endOf(whole, text, at) ?? (isCut ? endOf(cut, text, at) : null);
    return end === null ? null : secretAt(rule, at, end);
  };
}

/** The `n` of a `\n` that stands in JSON. */
function isEscape(text: string, at: number): boolean {
  return text.charAt(at - 1) === "\\" && /[nrtbf]/.test(text.charAt(at));
}

function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

const SLACK_PATH = /[\w/-]+/y;

function slackHook({ text }: MaskedText, at: number): Secret | null {
  const start = at + "hooks.slack.com/services/".length;
  return secretAt("slack-token", start, endOf(SLACK_PATH, text, start) ?? start);
}

const TOKEN_PART = /[\w-]*/y;
/** A header with a chain of certificates is long. */
const HEADER_CHARACTERS_MAX = 16 * 1024;

/** RFC 7519: parts in base64url, header and payload of which begin with `{"`, that is, `eyJ`. */
function jsonWebToken({ text }: MaskedText, at: number): Secret | null {
  if (!text.startsWith(".eyJ", at)) return null;
  let start = at;
  while (start > Math.max(0, at - HEADER_CHARACTERS_MAX) && /[\w-]/.test(text.charAt(start - 1))) {
    start -= 1;
  }
  const header = text.slice(start, at).indexOf("eyJ");
  if (header < 0) return null;
  let end = endOf(TOKEN_PART, text, at + 1) ?? at;
  if (text.charAt(end) === ".") end = endOf(TOKEN_PART, text, end + 1) ?? end;
  return secretAt("jwt", start + header, end);
}

const HEADER = /authorization\\{0,8}["']?\s{0,2}(?:=>|[:=])[\s[]{0,3}(?:(\\{0,8})(["']))?/iy;
const SCHEME =
  /(?:bearer|basic|token|negotiate|ntlm|api-?key|key|(digest|hawk|oauth|aws4-hmac-sha256))(?:\s|%20|\+){1,4}/iy;
const CREDENTIAL = /[^\s"',;\\&<>]+/y;
/** Without a scheme, a word of prose has no digit and is not as long as that. */
const BARE_CHARACTERS_MIN = 8;
const BARE_CHARACTERS_MAX = 256;
const CREDENTIAL_START = /[^\s"',;\\&<>]{1,256}/y;

/** RFC 9110, 11.6.2: a scheme and a credential, or with some schemes parameters up to the end. */
function authorizationHeader({ text }: MaskedText, at: number): Secret | null {
  HEADER.lastIndex = at;
  const header = HEADER.exec(text);
  if (header === null) return null;
  const begin = HEADER.lastIndex;
  const [, backslashes = "", quote] = header;
  SCHEME.lastIndex = begin;
  const scheme = SCHEME.exec(text);
  const start = begin + (scheme?.[0].length ?? 0);
  if (scheme?.[1] !== undefined) {
    const end =
      quote === undefined ? text.length : quotedEnd(text, start, backslashes.length, quote);
    return secretAt("authorization", start, end);
  }
  const value = text.slice(start, endOf(CREDENTIAL_START, text, start) ?? start);
  const isLong = value.length === BARE_CHARACTERS_MAX;
  const isWord = value.length < BARE_CHARACTERS_MIN || !(isLong || /\d/.test(value));
  if (PLACEHOLDER.test(value) || (scheme === null && isWord)) return null;
  return secretAt("authorization", start, endOf(CREDENTIAL, text, start) ?? start);
}

const BEARER = /bearer(?:\s|%20|\+){1,4}([\w.~+/=-]{16,})/iy;

/** Outside of a header the word may be prose: a token is long and has a digit. */
function bearer({ text }: MaskedText, at: number): Secret | null {
  BEARER.lastIndex = at;
  const token = BEARER.exec(text)?.[1];
  if (token === undefined || !/\d/.test(token)) return null;
  return secretAt("authorization", BEARER.lastIndex - token.length, BEARER.lastIndex);
}

const BASIC = /basic ([A-Za-z0-9+/]{6,}={0,2})/iy;

/** RFC 7617: base64 of `user:password`; the word alone may be prose. */
function basic({ text }: MaskedText, at: number): Secret | null {
  BASIC.lastIndex = at;
  const token = BASIC.exec(text)?.[1];
  if (token === undefined) return null;
  const plain = Buffer.from(token.slice(0, 1024), "base64").toString("latin1");
  if (!/^[\x20-\x7e\x80-\xff]*:/.test(plain)) return null;
  return secretAt("authorization", BASIC.lastIndex - token.length, BASIC.lastIndex);
}
