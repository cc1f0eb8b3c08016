import { expect, test } from "vitest";
import {
  ChangeState,
  type Look,
  NEWS_MS,
  type Started,
  withChanges,
} from "../../../aggregator/web/change-state.ts";

const NOW_MS = 1_800_000_000_000;
const STARTED: Started = { node: "n", name: "c", image: "i:1", startedMs: NOW_MS - 5000 };

/** A state that has had a first look at what runs. */
function stateWith(...started: Started[]) {
  const state = new ChangeState();
  const look = (seconds: number, next: Partial<Look>) =>
    state
      .step({
        ...{ timeMs: NOW_MS + seconds * 1000, up: new Set(["n"]) },
        ...{ started, oomKills: [], boots: [], reloads: [] },
        ...next,
      })
      .map(({ timeMs, kind, name, before }) => [(timeMs - NOW_MS) / 1000, kind, name, before]);
  return { look, first: look(0, {}) };
}

test("what started within a day is told at the first look, with the time at which it did", () => {
  const old = { ...STARTED, name: "old", startedMs: NOW_MS - NEWS_MS };
  expect(stateWith(old, STARTED).first).toEqual([[-5, "start", "c", ""]]);
});

test("another start is a restart, with another image one of a new image", () => {
  const { look } = stateWith(STARTED);
  const again = { ...STARTED, startedMs: NOW_MS + 9000 };
  expect(look(15, { started: [again] })).toEqual([[9, "restart", "c", ""]]);
  const newer = { ...again, image: "i:2", startedMs: NOW_MS + 20_000 };
  expect(look(30, { started: [newer] })).toEqual([[20, "image", "c", "i:1"]]);
  expect(look(45, { started: [newer] })).toEqual([]);
});

test("a clock that is corrected by a second restarts nothing", () => {
  const { look } = stateWith(STARTED);
  expect(look(15, { started: [{ ...STARTED, startedMs: STARTED.startedMs + 1000 }] })).toEqual([]);
});

test("what two looks in a row do not find has stopped, once", () => {
  const { look } = stateWith(STARTED);
  expect(look(15, { started: [] })).toEqual([]);
  expect(look(30, { started: [] })).toEqual([[30, "stop", "c", ""]]);
  expect(look(45, { started: [] })).toEqual([]);
});

test("of a node that is silent nothing stops, and nothing starts when it is back", () => {
  const { look } = stateWith(STARTED);
  const silent = { up: new Set<string>(), started: [] };
  for (const seconds of [15, 30, 45]) expect(look(seconds, silent)).toEqual([]);
  expect(look(60, { started: [] })).toEqual([]);
  expect(look(75, { started: [STARTED] })).toEqual([]);
});

test("what stopped and runs on as it was had only been out of sight", () => {
  const { look } = stateWith(STARTED);
  for (const seconds of [15, 30]) look(seconds, { started: [] });
  expect(look(45, { started: [STARTED] })).toEqual([]);
  for (const seconds of [60, 75]) look(seconds, { started: [] });
  const again = { ...STARTED, startedMs: NOW_MS + 80_000 };
  expect(look(90, { started: [again] })).toEqual([[80, "restart", "c", ""]]);
});

test("an OOM kill is told when it is counted, and those of before are not", () => {
  const { look } = stateWith(STARTED);
  const kills = (count: number, node = "n") => ({ oomKills: [{ node, name: "c", count }] });
  expect(look(15, kills(1))).toEqual([[15, "oom", "c", ""]]);
  expect(look(30, kills(1))).toEqual([]);
  expect(look(45, kills(3))).toEqual([[45, "oom", "c", ""]]);
  expect(look(60, { ...kills(7, "new"), up: new Set(["n", "new"]) })).toEqual([]);
  expect(look(75, { ...kills(8, "new"), up: new Set(["n", "new"]) })).toHaveLength(1);
});

test("a boot is told with its time, a configuration only once it is another one", () => {
  const { look } = stateWith();
  const times = (boot: number, reload: number) => ({
    boots: [{ node: "n", timeMs: NOW_MS + boot * 1000 }],
    reloads: [{ node: "n", timeMs: NOW_MS + reload * 1000 }],
  });
  expect(look(15, times(-100, -90))).toEqual([[-100, "boot", "", ""]]);
  expect(look(30, times(-99, -90))).toEqual([]);
  expect(look(45, times(-99, 40))).toEqual([[40, "config", "", ""]]);
});

test("what happens again within an hour is one entry with a count, later it is another", () => {
  const oom = (minutes: number, name = "c") => ({
    ...{ timeMs: minutes * 60_000, kind: "oom" as const, node: "n", name },
    ...{ image: "", before: "", count: 1 },
  });
  let list = withChanges([], [oom(1), oom(2), oom(3, "d")], 9);
  list = withChanges(list, [oom(30)], 9);
  list = withChanges(list, [oom(100)], 9);
  const shown = list.map(({ timeMs, name, count }) => [timeMs / 60_000, name, count]);
  expect(shown).toEqual([
    [100, "c", 1],
    [30, "c", 3],
    [3, "d", 1],
  ]);
  expect(withChanges(list, [oom(101, "e")], 2).map(({ name }) => name)).toEqual(["e", "c"]);
});
