import { expect, test } from "vitest";
import { decompressSnappy } from "../../../shared/platform/snappy.ts";

/** A block of `length` bytes: literals and copies as its elements. */
const block = (length: number, ...elements: number[]) => Uint8Array.of(length, ...elements);
const text = (bytes: Uint8Array) => decompressSnappy(bytes, 100)?.toString() ?? null;

test.each([
  ["nothing", block(0), ""],
  ["a literal", block(3, 2 << 2, 97, 98, 99), "abc"],
  ["a literal with its length apart", block(3, 60 << 2, 2, 97, 98, 99), "abc"],
  ["a copy that overlaps what it makes", block(9, 1 << 2, 97, 98, (3 << 2) | 1, 2), "ababababa"],
  ["a copy with a distance of two bytes", block(4, 1 << 2, 97, 98, (1 << 2) | 2, 2, 0), "abab"],
])("%s is decompressed", (_what, bytes, expected) => {
  expect(text(bytes)).toBe(expected);
});

test.each([
  ["holds more than it says", block(2, 2 << 2, 97, 98, 99)],
  ["holds less than it says", block(4, 2 << 2, 97, 98, 99)],
  ["is cut off", block(3, 2 << 2, 97)],
  ["copies from before its begin", block(4, 0, 97, (2 << 2) | 2, 9, 0)],
  ["is larger than allowed", block(101, 2 << 2, 97, 98, 99)],
  ["has no end to its length", Uint8Array.of(255, 255, 255, 255, 255, 255)],
])("a block that %s is refused", (_what, bytes) => {
  expect(text(bytes)).toBeNull();
});
