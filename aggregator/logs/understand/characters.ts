/** Character codes and their kinds; each is false for NaN, which is what lies beyond the end. */
export const [TAB, ESCAPE, SPACE, QUOTE, APOSTROPHE, OPEN_ROUND, CLOSE_ROUND] = [
  9, 27, 32, 34, 39, 40, 41,
] as const;
export const [PLUS, COMMA, MINUS, DOT, SLASH, ZERO, COLON, SEMICOLON] = [
  43, 44, 45, 46, 47, 48, 58, 59,
] as const;
export const [LESS, EQUALS, GREATER, OPEN_SQUARE, BACKSLASH, CLOSE_SQUARE, UNDERSCORE] = [
  60, 61, 62, 91, 92, 93, 95,
] as const;
export const [OPEN, BAR, CLOSE] = [123, 124, 125] as const;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= 57;
}

export function isUpper(code: number): boolean {
  return code >= 65 && code <= 90;
}

/** Of ASCII. */
export function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

export function isWordCode(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === UNDERSCORE;
}

export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
