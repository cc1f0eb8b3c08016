import { autocompletion, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewline } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { editorStyle } from "./editor-style.ts";
import type { QueryLanguage } from "./explore-address.ts";
import { logqlSupport } from "./logql-support.ts";
import { promqlSupport } from "./promql-support.ts";
import { markRefused, refusedPlace } from "./refused-place.ts";

export type EditorOptions = {
  readonly language: QueryLanguage;
  readonly query: string;
  /** What the field is called. */
  readonly label: string;
  readonly onChange: (query: string) => void;
  readonly onRun: () => void;
};

export type Editor = {
  setQuery(query: string): void;
  /** @param place an offset into the query; null: nothing is wrong */
  markProblem(place: number | null): void;
  close(): void;
};

/**
 * A field for a query. It stands in a shadow tree: there CodeMirror's styles are adopted sheets, which a
 * policy without `unsafe-inline` lets through; in a document they would be style elements.
 */
export function openEditor(host: HTMLElement, options: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const gone = new AbortController();
  const view = new EditorView({ parent: root, root, state: stateOf(options, gone.signal) });
  return {
    setQuery: (query) => {
      if (view.state.doc.toString() === query) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: query } });
    },
    markProblem: (place) => view.dispatch({ effects: markRefused.of(place) }),
    close: () => {
      gone.abort();
      view.destroy();
    },
  };
}

function stateOf({ language, query, label, onChange, onRun }: EditorOptions, gone: AbortSignal) {
  const run = () => {
    onRun();
    return true;
  };
  return EditorState.create({
    doc: query,
    extensions: [
      history(),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ icons: false, maxRenderedOptions: 100 }),
      keymap.of([
        ...closeBracketsKeymap,
        { key: "Mod-Enter", run },
        { key: "Enter", run, shift: insertNewline },
        ...defaultKeymap,
        ...historyKeymap,
        ...lintKeymap,
      ]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) onChange(state.doc.toString());
      }),
      refusedPlace,
      editorStyle,
      language === "promql" ? promqlSupport(gone) : logqlSupport(gone),
    ],
  });
}
