import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView } from "@codemirror/view";

/** Marks where the aggregator says that a query is wrong; null: nowhere. */
export const markRefused = StateEffect.define<number | null>();

const MARK = Decoration.mark({ class: "cm-refused" });

/** The mark stays until the query is another one. */
export const refusedPlace = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, { docChanged, effects, newDoc }) => {
    for (const effect of effects) {
      if (!effect.is(markRefused)) continue;
      if (effect.value === null || newDoc.length === 0) return Decoration.none;
      // At the end of the text there is nothing to underline but what stands before.
      const from = Math.min(effect.value, newDoc.length - 1);
      const [word = " "] = /^\w+/.exec(newDoc.sliceString(from, from + 100)) ?? [];
      return Decoration.set([MARK.range(from, Math.min(newDoc.length, from + word.length))]);
    }
    return docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});
