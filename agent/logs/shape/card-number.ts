/**
 * Numbers of payment cards: ISO/IEC 7812, by the ranges of the issuers that exist and the check digit
 * (Luhn). Written in one piece, or in groups that a space or hyphen parts as it is printed on cards.
 */

const SPACE = 32;
const HYPHEN = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const DIGITS_MIN = 14;
/** Two samples that follow each other are in every number. */
const SAMPLE_BYTES = DIGITS_MIN / 2;
const DIGITS_MAX = 19;
/** By byte, 1 for what a printed number is made of. */
const OF_NUMBER = new Uint8Array(256).fill(1, ZERO, NINE + 1).fill(1, SPACE, SPACE + 1);
OF_NUMBER[HYPHEN] = 1;
/** Digits in the groups of a printed number. */
const GROUPINGS: readonly (readonly number[])[] = [
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
];

export class CardFinder {
  /** Where the number that was found last ends. */
  end = 0;

  /** Where the next card number begins in [from, end); -1: there is none. */
  next(bytes: Uint8Array, from: number, end: number): number {
    let isBefore = false;
    let done = from;
    for (let at = from; at < end; at += SAMPLE_BYTES) {
      const isIn = isOfNumber(bytes[at] ?? 0);
      if (isIn && isBefore && at >= done) {
        let start = at;
        while (start > done && isOfNumber(bytes[start - 1] ?? 0)) start -= 1;
        done = runEnd(bytes, start, end);
        // Mostly it is a date or a time, which has fewer digits.
        const isLong = done - start >= DIGITS_MIN && digitCount(bytes, start, done) >= DIGITS_MIN;
        const card = isLong ? cardIn({ bytes, start: from, end }, start) : null;
        if (card !== null) {
          this.end = card.end;
          return card.start;
        }
      }
      isBefore = isIn;
    }
    return -1;
  }
}

function runEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && isOfNumber(bytes[at] ?? 0)) at += 1;
  return at;
}

function digitCount(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at += 1) if (isDigit(bytes[at] ?? 0)) count += 1;
  return count;
}

function isOfNumber(byte: number): boolean {
  return OF_NUMBER[byte] === 1;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

type Stretch = { readonly start: number; readonly end: number };
/** What lies outside may be looked at by nobody. */
type Text = Stretch & { readonly bytes: Uint8Array };

/** In the run of digits, spaces and hyphens from `from` on; null: there is none. */
function cardIn(text: Text, from: number): Stretch | null {
  const { bytes } = text;
  let list: Stretch[] = [];
  let at = from;
  while (at < text.end && isOfNumber(bytes[at] ?? 0)) {
    let end = at;
    while (end < text.end && isDigit(bytes[end] ?? 0)) end += 1;
    if (end === at) {
      at += 1;
      continue;
    }
    const group = { start: at, end };
    if (end - at >= DIGITS_MIN && isCard(text, [group])) return group;
    if (!followsOn(bytes, list, group)) {
      const card = printed(text, list);
      if (card !== null) return card;
      list = [];
    }
    list.push(group);
    at = end;
  }
  return printed(text, list);
}

/** Whether the same single separator stands before `group` as between those of the list. */
function followsOn(bytes: Uint8Array, list: readonly Stretch[], group: Stretch): boolean {
  const [first, second] = list;
  const before = list.at(-1);
  if (first === undefined || before === undefined || group.start !== before.end + 1) return false;
  return second === undefined || bytes[second.start - 1] === bytes[group.start - 1];
}

/** The list has to be one number and no more: four columns of a table are not, one of them less. */
function printed(text: Text, list: readonly Stretch[]): Stretch | null {
  const isPrinted = GROUPINGS.some(
    (sizes) =>
      sizes.length === list.length &&
      sizes.every((size, i) => size === (list[i]?.end ?? 0) - (list[i]?.start ?? 0)),
  );
  if (!isPrinted || !isCard(text, list)) return null;
  return { start: list[0]?.start ?? 0, end: list.at(-1)?.end ?? 0 };
}

function isCard(text: Text, groups: readonly Stretch[]): boolean {
  const start = groups[0]?.start ?? 0;
  const end = groups.at(-1)?.end ?? 0;
  if (end - start > DIGITS_MAX + 3 || !isAlone(text, start, end)) return false;
  const digits: number[] = [];
  for (const group of groups) {
    for (let i = group.start; i < group.end; i += 1) digits.push((text.bytes[i] ?? 0) - ZERO);
  }
  return isIssued(digits) && hasCheckDigit(digits);
}

/** Not a part of a word, a decimal or a longer number. */
function isAlone({ bytes, start, end }: Text, from: number, to: number): boolean {
  const before = from > start ? bytes[from - 1] : undefined;
  const after = to < end ? bytes[to] : undefined;
  if (isWord(before ?? 0) || before === POINT || isWord(after ?? 0)) return false;
  return !(after === POINT && to + 1 < end && isDigit(bytes[to + 1] ?? 0));
}

function isWord(byte: number): boolean {
  const letter = byte | 32;
  return isDigit(byte) || byte === 95 || (letter >= 97 && letter <= 122) || byte >= 128;
}

/** Whether an issuer gives out numbers that begin so and have that many digits. */
function isIssued(digits: readonly number[]): boolean {
  const count = digits.length;
  const four = digits.slice(0, 4).reduce((value, digit) => value * 10 + digit, 0);
  const two = Math.floor(four / 100);
  const three = Math.floor(four / 10);
  if (count === 15) return two === 34 || two === 37; // American Express
  if (count === 14) return two === 36 || two === 38 || (three >= 300 && three <= 305); // Diners
  if (two === 62) return count >= 16; // UnionPay
  if (count !== 16) return false;
  const isVisa = four >= 4000 && four <= 4999;
  const isMastercard = (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720);
  const isDiscover = four === 6011 || (three >= 644 && three <= 659);
  const isJcb = four >= 3528 && four <= 3589;
  return isVisa || isMastercard || isDiscover || isJcb;
}

function hasCheckDigit(digits: readonly number[]): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits[digits.length - 1 - i] ?? 0;
    const doubled = digit * 2;
    if (i % 2 === 0) sum += digit;
    else sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && digits.some((digit) => digit !== digits[0]);
}
