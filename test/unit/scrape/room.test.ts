import { expect, test } from "vitest";
import { Room } from "../../../agent/scrape/room.ts";

test("whoever takes all that there is leaves as much for others", () => {
  const room = new Room(100);
  expect([room.allows(0, 50), room.allows(0, 51)]).toEqual([true, false]);
  room.take(0, 50);
  expect([room.allows(50, 51), room.allows(0, 25), room.allows(0, 26)]).toEqual([
    false,
    true,
    false,
  ]);
  room.take(0, 25);
  expect([room.allows(50, 40), room.allows(50, 50)]).toEqual([true, true]); // what it has it keeps
  room.take(50, 0);
  expect(room.allows(25, 50)).toBe(true);
});
