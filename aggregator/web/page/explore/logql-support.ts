import type { CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { StreamLanguage, type StringStream } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { nowMs } from "../browser.ts";
import { loadLabelNames, loadLabelValues } from "../logs/log-requests.ts";
import { selectorText } from "../logs/selector.ts";
import { AGGREGATIONS, KEYWORDS, logqlPlace, RANGE_FUNCTIONS, STAGES } from "./logql-words.ts";

/** Labels that are offered are those of the last hours. */
const LOOKBACK_MS = 6 * 3_600_000;

const FUNCTIONS = new Set([...AGGREGATIONS, ...RANGE_FUNCTIONS]);
const NAMED = new Set([...KEYWORDS, ...STAGES]);

/** Highlights and completes LogQL; what is wrong with it the aggregator says. */
export function logqlSupport(signal: AbortSignal): Extension {
  return [
    logql,
    logql.data.of({ autocomplete: (context: CompletionContext) => complete(context, signal) }),
    logql.data.of({ closeBrackets: { brackets: ["(", "[", "{", '"', "`"] } }),
  ];
}

const logql = StreamLanguage.define({ name: "logql", token: (stream) => tokenOf(stream) });

/** The kind of the next token, in the names of the editor's own languages. */
function tokenOf(stream: StringStream): string | null {
  if (stream.eatSpace()) return null;
  if (stream.match(/^#.*/)) return "comment";
  if (stream.match(/^(?:"(?:[^"\\]|\\.)*"?|`[^`]*`?)/)) return "string";
  if (stream.match(/^\d[\w.]*/)) return "number";
  if (stream.match(/^[A-Za-z_]\w*/)) {
    const word = stream.current();
    if (FUNCTIONS.has(word)) return "function";
    return NAMED.has(word) ? "keyword" : "labelName";
  }
  if (stream.match(/^(?:\|[=~>]|![=~>]|=~|[<>=]=?|\|)/)) return "operator";
  stream.next();
  return null;
}

async function complete(
  context: CompletionContext,
  signal: AbortSignal,
): Promise<CompletionResult | null> {
  const place = logqlPlace(context.state.sliceDoc(0, context.pos));
  const span = { fromMs: nowMs() - LOOKBACK_MS, toMs: nowMs() };
  try {
    switch (place.kind) {
      case "label":
        return offered(place.from, await loadLabelNames(span, signal), "property");
      case "value": {
        const values = await loadLabelValues(place.name, selectorText([]), span, signal);
        return offered(place.from, values, "text");
      }
      case "stage":
        return offered(place.from, STAGES, "keyword");
      case "word":
        return offered(place.from, [...FUNCTIONS, ...KEYWORDS], "function");
      case "nothing":
        return null;
    }
  } catch {
    return null; // nothing is offered then
  }
}

function offered(from: number, labels: readonly string[], type: string): CompletionResult {
  return { from, options: labels.map((label) => ({ label, type })), validFor: /^[\w.\-/:]*$/ };
}
