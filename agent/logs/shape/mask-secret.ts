/** A stretch of a line that is a secret; `quote` goes around its marker where JSON needs one. */
export type Secret = {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly quote: string;
};

/** The text of a line, one character a byte; `isCut`: what follows was left out. */
export type MaskedText = { readonly text: string; readonly isCut: boolean };

/** The secret that the keyword at `at` says is there; null: there is none. */
export type MaskRule = (line: MaskedText, at: number) => Secret | null;

export function secretAt(rule: string, start: number, end: number, quote = ""): Secret | null {
  return end > start ? { start, end, rule, quote } : null;
}
