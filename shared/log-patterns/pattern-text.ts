import { MARKER, mixed } from "./split.ts";

/** As people read it: `<*>` for what varies, and for a header. */
export function joinTemplate(
  texts: readonly string[],
  gaps: readonly boolean[],
  hasHeader: boolean,
): string {
  let template = hasHeader ? "<*>" : "";
  texts.forEach((text, i) => {
    if ((gaps[i] === true || i === 0) && template !== "") template += " ";
    template += text === MARKER ? "<*>" : text;
  });
  return template;
}

/** 64 bits of the text as 16 hexadecimal digits: the same text has the same id everywhere. */
export function patternId(text: string): string {
  let high = 0x9e3779b9;
  let low = 0x85ebca6b;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
    low ^= low >>> 15;
  }
  return hex(mixed(high ^ text.length)) + hex(mixed(low ^ high));
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
