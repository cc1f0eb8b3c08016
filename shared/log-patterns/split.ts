// A line is cut into what varies by its form (numbers, times, addresses, ids) and the text around
// it. The form alone decides, not what other lines say, so the same line is always cut alike:
//
// - A run of letters and digits varies when it has a digit. `eth0` and `Package12` keep the word
//   before their number; `7fa3`, `0x1f`, `5ms` and `a64f992` vary as a whole, since what looks like
//   a word before the digits of a hexadecimal number is chance.
// - `.`, `:`, `-`, `/` and `,` between two digits belong to them: dates, times, addresses with
//   ports, versions. So does a sign before them.
// - UUIDs, MAC and IPv6 addresses are recognised as a whole, for their groups may lack a digit.
// - U+0000, which marks the places in the skeleton, is itself one that varies.

export type SplitLine = {
  /** The text with `MARKER` in place of each variable. */
  readonly skeleton: string;
  /** In order of their places. */
  readonly variables: string[];
};

export const MARKER = "\u0000";

/** From here on the rest of a line is its last variable: it is a table, not a sentence. */
const VARIABLES_MAX = 200;

// Kinds of characters, as bits.
const OTHER = 0;
const LETTER = 1;
const HEX_LETTER = 2;
const DIGIT = 4;
const JOINER = 8;
const NUL = 16;
const ALPHANUMERIC = LETTER | HEX_LETTER | DIGIT;

const CLASSES = classes();

/** Lossless: `joinLine` of the result is `text`. */
export function splitLine(text: string): SplitLine {
  const variables: string[] = [];
  const span: Span = { start: 0, end: 0 };
  let skeleton = "";
  let copiedTo = 0;
  while (findVariable(text, copiedTo, span)) {
    if (variables.length === VARIABLES_MAX - 1) span.end = text.length;
    skeleton += text.slice(copiedTo, span.start) + MARKER;
    variables.push(text.slice(span.start, span.end));
    copiedTo = span.end;
  }
  if (copiedTo === 0) return { skeleton: text, variables };
  return { skeleton: skeleton + text.slice(copiedTo), variables };
}

/** The line that `splitLine` cut. */
export function joinLine(skeleton: string, variables: readonly string[]): string {
  let text = "";
  let start = 0;
  for (const variable of variables) {
    const place = skeleton.indexOf(MARKER, start);
    text += skeleton.slice(start, place) + variable;
    start = place + 1;
  }
  return text + skeleton.slice(start);
}

/** `end` is exclusive. */
type Span = { start: number; end: number };

/** The first variable at or behind `from`; false: there is none. */
function findVariable(text: string, from: number, span: Span): boolean {
  for (let i = from; i < text.length; ) {
    switch (classAt(text, i)) {
      case LETTER:
      case HEX_LETTER:
      case DIGIT: {
        const end = variableFrom(text, i, span);
        if (end === FOUND) {
          takeSign(text, from, span);
          return true;
        }
        i = end;
        break;
      }
      case NUL:
        span.start = i;
        span.end = i + 1;
        return true;
      case JOINER: {
        const end = text.charCodeAt(i) === COLON ? ipv6End(text, i) : 0;
        if (end > 0) {
          span.start = i;
          span.end = end;
          return true;
        }
        i += 1;
        break;
      }
      default:
        i += 1;
    }
  }
  return false;
}

const FOUND = -1;
const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;

/** Looks at the run of letters and digits at `start`. @returns FOUND, or where the run ends */
function variableFrom(text: string, start: number, span: Span): number {
  let prefix = OTHER;
  let tail = OTHER;
  let end = start;
  let kind = classAt(text, end);
  for (; (kind & (LETTER | HEX_LETTER)) !== 0; kind = classAt(text, end)) {
    prefix |= kind;
    end += 1;
  }
  const firstDigit = end;
  for (; (kind & ALPHANUMERIC) !== 0; kind = classAt(text, end)) {
    tail |= kind;
    end += 1;
  }
  const addressEnd = ((prefix | tail) & LETTER) === 0 ? groupsEnd(text, start, end) : 0;
  if (addressEnd === 0 && tail === OTHER) return end;
  span.start = tail === DIGIT && (prefix & LETTER) !== 0 ? firstDigit : start;
  span.end = addressEnd > 0 ? addressEnd : joinedEnd(text, end);
  return FOUND;
}

/** Where a variable ends whose first run ends at `runEnd`: further runs may be joined to it. */
function joinedEnd(text: string, runEnd: number): number {
  let end = runEnd;
  while (
    classAt(text, end) === JOINER &&
    classAt(text, end - 1) === DIGIT &&
    classAt(text, end + 1) === DIGIT
  ) {
    end += 1;
    while (isAlphanumeric(classAt(text, end))) end += 1;
  }
  return end;
}

/** A sign belongs to the number behind it, unless it is a hyphen or a dash. */
function takeSign(text: string, from: number, span: Span): void {
  const sign = text.charCodeAt(span.start - 1);
  if ((sign !== MINUS && sign !== PLUS) || span.start - 1 < from) return;
  if (classAt(text, span.start) !== DIGIT) return;
  const isHyphen =
    sign === MINUS &&
    (text.charCodeAt(span.start - 2) === MINUS || isAlphanumeric(classAt(text, span.start - 2)));
  if (!isHyphen) span.start -= 1;
}

/** Where the UUID, MAC or IPv6 address ends whose first group is `start` to `end`; 0: it is none. */
function groupsEnd(text: string, start: number, end: number): number {
  const separator = text.charCodeAt(end);
  if (separator !== COLON && separator !== MINUS) return 0;
  if (separator === MINUS && end - start === 8 && isUuid(text, start)) return start + 36;
  if (end - start === 2 && isMac(text, start, separator)) return start + 17;
  return separator === COLON && end - start <= 4 ? ipv6End(text, start) : 0;
}

function isUuid(text: string, start: number): boolean {
  let groupStart = start;
  for (const length of [8, 4, 4, 4, 12]) {
    if (groupStart > start && text.charCodeAt(groupStart - 1) !== MINUS) return false;
    if (!isHexGroup(text, groupStart, length)) return false;
    groupStart += length + 1;
  }
  return true;
}

function isMac(text: string, start: number, separator: number): boolean {
  for (let group = 0; group < 6; group += 1) {
    const groupStart = start + 3 * group;
    if (group > 0 && text.charCodeAt(groupStart - 1) !== separator) return false;
    if (!isHexGroup(text, groupStart, 2)) return false;
  }
  return true;
}

function isHexGroup(text: string, start: number, length: number): boolean {
  for (let i = start; i < start + length; i += 1) if (!isHexDigit(classAt(text, i))) return false;
  return !isAlphanumeric(classAt(text, start + length));
}

/** RFC 4291 2.2: eight groups, or fewer around one `::`; at least one digit, so no `abc::de`. */
function ipv6End(text: string, start: number): number {
  if (isAlphanumeric(classAt(text, start - 1))) return 0;
  let seen = OTHER;
  let colons = 0;
  let end = start;
  for (let kind = classAt(text, end); (kind & IPV6_KINDS) !== 0; kind = classAt(text, end)) {
    const code = text.charCodeAt(end);
    if (kind === JOINER && code !== COLON && code !== FULL_STOP) break;
    if (code === COLON) colons += 1;
    seen |= kind;
    end += 1;
    if (end - start > IPV6_LENGTH_MAX) return 0;
  }
  if (isAlphanumeric(classAt(text, end)) || (seen & DIGIT) === 0) return 0;
  const hasGap = text.slice(start, end).includes("::");
  return (hasGap && colons <= 8) || colons === 7 ? sentenceEnd(text, end) : 0;
}

/** A colon or a full stop behind an address belongs to the sentence. */
function sentenceEnd(text: string, from: number): number {
  let end = from;
  for (;;) {
    const isColon = text.charCodeAt(end - 1) === COLON && text.charCodeAt(end - 2) !== COLON;
    if (!isColon && text.charCodeAt(end - 1) !== FULL_STOP) return end;
    end -= 1;
  }
}

const IPV6_KINDS = HEX_LETTER | DIGIT | JOINER;
const FULL_STOP = 0x2e;
const IPV6_LENGTH_MAX = 45;

/** OTHER beyond the text's ends. */
function classAt(text: string, index: number): number {
  const code = text.charCodeAt(index); // NaN beyond the ends
  return code < 128 ? (CLASSES[code] as number) : OTHER;
}

function isAlphanumeric(kind: number): boolean {
  return (kind & ALPHANUMERIC) !== 0;
}

function isHexDigit(kind: number): boolean {
  return (kind & (HEX_LETTER | DIGIT)) !== 0;
}

function classes(): Uint8Array {
  const table = new Uint8Array(128);
  for (let code = 0; code < 128; code += 1) {
    const char = String.fromCharCode(code);
    if (/[0-9]/.test(char)) table[code] = DIGIT;
    else if (/[a-fA-F]/.test(char)) table[code] = HEX_LETTER;
    else if (/[g-zG-Z]/.test(char)) table[code] = LETTER;
    else if (/[.:\-/,]/.test(char)) table[code] = JOINER;
    else if (char === MARKER) table[code] = NUL;
  }
  return table;
}
