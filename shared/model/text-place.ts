/** "line:column" of an index in a text, both from 1; columns count UTF-16 code units. */
export function textPlace(text: string, index: number): string {
  const before = text.slice(0, index);
  return `${before.split("\n").length}:${index - before.lastIndexOf("\n")}`;
}
