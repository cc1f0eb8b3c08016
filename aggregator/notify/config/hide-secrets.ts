/** An entry of a routing file as it may be shown: what is made of it holds no secret but its URLs. */

import { isHttpUrl } from "./read-secret.ts";

type Test = (text: string) => boolean;

/** What stands for a secret. */
export const HIDDEN = "<secret>";

/** Wider than what an answer of the API hides: a key of the user's own may have any name. */
const SECRET_KEY = /pass|pwd|secret|token|key|credential|auth/i;
const URL_KEY = /urls?$/i;
/** Below these, what is no template may be a token, under whatever name. */
const OWN_REQUEST = /^(?:form|json|payload)$/;
/** An action of a template; what stands around it is the user's own text. */
const ACTION = /(\{\{.*?\}\})/s;
/** In such a text: `token=…`, `"apiKey": "…"`, `Bearer …`, and the login of a URL. */
const NAMED =
  /((?:pass(?:word|wd|phrase)?|pwd|secret|token|key|credentials?|auth(?:orization)?)["']?\s*[:=]\s*["']?)(?!(?:Bearer|Basic)\b)[^\s"',;&<>{}]+/gi;
const SCHEME = /\b(Bearer|Basic)(\s+)[^\s"',;&<>{}]+/gi;
const LOGIN = /(:\/\/)[^/?#\s@"']+@/g;

const isNone: Test = () => false;
const isSet: Test = (text) => text !== "";
const isConstant: Test = (text) => !text.includes("{{");

/**
 * The value with another text in place of each secret. The URLs that a request goes to stay, because a
 * kind may need their form: whoever shows a request shows no more than its host.
 */
export function hideSecrets<T extends object>(value: T): T {
  const entries = Object.entries(value).map(([key, item]) => {
    if (URL_KEY.test(key)) return [key, item];
    return [key, hidden(item, testBelow(key, isNone))];
  });
  return Object.fromEntries(entries) as T;
}

function hidden(value: unknown, isSecret: Test): unknown {
  if (typeof value === "string") return isSecret(value) ? HIDDEN : withoutNamed(value);
  if (Array.isArray(value)) return value.map((item) => hidden(item, isSecret));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => {
    return [key, hidden(item, testBelow(key, isSecret))];
  });
  return Object.fromEntries(entries);
}

/** A text without the secrets that it names in its own words. */
function withoutNamed(text: string): string {
  const parts = text.split(ACTION).map((part, i) => {
    if (i % 2 === 1) return part;
    return part
      .replace(NAMED, `$1${HIDDEN}`)
      .replace(SCHEME, `$1$2${HIDDEN}`)
      .replace(LOGIN, `$1${HIDDEN}@`);
  });
  return parts.join("");
}

function testBelow(key: string, around: Test): Test {
  if (SECRET_KEY.test(key)) return isSet;
  return OWN_REQUEST.test(key) || URL_KEY.test(key) ? isConstant : around;
}

/** Of a file: a URL stays, as above. */
export function hiddenText(text: string): string {
  return text.trim() === "" || isHttpUrl(text.trim()) ? text : HIDDEN;
}
