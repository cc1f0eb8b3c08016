import fc from "fast-check";
import { expect, test } from "vitest";
import { numberAt } from "../../../agent/exposition/number-at.ts";
import { parseGoNumber } from "../../../shared/model/go-number.ts";

function numberOf(text: string): number | null {
  const bytes = Buffer.from(`9${text}9`);
  return numberAt(bytes, 1, bytes.length - 1);
}

function sameAsText(text: string): void {
  expect(numberOf(text), text).toBe(parseGoNumber(text));
}

test.each([
  ["0", "-0", "+7", "1.", ".5", "-.5", ".", "-", "+", "", "1.2.3"],
  ["e5", "1e", "1e+", "1e5", "1E-05"],
  ["9007199254740992", "9007199254740993", "90071992547409930", "1e22", "1e23", "1e-22", "1e-23"],
  ["0.1", "123456.789", "0.013300656000000001", "1.7e+09", "1e308", "1e309", "5e-324", "1e-400"],
  ["0".repeat(50), `${"0".repeat(50)}1.2e-1`, "1".repeat(400), `0.${"0".repeat(400)}1`],
  ["NaN", "+Inf", "-inf", "0x1p-2", "0x10", "1_0", "1e+1x", "1 ", "١"],
])("numbers are those that a text gives: %s …", (...texts) => {
  for (const text of texts) sameAsText(text);
});

test("any double as it is written, and any such word", () => {
  const word = fc.stringMatching(/^[+-]?[0-9]{0,20}\.?[0-9]{0,20}(?:[eE][+-]?[0-9]{1,3})?$/);
  fc.assert(fc.property(fc.double().map(String), sameAsText), { numRuns: 500 });
  fc.assert(fc.property(word, sameAsText), { numRuns: 2000 });
});
