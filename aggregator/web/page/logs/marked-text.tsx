import { pieces } from "./line-text.ts";
import type { LogQuestion } from "./log-question.ts";

/** The text, with what was looked for marked in it. */
export function MarkedText({ text, question }: { text: string; question: LogQuestion }) {
  const wanted = question.filters.filter(({ op }) => op === "|=").map((one) => one.text);
  return (
    <>
      {pieces(text, wanted).map((piece, i) =>
        piece.isMatch ? <mark key={i}>{piece.text}</mark> : piece.text,
      )}
    </>
  );
}
