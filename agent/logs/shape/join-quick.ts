/**
 * For most lines one look at their first bytes says that they neither go on with the line before nor
 * begin anything of several lines; the rules of join-state.ts are for the others.
 */

const SPACE = 32;
const TAB = 9;
const COLON = 58;
const POINT = 46;
const SLASH = 47;
const WORD_BYTES_MAX = 200;

const NEITHER = 0;
/** May go on with the line before. */
export const MAY_CONTINUE = 1;
/** May have further lines that look like any other. */
export const MAY_OPEN = 2;

const STARTS = startTable([
  ["Caus", MAY_CONTINUE | MAY_OPEN],
  ["Trac", MAY_CONTINUE | MAY_OPEN],
  ["goro", MAY_CONTINUE | MAY_OPEN],
  ["Stac", MAY_CONTINUE | MAY_OPEN],
  ["Call", MAY_CONTINUE],
  ["PHP ", MAY_CONTINUE | MAY_OPEN],
  ["[sta", MAY_CONTINUE | MAY_OPEN],
  ["pani", MAY_OPEN],
  ["fata", MAY_OPEN],
  ["unex", MAY_OPEN],
  ["thre", MAY_OPEN],
  ["Exce", MAY_OPEN],
  ["Unca", MAY_OPEN],
  ["Unha", MAY_OPEN],
  ["Erro", MAY_OPEN],
]);

/** What the line from `start` to `end` may be, as bits. */
export function lookAtStart(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 4) return end > start && isSpace(bytes[start] ?? 0) ? MAY_CONTINUE : NEITHER;
  const first = bytes[start] ?? 0;
  const letter = first | 32;
  if (letter < 97 || letter > 122) {
    if (isSpace(first) || first === SLASH) return MAY_CONTINUE | MAY_OPEN;
    if (first !== 91) return NEITHER; // [
  }
  const known = STARTS.get(startOf(bytes, start));
  return known ?? (first === 91 ? NEITHER : lookAtWord(bytes, start, end));
}

/** A class with its package, or one whose name says that it is an error's. */
function lookAtWord(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + WORD_BYTES_MAX);
  let hasPoint = false;
  let at = start;
  for (; at < last; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === POINT || byte === SLASH) hasPoint = true;
    else if (byte === SPACE || byte === COLON) break;
  }
  const isError = endsAsError(bytes, start, at);
  return (hasPoint ? MAY_CONTINUE : 0) | (isError ? MAY_OPEN : 0);
}

/** …Exception, …Error, …Throwable, …Failure: by their last three letters. */
function endsAsError(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 5) return false;
  const ending = String.fromCharCode(bytes[end - 3] ?? 0, bytes[end - 2] ?? 0, bytes[end - 1] ?? 0);
  return ending === "ion" || ending === "ror" || ending === "ble" || ending === "ure";
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function startOf(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return (a << 24) | (b << 16) | (c << 8) | d;
}

function startTable(rows: readonly (readonly [string, number])[]): ReadonlyMap<number, number> {
  return new Map(rows.map(([start, bits]) => [startOf(Buffer.from(start), 0), bits]));
}
