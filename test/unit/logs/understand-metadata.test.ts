import { expect, test } from "vitest";
import { metadataOf } from "../../../aggregator/logs/understand/metadata.ts";

const NOW_US = Date.parse("2026-11-30T03:20:00Z") * 1000;

test.each([
  ["2026-11-30T03:14:15Z ERROR no room", "error"],
  ["2026-11-30T03:14:15Z no room", "unknown"],
  ["\u001b[33mWARN\u001b[0m slow", "warn"],
  ["", "unknown"],
  // Times that cannot be are no reason to lose the level.
  ["0001-01-01T00:00:00Z INFO x", "info"],
  ["9999-12-31T23:59:59Z INFO x", "info"],
  ['{"level":"error","time":99999999999999999999}', "error"],
  [`{"a":${"[".repeat(1000)}${"]".repeat(1000)},"level":"warn"}`, "warn"],
  [`{"a":${'{"a":'.repeat(1000)}1${"}".repeat(1000)},"level":"warn"}`, "warn"],
  [`{"a":${'{"a":'.repeat(1000)}`, "unknown"],
  [`${"x".repeat(2 ** 20)} ERROR`, "unknown"],
])("the level of %s is %s", (line, level) => {
  expect(metadataOf(line, NOW_US)).toEqual(["detected_level", level]);
});

test("lines of one level share their labels", () => {
  expect(metadataOf("[error] a", NOW_US)).toBe(metadataOf("[error] b", NOW_US + 1));
});
