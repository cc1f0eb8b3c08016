import { expect, test } from "vitest";
import { OomKills } from "../../../agent/collect/cgroup/oom-kills.ts";

/**
 * One character a step: a digit is a reading of the kernel's counter, `-` a reading of a kernel that has none,
 * `e` an event of the runtime, `s` a start of the container, `/` a new cgroup under the same path.
 */
function countAfter(steps: string): number {
  const kills = new OomKills();
  let [events, runs, hasEvent] = [0, 0, false];
  for (const step of steps) {
    if (step === "s") hasEvent = false;
    else if (step === "e") {
      events += 1;
      if (!hasEvent) runs += 1;
      hasEvent = true;
      kills.hear({ events, runs });
    } else if (step === "/") kills.beginAnew();
    else kills.read(step === "-" ? -1 : Number(step));
  }
  return kills.count;
}

test.each([
  ["nothing counts", "--", -1],
  ["the kernel counts", "0013", 3],
  ["an event of a kill that was read", "0e1", 1],
  ["two events for each kill", "0ee1ee2eee4", 4],
  ["events without any kill", "0ee0", 0],
  ["an event that comes after its kill was read", "01e1", 1],
  ["the first process is killed, and the cgroup gone, before the next reading", "0e", 1],
  ["the same with two events", "0ee", 1],
  ["the same after kills that were read", "0ee2eee", 3],
  ["a kill that was read just before its cgroup went, its event late", "01e", 1],
  ["ended otherwise after kills that were read", "0e2222", 2],
  ["a cgroup made anew goes on", "0e3/0e1", 4],
  ["a cgroup made anew after a kill that nobody read", "0e/s00", 1],
  ["three runs, killed between two readings", "0eseesee", 3],
  ["three runs, killed between two readings, and a fourth one", "0eseesee/s0ee", 4],
  ["a kernel without the counter, with a kill in each of two ticks", "--e-ee-", 2],
  ["a kernel without the counter, at the end", "-e-e", 2],
])("%s: %s", (_, steps, expected) => {
  expect(countAfter(steps)).toBe(expected);
});

test("an event asks for a reading of the kernel's counter until there was one", () => {
  const kills = new OomKills();
  expect(kills.hear(null)).toBe(false);
  kills.read(0);
  const once = { events: 1, runs: 1 };
  expect(kills.hear(once)).toBe(true);
  expect(kills.hear(once)).toBe(true);
  kills.read(1);
  expect(kills.hear(once)).toBe(false);
});
