/** Texts as services take them: on one line, within a limit, without tags. */

/** White space and what is not shown become single spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").trim();
}

/** At most so many characters (code points), the last an ellipsis where some are left out. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const characters = [...text.slice(0, 2 * (max + 1))];
  if (characters.length <= max) return text;
  return `${characters.slice(0, max - 1).join("")}…`;
}

const ELLIPSIS = Buffer.from("…");

/** At most so many bytes of UTF-8, at whole characters, with an ellipsis where some are left out. */
export function cutBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  let end = Math.max(0, max - ELLIPSIS.length);
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${bytes.subarray(0, end).toString()}…`;
}

/** At most so many bytes as JSON writes it, with its quotes and escapes. */
export function cutJson(source: string, max: number): string {
  let limit = max;
  for (;;) {
    const cut = cutBytes(source, limit);
    const bytes = Buffer.byteLength(JSON.stringify(cut));
    if (bytes <= max) return cut;
    limit = Math.floor((limit * max) / bytes);
  }
}

const ENTITIES = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** HTML without its tags. For a text that is cut, where a tag that stays open would be refused. */
export function plainOfHtml(html: string): string {
  return html.replace(/<[^<>]*>/g, "").replace(/&(#?\w{1,8});/g, (all, name: string) => {
    const [, hex, digits] = /^#(?:x([0-9a-f]+)|(\d+))$/i.exec(name) ?? [];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(digits);
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    return ENTITIES.get(name) ?? all;
  });
}
