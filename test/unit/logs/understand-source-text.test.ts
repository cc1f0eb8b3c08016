import fc from "fast-check";
import { expect, test } from "vitest";
import { SourceText } from "../../../aggregator/logs/watch/source-text.ts";
import { encodeBlock, parseColumns } from "../../../shared/wire/line-block.ts";

const LINE = fc.oneof(
  fc.constantFrom("", "a", "é", "\u{1f600}", "\ufeff", "\0").map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 5 }),
  fc
    .constantFrom([0xc3], [0xa9], [0xf0, 0x9f], [0x98, 0x80])
    .map((bytes) => Uint8Array.from(bytes)),
  fc.integer({ min: 5000, max: 40_000 }).map((length) => Buffer.alloc(length, "x")),
);

test("lines are what each is by itself, in whatever order they are asked for", () => {
  const text = new SourceText();
  fc.assert(
    fc.property(fc.array(LINE, { maxLength: 12 }), fc.array(fc.nat(11)), (lines, order) => {
      const own = lines.map((bytes) => ({ timeUs: 0, bytes, isCut: false }));
      const block = parseColumns(encodeBlock(1, 0, [{ labels: [], lines: own }]));
      const [source] = block.sources;
      if (source === undefined) throw new Error("the source is missing");
      text.open(source);
      const expected = lines.map((bytes) => Buffer.from(bytes).toString());
      expect(lines.map((_, i) => text.line(i))).toEqual(expected);
      for (const i of order) expect(text.line(i)).toBe(expected[i] ?? "");
      text.close();
      expect(text.line(0)).toBe("");
    }),
  );
});
