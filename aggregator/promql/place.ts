/** "PromQL line:column", both from 1; columns count UTF-16 code units. */
export function placeOf(text: string, index: number): string {
  const before = text.slice(0, index);
  const line = before.split("\n").length;
  return `PromQL ${line}:${index - before.lastIndexOf("\n")}`;
}
