import { isWord } from "./merge.ts";
import { MARKER } from "./split.ts";

/** The same for the same tokens: none has a space. */
export function keyOf(texts: readonly string[]): string {
  return texts.join(" ");
}

/** The same for the same number of tokens with the same punctuation. */
export function shapeOf(texts: readonly string[]): string {
  let key = "";
  for (const text of texts) key += text === MARKER || isWord(text) ? "w" : text;
  return key;
}

export function masked(texts: readonly string[], mask: readonly number[]): string[] {
  const copy = [...texts];
  for (const position of mask) copy[position] = MARKER;
  return copy;
}
