import {
  type Document,
  isPair,
  isScalar,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from "yaml";

/** As Alertmanager and its tools write a secret. */
const REDACTED = "<secret>";

/** Below these, values may be secrets. */
const SETTINGS = /^(?:global|tracing|.+_configs)$/;
/** What ends in `_file` is the name of a file. */
const SECRET_KEY =
  /(?:^|_)(?:passwords?|secrets?|tokens?|token_id|keys?|credentials|headers?|params|urls?)$/;
/** Alertmanager's tools read these as URLs: they are shown, without what may be secret in them. */
const SHOWN_URL = /^(?:.+_)?(?:api|app|proxy|token|pagerduty)_url$/;

/**
 * A routing file that was found good, for people and programs that ask: without the values that are or
 * may be secrets, and without its comments, which may hold old ones.
 */
export function redactedText(text: string): string {
  const document = parseDocument(text, { prettyErrors: false, merge: true });
  visit(document, {
    Node: (role, node, ancestors) => {
      node.comment = null;
      node.commentBefore = null;
      if (role === "key") return;
      const keys = ancestors.flatMap((one) => (isPair(one) ? [keyText(one.key)] : []));
      const start = keys.findIndex((key) => SETTINGS.test(key));
      if (start < 0) return;
      if (isSecret(keys.slice(start))) hide(document, node);
      else if (isScalar(node)) hideLogin(node, keys.at(-1) ?? "");
    },
  });
  document.comment = null;
  document.commentBefore = null;
  return document.contents === null ? "" : document.toString({ lineWidth: 0 });
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : "";
}

function isSecret([settings, ...keys]: readonly string[]): boolean {
  const isShown = (key: string) =>
    SHOWN_URL.test(key) && key !== "slack_api_url" && settings !== "slack_configs";
  return keys.some((key) => SECRET_KEY.test(key) && !isShown(key));
}

/** All values below the node, those that it is an alias of too. */
function hide(document: Document, node: Node): void {
  visit(node, {
    Alias: (_, alias) => {
      const target = alias.resolve(document);
      if (target !== undefined) hide(document, target);
    },
    Scalar: (role, scalar) => {
      if (role !== "key") setText(scalar, REDACTED);
    },
  });
}

/** User and password of a URL, and the query of a setting that is one. */
function hideLogin(scalar: Scalar, key: string): void {
  if (typeof scalar.value !== "string") return;
  const shown = scalar.value.replace(/(:\/\/)[^/?#\s]*@/g, "$1");
  const text = SHOWN_URL.test(key) ? shown.replace(/[?#].*$/s, "") : shown;
  if (text !== scalar.value) setText(scalar, text);
}

function setText(scalar: Scalar, text: string): void {
  scalar.value = text;
  scalar.type = "PLAIN";
  delete scalar.source;
}
