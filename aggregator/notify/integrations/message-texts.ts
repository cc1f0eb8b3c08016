/** The texts of an integration: templates in the places of a tree, read once and expanded for each message. */

import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelPairs, labelsFrom } from "../../../shared/model/labels.ts";
import type { Notification } from "../../model/notification.ts";
import type { MessageContext } from "../templates/notify-templates.ts";
import type { Reading, SendPorts } from "./integration.ts";

/** Expands all texts for a message. @throws OperationalError PARSE, LIMIT */
export type Texts<T> = (notification: Notification, ports: SendPorts) => T;

type Path = readonly (string | number)[];
type Finish = (text: string) => string;
type Expand = (notification: Notification, context: MessageContext) => unknown;

/**
 * Compiles every string in a tree of texts, at any depth; other values stay. Faults are reported at
 * the place in the tree, so that it has the names of the routing file.
 * @param finish what is made of each text but those without an action
 */
export function readTexts<T>(
  reading: Reading,
  tree: T,
  path: Path = [],
  finish: Finish = asItIs,
): Texts<T> {
  return textsOf(reading, treeOf(reading, tree, { path, form: "text", finish }));
}

/** Texts of an entry: its members that have the names of these fields of its schema. */
export function readFields<Raw extends object, Name extends keyof Raw & string>(
  reading: Reading,
  raw: Raw,
  fields: Readonly<Record<Name, unknown>>,
): Texts<Pick<Raw, Name>> {
  const members = Object.entries(raw).filter(([name]) => Object.hasOwn(fields, name));
  return readTexts(reading, Object.fromEntries(members) as Pick<Raw, Name>);
}

/** A text of HTML, in which values are escaped. */
export function readHtml(reading: Reading, source: string, path: Path): Texts<string> {
  return textsOf(reading, textOf(reading, source, { path, form: "html", finish: asItIs }));
}

/**
 * The same as readTexts for parts of a message whose form the user decides. There a text that is one
 * action which ends in `toJson` gives the value of its JSON; all others give a string, so that a
 * label's value never becomes a part of the structure.
 */
export function readValues(reading: Reading, tree: unknown, path: Path): Texts<unknown> {
  return textsOf(reading, treeOf(reading, tree, { path, form: "json", finish: asItIs }));
}

const asItIs: Finish = (text) => text;

function textsOf<T>({ receiver }: Reading, expand: Expand): Texts<T> {
  return (notification, { externalUrl, clock }) =>
    expand(notification, { receiver, externalUrl, nowMs: clock.nowMs() }) as T;
}

type Place = {
  readonly path: Path;
  readonly form: "text" | "html" | "json";
  readonly finish: Finish;
};

function treeOf(reading: Reading, tree: unknown, place: Place): Expand {
  if (typeof tree === "string") return textOf(reading, tree, place);
  if (typeof tree !== "object" || tree === null) return () => tree;
  const below = (key: string | number) => ({ ...place, path: [...place.path, key] });
  if (Array.isArray(tree)) {
    const items = tree.map((item, i) => treeOf(reading, item, below(i)));
    return (notification, context) => items.map((expand) => expand(notification, context));
  }
  const members = Object.entries(tree).map(
    ([key, value]) => [key, treeOf(reading, value, below(key))] as const,
  );
  return (notification, context) =>
    Object.fromEntries(members.map(([key, expand]) => [key, expand(notification, context)]));
}

const GIVES_JSON =
  /^\s*\{\{-?\s*(?:toJson\b(?:(?!\}\}).)*|(?:(?!\}\}).)*\|\s*toJson)\s*-?\}\}\s*$/s;

function textOf(reading: Reading, text: string, { path, form, finish }: Place): Expand {
  if (!text.includes("{{")) return () => text;
  try {
    const template = reading.templates.compile(text, form === "html" ? "html" : "text");
    const takesJson = form === "json" && GIVES_JSON.test(text);
    return (notification, context) => {
      const expanded = template(notification, context);
      return takesJson ? parsedJson(expanded) : finish(expanded);
    };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    reading.report(errorMessage(error), path);
    return () => "";
  }
}

/** @throws OperationalError PARSE */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OperationalError("PARSE", `The template gives no JSON: ${errorMessage(error)}`);
  }
}

/** The tree without members that are "", undefined or an empty list: what a service takes for not set. */
export function withoutEmpty<T extends object>(tree: T): Partial<T> {
  const isSet = (value: unknown) =>
    value !== "" && value !== undefined && !(Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => isSet(value))) as Partial<T>;
}

/**
 * For chats, whose markup can mention people or hide where a link leads: in the values of labels and
 * annotations an invisible space takes the markup apart. What the templates themselves say stays.
 */
export function withoutMarkup(notification: Notification): Notification {
  return {
    ...notification,
    groupLabels: plainLabels(notification.groupLabels),
    alerts: notification.alerts.map((alert) => ({
      ...alert,
      labels: plainLabels(alert.labels),
      annotations: plainLabels(alert.annotations),
    })),
  };
}

/** `<!channel>`, `<@user>`, `<https://…|text>`; `@all` at the start of a word; `[text](url)`; `[~user]`. */
const MARKUP = /<(?=[!@#/\w])|(?<![\w.<])@(?=\w)|\](?=[([])|\[(?=~)/g;

function plainLabels(labels: Labels): Labels {
  return labelsFrom(
    labelPairs(labels).map(([name, value]) => [name, value.replace(MARKUP, "$&\u200b")] as const),
  );
}
