import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** Colours are those of the page, which reach into the editor's shadow tree. */
const highlight = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--chart-3)" },
  { tag: [tags.function(tags.variableName), tags.operator], color: "var(--chart-0)" },
  { tag: tags.string, color: "var(--chart-2)" },
  { tag: [tags.number, tags.literal], color: "var(--chart-1)" },
  { tag: tags.labelName, color: "var(--chart-5)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--quiet)", fontStyle: "italic" },
]);

const MONOSPACE = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";

export const editorStyle = [
  syntaxHighlighting(highlight),
  EditorView.theme({
    "&": {
      ...{ backgroundColor: "var(--sheet)", color: "var(--text)", borderRadius: "5px" },
      border: "1px solid var(--quiet)",
    },
    "&.cm-focused": { outline: "2px solid var(--focus)" },
    ".cm-scroller": { fontFamily: MONOSPACE, fontSize: "14px", maxHeight: "30vh" },
    ".cm-content": { padding: "6px 2px", caretColor: "var(--text)" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    ".cm-placeholder": { color: "var(--quiet)" },
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
      background: "color-mix(in srgb, var(--link) 25%, transparent) !important",
    },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--raised)" },
    ".cm-tooltip": {
      ...{ backgroundColor: "var(--sheet)", color: "var(--text)", borderRadius: "5px" },
      border: "1px solid var(--rule)",
    },
    ".cm-tooltip-autocomplete ul": { fontFamily: MONOSPACE, maxHeight: "40vh" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": {
      ...{ backgroundColor: "var(--raised)", color: "var(--text)" },
    },
    ".cm-completionDetail": { color: "var(--quiet)" },
    ".cm-diagnostic": { borderLeft: "4px solid var(--red)" },
    ".cm-refused": { textDecoration: "underline wavy var(--red)" },
  }),
];
