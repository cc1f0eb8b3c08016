import { expect, test } from "vitest";
import { mirrorStores } from "../../../agent/queue/mirror-stores.ts";

test.each([
  ["the only one has the data directory", ["a"], [], [null], []],
  ["of two new ones the first has it", ["a", "b"], [], [null, "b"], []],
  ["at the next start each has its own again", ["a", "b"], ["b"], [null, "b"], []],
  ["also when they change places", ["b", "a"], ["b"], ["b", null], []],
  ["a third one gets a new one", ["a", "b", "c"], ["b"], [null, "b", "c"], []],
  ["when one is taken away its folder is left", ["a", "c"], ["b", "c"], [null, "c"], ["b"]],
  ["one that stays alone goes on with its own", ["b"], ["b"], ["b"], []],
  ["who replaces the first goes on with what waited for it", ["c", "b"], ["b"], [null, "b"], []],
  ["without mirrors all folders are left", ["a"], ["b", "c"], [null], ["b", "c"]],
])("%s", (_name, names, found, folders, unused) => {
  expect(mirrorStores(names, found)).toEqual({ folders, unused });
});
