import { expect, test } from "vitest";
import { readAcknowledging } from "../../../aggregator/notify/acknowledging-state.ts";
import type { Matcher } from "../../../shared/model/columns.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const BY = { createdBy: "ann", comment: "on it" };
const equal = (name: string, value: string): Matcher => ({ name, type: "=", value });

test("all matchers have to match", () => {
  const { matches } = readAcknowledging([equal("a", "1"), equal("b", "2")], BY);
  expect(matches(labelsOf({ a: "1", b: "2", c: "3" }))).toBe(true);
  expect(matches(labelsOf({ a: "1" }))).toBe(false);
});

test.each<[string, Matcher[], typeof BY]>([
  ["At least one matcher is required", [], BY],
  ["Say who acknowledges", [equal("a", "1")], { ...BY, createdBy: "" }],
  ["101 matchers, 100 are allowed", Array(101).fill(equal("a", "1")), BY],
  ["characters, 16384 are allowed", [equal("a", "x".repeat(16_384))], BY],
  ["must not match the empty string", [equal("a", ""), { ...equal("b", ".*"), type: "=~" }], BY],
  ["regular expression", [{ name: "a", type: "=~", value: "(" }], BY],
])("refuses: %s", (problem, matchers, by) => {
  expect(() => readAcknowledging(matchers, by)).toThrow(problem);
});
