import { expect, test } from "vitest";
import { PastKills } from "../../../agent/collect/cgroup/past-kills.ts";
import { RecordingSink } from "./recording-sink.ts";

const PATH = "/docker/abc";

function bed() {
  const sink = new RecordingSink();
  const events = new Map<string, number>();
  const past = new PastKills(sink, (id) => events.get(id) ?? null);
  const told = (nowMs: number) => {
    sink.begin();
    past.set(nowMs);
    return [...sink.values().values()];
  };
  const end = (count: number, containerId: string | null = "abc") =>
    past.begin(PATH, { count, labels: { id: PATH }, containerId });
  return { sink, events, past, told, end };
}

test("OOM kills are told of for five minutes after their cgroup is gone", () => {
  const { told, end, sink } = bed();
  end(2);
  expect(told(1000)).toEqual([2]);
  expect(told(300_999)).toEqual([2]);
  expect(told(301_000)).toEqual([]);
  expect(sink.liveCount).toBe(0);
});

test("a kill that nobody read is told of when the runtime tells of it", () => {
  const { told, end, events } = bed();
  end(0);
  expect(told(1000)).toEqual([]);
  events.set("abc", 1);
  expect(told(2000)).toEqual([1]);
});

test("a container that was started again goes on counting", () => {
  const { past, told, end, events } = bed();
  end(0);
  events.set("abc", 1);
  expect(past.takeOver(PATH)).toBe(1);
  expect(told(1000)).toEqual([]); // the new cgroup has the series
  end(4);
  expect(past.takeOver(PATH)).toBe(4);
});

test("without a kill and a runtime there is nothing to wait for", () => {
  const { past, end } = bed();
  end(0, null);
  past.begin("/other", null);
  expect(past.takeOver(PATH)).toBe(0);
});
