import { expect, test } from "vitest";
import { LabelHolders } from "../../../agent/scrape/label-holders.ts";

test("the first has the labels, and when it goes those that waited, in their order", () => {
  const holders = new LabelHolders();
  expect([1, 2, 3, 4].map((handle) => holders.add("a", handle))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect(holders.remove("a", 2)).toBeNull(); // it only waited
  expect(holders.remove("a", 1)).toBe(3);
  expect(holders.add("a", 2)).toBe(false);
  expect(holders.remove("a", 3)).toBe(4);
  expect(holders.remove("a", 4)).toBe(2);
  expect(holders.remove("a", 2)).toBeNull();
  expect(holders.add("a", 5)).toBe(true);
  expect(holders.add("b", 6)).toBe(true);
});

test("a page whose series all become one is as quickly forgotten as any", () => {
  const holders = new LabelHolders();
  const count = 300_000; // what looks through those that wait takes minutes
  for (let handle = 0; handle < count; handle += 1) holders.add("a", handle);
  let inOrder = 0;
  for (let handle = 0; handle < count; handle += 1) {
    if (holders.remove("a", handle) === handle + 1) inOrder += 1;
  }
  expect(inOrder).toBe(count - 1);
});
