import { MESSAGE_KEYS } from "./words.ts";

const KEY_LENGTH_MAX = 40;
const SPACE = 0x20;
const QUOTE = 0x22;
const COLON = 0x3a;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/**
 * Where the quoted value ends that begins at `start`, as in `key="…"` and `"key":"…"`; `start`: it is
 * none, has no end, or its key says what happened.
 */
export function quotedEnd(text: string, start: number): number {
  let before = start - 1;
  if (text.charCodeAt(before) === SPACE) before -= 1;
  const separator = text.charCodeAt(before);
  if (separator !== COLON && separator !== EQUALS) return start;
  if (separator === COLON && text.charCodeAt(before - 1) !== QUOTE) return start;
  if (separator === EQUALS && before !== start - 1) return start;
  const key = separator === COLON ? quotedKey(text, before - 1) : plainKey(text, before);
  if (key === "" || MESSAGE_KEYS.has(key.toLowerCase())) return start;
  for (let end = start + 1; end < text.length; end += 1) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) return end + 1;
    if (code === BACKSLASH) end += 1;
  }
  return start;
}

/** What is before the quote at `end`, back to another one. */
function quotedKey(text: string, end: number): string {
  for (let i = end - 1; i >= 0 && i >= end - KEY_LENGTH_MAX; i -= 1) {
    if (text.charCodeAt(i) === QUOTE) return text.slice(i + 1, end);
  }
  return "";
}

function plainKey(text: string, end: number): string {
  const part = text.slice(Math.max(0, end - KEY_LENGTH_MAX), end);
  return /[\w.-]+$/.exec(part)?.[0] ?? "";
}
