import fc from "fast-check";
import { expect, test } from "vitest";
import { NextByte } from "../../../aggregator/logs/watch/next-byte.ts";

test("a line has the byte when it is in it, not in one before or behind it", () => {
  const quotes = new NextByte(34);
  const lines = fc.array(fc.constantFrom("", "a", '"', 'a"b', '""'), { maxLength: 8 });
  fc.assert(
    fc.property(lines, (texts) => {
      quotes.open(Buffer.from(texts.join("")));
      let start = 0;
      const found = texts.map((text) => {
        const end = start + text.length;
        const isIn = quotes.isIn(start, end);
        start = end;
        return isIn;
      });
      expect(found).toEqual(texts.map((text) => text.includes('"')));
      quotes.close();
      expect(quotes.isIn(0, 1)).toBe(false);
    }),
  );
});
