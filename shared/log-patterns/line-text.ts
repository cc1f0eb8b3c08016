/** What is beyond it tells no two patterns apart, in UTF-16 units. */
const LENGTH_MAX = 2048;
/** A line that is cut is cut at a space, if there is one in its last characters. */
const WORD_LENGTH_MAX = 200;

/** The part of a line that says what kind of line it is: its first line, without colours, cut. */
export function patternText(line: string): string {
  let text = line.length > 2 * LENGTH_MAX ? line.slice(0, 2 * LENGTH_MAX) : line;
  const newline = text.indexOf("\n", 1);
  if (newline > 0) text = text.slice(0, newline);
  if (text.includes(ESCAPE)) text = text.replace(ANSI, "");
  if (text.length <= LENGTH_MAX) return text;
  const space = text.lastIndexOf(" ", LENGTH_MAX);
  const end = space > LENGTH_MAX - WORD_LENGTH_MAX ? space : LENGTH_MAX;
  return text.slice(0, isHighSurrogate(text.charCodeAt(end - 1)) ? end - 1 : end);
}

const ESCAPE = "\u001b";
/** ECMA-48 5.4: control sequences. */
const ANSI = new RegExp(`${ESCAPE}\\[[0-?]*[ -/]*[@-~]`, "g");

/** The first half of a character outside the basic plane. */
function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
