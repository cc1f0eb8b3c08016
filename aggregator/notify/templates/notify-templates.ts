/** Texts of receivers: Go templates, with Alertmanager's data and functions. */

import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import type { Notification } from "../../model/notification.ts";
import type { TemplateValue } from "../../template/go-format.ts";
import { HtmlEscaper } from "../../template/html-escaper.ts";
import { type Definition, parseTemplate, type TemplateNames } from "../../template/parse.ts";
import { compileTemplate, type Definitions, renderTemplate } from "../../template/template.ts";
import { DEFAULT_TEMPLATES } from "./default-templates.ts";
import {
  HTML_FUNCTIONS,
  MESSAGE_FUNCTIONS,
  MESSAGE_OUTPUT_MAX,
  timedFunctions,
} from "./message-functions.ts";
import { MESSAGE_METHODS, messageValue } from "./message-values.ts";

export type MessageContext = {
  readonly receiver: string;
  readonly externalUrl: string;
  readonly nowMs: number;
};

/** @throws OperationalError PARSE or LIMIT when it cannot be expanded for this notification */
type MessageTemplate = (notification: Notification, context: MessageContext) => string;

/** The templates that ship with Telltale, and over them those of the users' files. */
export type NotifyTemplates = {
  /**
   * A text of the configuration. `html`: what is not written in the template is escaped.
   * @throws OperationalError PARSE with line and column in the text
   */
  compile(text: string, form: "text" | "html"): MessageTemplate;
};

export type TemplateFile = { readonly path: string; readonly text: string };

const NAMES: TemplateNames = {
  variables: ["$"],
  functions: new Map([...MESSAGE_FUNCTIONS, ...timedFunctions(0)]),
  unsupported: new Set(["call"]),
  methods: MESSAGE_METHODS,
};

/**
 * Of a name that several files define the last definition stands. What a file says outside of
 * definitions is not used, as in Alertmanager.
 * @throws OperationalError PARSE with the file, line and column
 */
export function compileTemplates(files: readonly TemplateFile[]): NotifyTemplates {
  const definitions = new Map(defaultDefinitions());
  for (const file of files) define(parseFile(file), definitions);
  const rootOf = rememberedRoots();
  return {
    compile: (text, form) => {
      const template = compileTemplate(text, NAMES, definitions);
      return (notification, context) => {
        const root = rootOf(notification, context);
        const isHtml = form === "html";
        const functions = new Map([
          ...timedFunctions(context.nowMs),
          ...(isHtml ? HTML_FUNCTIONS : []),
        ]);
        const run = isHtml ? { functions, escaper: new HtmlEscaper() } : { functions };
        try {
          return renderTemplate(template, [["$", root]], MESSAGE_OUTPUT_MAX, run);
        } catch (error) {
          throw expansionFault(error);
        }
      };
    },
  };
}

let parsedDefaults: Definitions | null = null;

/** They are the same in every configuration, and take longer to parse than all else in most. */
function defaultDefinitions(): Definitions {
  if (parsedDefaults !== null) return parsedDefaults;
  const definitions = new Map<string, Definition>();
  for (const text of DEFAULT_TEMPLATES) define(parseTemplate(text, NAMES).definitions, definitions);
  parsedDefaults = definitions;
  return definitions;
}

/** A message has many texts, which share a root: of thousands of alerts it is large. */
function rememberedRoots() {
  type Root = { readonly receiver: string; readonly externalUrl: string; value: TemplateValue };
  const roots = new WeakMap<Notification, Root>();
  return (notification: Notification, { receiver, externalUrl }: MessageContext) => {
    const known = roots.get(notification);
    if (known?.receiver === receiver && known.externalUrl === externalUrl) return known.value;
    const value = messageValue(notification, receiver, externalUrl);
    roots.set(notification, { receiver, externalUrl, value });
    return value;
  };
}

function parseFile({ path, text }: TemplateFile): Definitions {
  try {
    return parseTemplate(text, NAMES).definitions;
  } catch (cause) {
    if (!(cause instanceof OperationalError)) throw cause;
    throw new OperationalError("PARSE", `${path}: ${errorMessage(cause)}`, { cause });
  }
}

/** One that is empty stands over none: so it is in Go. */
function define(found: Definitions, definitions: Map<string, Definition>): void {
  for (const [name, definition] of found) {
    const isEmpty = definition.nodes.every(({ kind, ...node }) => {
      return kind === "text" && "text" in node && node.text.trim() === "";
    });
    if (!isEmpty || !definitions.has(name)) definitions.set(name, definition);
  }
}

/** A pattern, too, is only a part of a template. */
function expansionFault(error: unknown): unknown {
  if (!(error instanceof OperationalError) || error.code !== "QUERY") return error;
  return new OperationalError("PARSE", error.message, { cause: error });
}
