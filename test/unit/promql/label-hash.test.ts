import { expect, test } from "vitest";
import { labelsOffset, xxHash64 } from "../../../aggregator/query/label-hash.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

/** Values of the reference implementation of xxHash. */
test.each([
  ["", 0xef46db3751d8e999n],
  ["a", 0xd24ec4f1a98c6e5bn],
  ["abc", 0x44bc2cf5ad770999n],
])("the hash of %j", (text, hash) => {
  expect(xxHash64(Buffer.from(text))).toBe(hash);
});

test("label sets are spread evenly between 0 and 1, long values too", () => {
  const offsets = Array.from({ length: 1000 }, (_, i) =>
    labelsOffset(labelsOf({ __name__: "x", i: String(i), long: "é".repeat(i % 300) })),
  );
  expect(Math.min(...offsets)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...offsets)).toBeLessThan(1);
  for (let tenth = 0; tenth < 10; tenth += 1) {
    const inside = offsets.filter((offset) => Math.floor(offset * 10) === tenth);
    expect(inside.length).toBeGreaterThan(60);
  }
});
