import { expect, test } from "vitest";
import { OomKills } from "../../../agent/collect/cgroup/oom-kills.ts";
import { PastKills } from "../../../agent/collect/cgroup/past-kills.ts";
import type { OomEvents } from "../../../agent/containers/container-facts.ts";
import { RecordingSink } from "./recording-sink.ts";

const PATH = "/docker/abc";

function bed() {
  const sink = new RecordingSink();
  const events = new Map<string, OomEvents>();
  const past = new PastKills(sink, (id) => events.get(id) ?? null);
  const reported = (nowMs: number) => {
    sink.begin();
    past.set(nowMs);
    return [...sink.values().values()];
  };
  const end = (count: number, containerId: string | null = "abc") => {
    const kills = new OomKills();
    kills.hear(events.get("abc") ?? null);
    kills.read(count);
    past.begin(PATH, { kills, labels: { id: PATH }, containerId });
  };
  return { sink, events, past, reported, end };
}

test("OOM kills are reported for five minutes after their cgroup is gone", () => {
  const { reported, end, sink } = bed();
  end(2);
  expect(reported(1000)).toEqual([2]);
  expect(reported(300_999)).toEqual([2]);
  expect(reported(301_000)).toEqual([]);
  expect(sink.liveCount).toBe(0);
});

test("a kill that nobody read is reported when the runtime's event comes", () => {
  const { reported, end, events } = bed();
  end(0);
  expect(reported(1000)).toEqual([]);
  events.set("abc", { events: 1, runs: 1 });
  expect(reported(2000)).toEqual([1]);
});

test("a container that was started again goes on counting", () => {
  const { past, reported, end, events } = bed();
  end(0);
  events.set("abc", { events: 2, runs: 1 });
  expect(past.takeOver(PATH).count).toBe(1);
  expect(reported(1000)).toEqual([]); // the new cgroup has the series
  end(4);
  expect(past.takeOver(PATH).count).toBe(4);
});

test("a container that was killed before its name was known goes on counting", () => {
  const { past, reported, events } = bed();
  past.begin(PATH, { kills: new OomKills(), labels: null, containerId: "abc" });
  events.set("abc", { events: 1, runs: 1 });
  expect(reported(1000)).toEqual([]);
  expect(past.takeOver(PATH).count).toBe(1);
});

test("without a kill and a runtime there is nothing to wait for", () => {
  const { past, end, sink } = bed();
  end(0, null);
  expect(sink.liveCount).toBe(0);
  expect(past.takeOver(PATH).count).toBe(-1);
});
