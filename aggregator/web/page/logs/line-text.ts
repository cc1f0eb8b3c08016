/** Log lines as text that can be looked at. Lines are hostile: nothing in them is more than text. Pure. */

const [ESC, CSI, BELL] = ["\u001b", "\u009b", "\u0007"];

/** Escapes of ECMA-48: CSI with its parameters, OSC up to its end, and others of two characters. */
const ESCAPES = new RegExp(
  [
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]`,
    `${ESC}\\][^${BELL}${ESC}]{0,2000}(?:${BELL}|${ESC}\\\\)`,
    `${ESC}[ -~]`,
  ].join("|"),
  "g",
);
/** All but tab and newline. */
const CONTROLS = /(?![\t\n])\p{Cc}/gu;

/** Without colours and moves of a cursor; other control characters have their pictures. */
export function plainText(line: string): string {
  return line
    .replace(/\r\n?/g, "\n")
    .replace(ESCAPES, "")
    .replace(CONTROLS, (char) => {
      const code = char.charCodeAt(0);
      if (code >= 0x80) return "\ufffd";
      return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
    });
}

/** At most so many characters, and whether there are more; no character is cut in two. */
export function clipped(text: string, most: number): { text: string; isClipped: boolean } {
  if (text.length <= most) return { text, isClipped: false };
  const end = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800 ? most - 1 : most;
  return { text: text.slice(0, end), isClipped: true };
}

/** For one row. */
export function oneLine(text: string): string {
  return text.trimEnd().replace(/\s*\n\s*/g, " ↵ ");
}

export type Piece = { readonly text: string; readonly isMatch: boolean };

const PIECES_MAX = 200;

/** The text in pieces, so that those that were looked for can be marked. */
export function pieces(text: string, wanted: readonly string[]): readonly Piece[] {
  const needles = wanted.filter((one) => one !== "");
  const found: Piece[] = [];
  let at = 0;
  while (found.length < PIECES_MAX) {
    let [next, length] = [-1, 0];
    for (const needle of needles) {
      const place = text.indexOf(needle, at);
      if (place !== -1 && (next === -1 || place < next)) [next, length] = [place, needle.length];
    }
    if (next === -1) break;
    if (next > at) found.push({ text: text.slice(at, next), isMatch: false });
    found.push({ text: text.slice(next, next + length), isMatch: true });
    at = next + length;
  }
  if (at < text.length || found.length === 0) found.push({ text: text.slice(at), isMatch: false });
  return found;
}
