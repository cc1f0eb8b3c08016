import { expect, test } from "vitest";
import {
  awaitedState,
  dueMsOf,
  heardLater,
  LEFT,
  type NodeEvent,
  nextNodeState,
  silenceMsOf,
  upValueOf,
} from "../../../aggregator/fleet/node-state.ts";

const EVENTS: Record<string, NodeEvent> = {
  c: "connected",
  t: "tick",
  g: "goodbye",
  ".": "silence",
};

/** One letter a second: events in, the first letter of each state out. */
function pictureOf(events: string, intervalMs: number): string {
  let state = LEFT;
  let nowMs = 1_000_000;
  let picture = "";
  for (const letter of events) {
    state = nextNodeState(state, EVENTS[letter] ?? "silence", nowMs, silenceMsOf(intervalMs));
    // The watch looks each second, whatever else happened.
    state = nextNodeState(state, "silence", nowMs, silenceMsOf(intervalMs));
    picture += state.kind[0];
    nowMs += 1000;
  }
  return picture;
}

test.each([
  ["a node is up from its first tick", "ct", "au", 1000],
  ["three seconds without a tick make it down", "ctt....", "auuuudd", 1000],
  ["two silent seconds do not", "ctt..t..t", "auuuuuuuu", 1000],
  ["a tick brings it back", "ct...t", "auuudu", 1000],
  ["a slow node may be silent for three of its intervals", "ct......", "auuuuuud", 2000],
  ["a goodbye makes it left, for good", "ctg.......", "aulllllll".padEnd(10, "l"), 1000],
  ["a tick that was on its way at the goodbye does not bring it back", "ctgt", "aull", 1000],
  ["one that left and connects again is awaited, then up", "ctg..ct", "aulllau", 1000],
  ["one that connects and never ticks is down after the grace", "c..........", "aaaaaaaaaad", 1000],
  ["connecting alone does not bring a node back", "ct...c", "auuudd", 1000],
  ["connecting again changes nothing for a node that is up", "ctct", "auuu", 1000],
  ["a node that is down can still leave", "ct...g", "auuudl", 1000],
])("%s", (_name, events, expected, intervalMs) => {
  expect(pictureOf(events, intervalMs)).toBe(expected);
});

test("up is 1 for up, 0 for down, and nothing for a node that left or has only connected", () => {
  expect(upValueOf({ kind: "up", heardMs: 0 })).toBe(1);
  expect(upValueOf({ kind: "down" })).toBe(0);
  expect(upValueOf(LEFT)).toBeNull();
  expect(upValueOf(awaitedState(0, false))).toBeNull();
});

test("a node that was up before the aggregator's restart is taken to be up until the grace ends", () => {
  const state = awaitedState(1000, true);
  expect(upValueOf(state)).toBe(1);
  expect(upValueOf(nextNodeState(state, "silence", 10_999, 3000))).toBe(1);
  expect(upValueOf(nextNodeState(state, "silence", 11_000, 3000))).toBe(0);
});

test("time in which nobody listened is not silence", () => {
  const state = heardLater({ kind: "up", heardMs: 1000 }, 5000);
  expect(dueMsOf(state, 3000)).toBe(9000);
  expect(dueMsOf(heardLater(awaitedState(4000, true), 5000), 3000)).toBe(19_000);
  expect(heardLater({ kind: "down" }, 5000)).toEqual({ kind: "down" });
});
