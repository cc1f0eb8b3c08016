import { expect, test } from "vitest";
import { type Fleet, openFleet } from "../../../aggregator/fleet/fleet.ts";
import type { FrameOutcome, StreamStatus } from "../../../aggregator/model/commit.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { VectorSample } from "../../../shared/model/columns.ts";
import { labelValue } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryStore } from "../../support/memory-store.ts";

const AGENT = { agentVersion: "0.1.0", address: "10.0.0.7:4711", intervalMs: 1000 };
const DUPLICATE = { kind: "duplicate", seq: 5 } as const;
const REJECTED = { kind: "rejected", seq: 5, reason: "future", detail: "" } as const;
const stored = (timeMs: number, missing = 0): FrameOutcome => {
  return { kind: "stored", seq: 5, timeMs, samples: 1, missing };
};

async function startFleet(
  store = new MemoryStore(),
  clock = new FakeClock(),
  streams: readonly StreamStatus[] = [],
) {
  /** `seconds since start: name=value …` per write. */
  const writes: string[] = [];
  /** What the writes fail with, and what they wait for. */
  const failing = { error: null as Error | null, until: null as Promise<void> | null };
  const logger = new MemoryLogger();
  const write = async (group: string, timeMs: number, samples: readonly VectorSample[]) => {
    await failing.until;
    if (failing.error !== null) throw failing.error;
    const shown = samples.map(({ labels, value }) => `${labelValue(labels, "instance")}=${value}`);
    writes.push(`${(timeMs - FAKE_START_MS) / 1000}: ${group} ${shown.join(" ")}`.trim());
  };
  const deps = { store, write, streams: () => streams, clock, logger, metrics: new Metrics() };
  const fleet = await openFleet(deps, { nodesMax: 3, clockOffsetMaxMs: 2000 });
  const stop = new AbortController();
  const run = fleet.run(stop.signal);
  const tick = (...names: string[]) => {
    for (const name of names) fleet.committed(name, stored(clock.nowMs()));
  };
  return {
    ...{ fleet, clock, logger, writes, failing, tick },
    /** Connects and ticks. */
    join: (name: string) => {
      fleet.connected(name, AGENT);
      tick(name);
    },
    stop: async () => {
      stop.abort();
      await run;
    },
  };
}

function stateOf(fleet: Fleet, name: string): string | undefined {
  return fleet.nodes().find((node) => node.name === name)?.state;
}

test("up is written right after the first tick and then on every whole second", async () => {
  const { fleet, clock, writes, tick } = await startFleet();
  await clock.advance(1250);
  fleet.connected("web1", AGENT);
  await clock.advance(100);
  writes.length = 0;
  tick("web1");
  await clock.advance(100);
  tick("web1");
  await clock.advance(1600);
  expect(writes).toEqual(["1.35: up web1=1", "2: up web1=1", "3: up web1=1"]);
});

test("a silent node has up 0 within four seconds of its last tick, though still connected", async () => {
  const { fleet, clock, writes, tick } = await startFleet();
  for (const name of ["web1", "web2"]) fleet.connected(name, AGENT);
  for (let second = 0; second < 3; second += 1) {
    tick("web1", "web2");
    await clock.advance(1000);
  }
  for (let second = 3; second < 7; second += 1) {
    tick("web2");
    await clock.advance(1000);
  }
  expect(writes.find((line) => line.includes("web1=0"))).toBe("5: up web1=0 web2=1");
  expect(stateOf(fleet, "web1")).toBe("down");
  expect(fleet.nodes()[0]?.stateSinceMs).toBe(FAKE_START_MS + 5000);
});

test("a lost connection alone makes no node down", async () => {
  const { fleet, clock, join } = await startFleet();
  join("web1");
  fleet.disconnected("web1");
  expect(fleet.nodes()[0]?.address).toBe("");
  await clock.advance(2500);
  join("web1");
  await clock.advance(2500);
  expect(stateOf(fleet, "web1")).toBe("up");
});

test("a goodbye ends the node's up; connecting and ticking begins it again", async () => {
  const { fleet, clock, writes, tick, join } = await startFleet();
  join("web1");
  await clock.advance(500);
  fleet.goodbye("web1");
  fleet.disconnected("web1");
  tick("web1"); // was on its way
  await clock.advance(15_000);
  expect(writes.at(-1)).toBe("15: up");
  expect(writes.some((line) => line.includes("=0"))).toBe(false);
  join("web1");
  await clock.advance(1000);
  expect(writes.at(-1)).toBe("16: up web1=1");
});

test("the goodbye of a former process does not take out the one that runs", async () => {
  const { fleet, tick } = await startFleet();
  fleet.connected("web1", AGENT);
  fleet.connected("web1", AGENT);
  fleet.goodbye("web1");
  fleet.disconnected("web1");
  tick("web1");
  expect(stateOf(fleet, "web1")).toBe("up");
});

test("after a restart nodes have ten seconds to come back; who left stays left", async () => {
  const store = new MemoryStore();
  const before = await startFleet(store);
  for (const name of ["back", "gone", "left"]) before.fleet.connected(name, AGENT);
  before.tick("back", "gone", "left");
  before.fleet.goodbye("left");
  await before.clock.advance(200);
  await before.stop();

  const { fleet, clock, writes, tick } = await startFleet(store);
  expect(fleet.nodes().map((node) => node.state)).toEqual(["awaited", "awaited", "left"]);
  for (let second = 0; second < 9; second += 1) {
    if (second === 0) fleet.connected("back", AGENT);
    tick("back");
    await clock.advance(1000);
  }
  expect(writes[0]).toBe("0: up back=1 gone=1");
  expect(writes.at(-1)).toBe("9: up back=1 gone=1");
  tick("back");
  await clock.advance(1500);
  expect(writes.at(-1)).toBe("10: up back=1 gone=0");
  expect(stateOf(fleet, "left")).toBe("left");
});

test("a second restart within the grace does not forget that a node was up", async () => {
  const store = new MemoryStore();
  const first = await startFleet(store);
  first.join("web1");
  await first.clock.advance(200);
  await first.stop();
  const second = await startFleet(store);
  second.fleet.connected("web1", { ...AGENT, agentVersion: "0.2.0" });
  await second.clock.advance(200);
  await second.stop();
  const { writes, fleet, clock } = await startFleet(store);
  await clock.advance(200);
  expect(writes[0]).toBe("0: up web1=1");
  expect(fleet.nodes()[0]?.agentVersion).toBe("0.2.0");
});

test("a node that was down before a restart is down after it, from the first second", async () => {
  const store = new MemoryStore();
  const before = await startFleet(store);
  before.join("web1");
  await before.clock.advance(5000);
  const sinceMs = before.fleet.nodes()[0]?.stateSinceMs;
  await before.stop();

  const { fleet, writes, clock } = await startFleet(store);
  await clock.advance(100);
  expect(writes[0]).toBe("0: up web1=0");
  expect(fleet.nodes()[0]?.stateSinceMs).toBe(sinceMs);
});

test("a node that only the series store knows is awaited, then down", async () => {
  const stream = { node: "web1", streamId: "a", lastSeq: 1, seriesAlive: 7 };
  const streams = [{ ...stream, lastTickMs: FAKE_START_MS - 60_000 }];
  const { fleet, clock } = await startFleet(new MemoryStore(), new FakeClock(), streams);
  expect(fleet.nodes()[0]).toMatchObject({
    state: "awaited",
    series: 7,
    lastTickMs: FAKE_START_MS - 60_000,
  });
  await clock.advance(11_000);
  expect(stateOf(fleet, "web1")).toBe("down");
});

test("a damaged stored node is left out and said", async () => {
  const store = new MemoryStore();
  const key = new TextEncoder().encode("nweb1");
  const value = new TextEncoder().encode('{"state":"up"');
  await store.batch([{ type: "put", key, value }], { sync: true });
  const { fleet, logger } = await startFleet(store);
  expect(fleet.nodes()).toEqual([]);
  expect(logger.messages("warn")).toHaveLength(1);
});

test("rules wait for the nodes that keep pace and for nobody else", async () => {
  const { fleet, clock } = await startFleet();
  const startMs = clock.nowMs();
  expect(fleet.isComplete(startMs)).toBe(true);
  for (const name of ["fast", "slow", "backlog"]) fleet.connected(name, AGENT);
  fleet.committed("fast", stored(startMs));
  fleet.committed("slow", stored(startMs - 1000));
  fleet.committed("backlog", stored(startMs - 60_000));
  expect(fleet.isComplete(startMs - 1000)).toBe(true);
  expect(fleet.isComplete(startMs)).toBe(false);
  fleet.committed("slow", stored(startMs));
  expect(fleet.isComplete(startMs)).toBe(true);
  // A node that stops is waited for until it lags, not until it is down.
  await clock.advance(2000);
  expect(fleet.isComplete(startMs + 1000)).toBe(false);
  await clock.advance(1);
  expect(fleet.isComplete(startMs + 1000)).toBe(true);
});

test("who waits for a change is woken by a tick, by a second going by, and by the signal", async () => {
  const { fleet, clock, tick } = await startFleet();
  const live = new AbortController().signal;
  fleet.connected("web1", AGENT);
  await clock.advance(500);
  const onTick = fleet.changed(live);
  tick("web1");
  await onTick;
  const onTime = fleet.changed(live);
  await clock.advance(1100);
  await onTime;
  const abort = new AbortController();
  const cancelled = fleet.changed(abort.signal);
  abort.abort(new Error("enough"));
  await expect(cancelled).rejects.toThrow("enough");
});

test("frames are counted by what became of them", async () => {
  const { fleet, clock } = await startFleet();
  fleet.connected("web1", AGENT);
  fleet.committed("web1", stored(clock.nowMs(), 4));
  fleet.committed("web1", DUPLICATE);
  fleet.committed("web1", REJECTED);
  expect(fleet.nodes()[0]).toMatchObject({
    framesStored: 1,
    framesMissing: 4,
    framesDuplicate: 1,
    framesRejected: 1,
    lastTickMs: clock.nowMs(),
  });
});

test("a rejected or repeated frame is no sign of life", async () => {
  const { fleet } = await startFleet();
  fleet.connected("web1", AGENT);
  fleet.committed("web1", REJECTED);
  fleet.committed("web1", DUPLICATE);
  expect(stateOf(fleet, "web1")).toBe("awaited");
});

test("one node too many is refused by name; known ones may still come back", async () => {
  const { fleet } = await startFleet();
  for (const name of ["a", "b", "c"]) fleet.connected(name, AGENT);
  expect(() => fleet.connected("d", AGENT)).toThrow(/Node d is refused: 3 nodes/);
  fleet.connected("a", AGENT);
});

test("a disk that fails is told once, and up goes on when it works again", async () => {
  const { clock, writes, logger, failing, tick, join } = await startFleet();
  join("web1");
  await clock.advance(200);
  writes.length = 0;
  failing.error = new OperationalError("STORAGE", "Disk full");
  for (let second = 0; second < 5; second += 1) {
    await clock.advance(1000);
    tick("web1");
  }
  expect(writes).toEqual([]);
  expect(logger.messages("error")).toHaveLength(1);
  failing.error = null;
  await clock.advance(1000);
  expect(writes).toEqual(["6: up web1=1"]);
});

test("time in which the aggregator hung makes no node down", async () => {
  const { fleet, clock, failing, join } = await startFleet();
  join("web1");
  await clock.advance(200);
  let release = () => {};
  failing.until = new Promise<void>((resolve) => {
    release = resolve;
  });
  await clock.advance(20_000);
  failing.until = null;
  release();
  await clock.advance(1500);
  expect(stateOf(fleet, "web1")).toBe("up");
  await clock.advance(2500);
  expect(stateOf(fleet, "web1")).toBe("down");
});

test("a wall clock that is set back makes no node down, and up goes on from there", async () => {
  const { fleet, clock, writes, tick, join } = await startFleet();
  join("web1");
  await clock.advance(2200);
  writes.length = 0;
  clock.stepWall(-2000);
  for (let second = 0; second < 4; second += 1) {
    tick("web1");
    await clock.advance(1000);
  }
  expect(writes).toEqual(["1: up web1=1", "2: up web1=1", "3: up web1=1", "4: up web1=1"]);
  expect(stateOf(fleet, "web1")).toBe("up");
});

test("data that comes late says how late, by our clock, until the node keeps pace again", async () => {
  const { fleet, clock } = await startFleet();
  for (const name of ["web1", "web2"]) fleet.connected(name, AGENT);
  fleet.clockMeasured("web1", { aheadMs: -3_600_000, roundTripMs: 1 });
  fleet.committed("web1", stored(clock.nowMs() - 3_600_000));
  expect(fleet.latenessMs("web1")).toBe(0);
  fleet.committed("web1", stored(clock.nowMs() - 3_600_000 - 90_000));
  fleet.committed("web2", stored(clock.nowMs() - 60_000));
  expect(["web1", "web2", "", "web3"].map((name) => fleet.latenessMs(name))).toEqual([
    90_000, 60_000, 90_000, 0,
  ]);
  fleet.committed("web1", stored(clock.nowMs() - 3_600_000 - 1000));
  expect([fleet.latenessMs("web1"), fleet.latenessMs("")]).toEqual([0, 60_000]);
  await clock.advance(15_000); // silent: what it sent last is late no more, it is old
  expect(fleet.latenessMs("")).toBe(0);
});

test("what agents report is a series each, kept over a restart, and wrong clocks are told of", async () => {
  const store = new MemoryStore();
  const first = await startFleet(store);
  const told = { made: 9, stored: 7, waiting: 1, dropped: [], settledSeq: 7 };
  const report = { streamId: "a", framesStored: 7, isNewHere: false };
  first.fleet.connected("web1", AGENT);
  first.fleet.accounted("web1", {
    ...report,
    reported: { ...told, dropped: [{ reason: "disk_full", frames: 1, samples: 300 }] },
  });
  first.fleet.clockMeasured("web1", { aheadMs: -2500, roundTripMs: 3 });
  await first.clock.advance(2000);
  const written = first.writes.filter((line) => line.includes("nodes"));
  expect(written).toEqual(["0: nodes web1=-2.5 web1=9 web1=7 web1=1 web1=1 web1=0"]);
  expect(first.fleet.nodes()[0]).toMatchObject({ clockAheadMs: -2500, isClockOff: true });
  first.fleet.disconnected("web1");
  await first.stop();
  const { fleet, writes } = await startFleet(store, first.clock);
  expect(writes[0]).toBe("0: nodes web1=9 web1=7 web1=1 web1=1 web1=0"); // before an agent is there
  const { accounting, isClockOff } = fleet.nodes()[0] ?? {};
  expect(accounting).toMatchObject({ made: 9, stored: 7, waiting: 1, unaccounted: 0 });
  expect(isClockOff).toBe(false); // not known while it is not connected
  // What was stored is gone: the accounts that were kept say so.
  fleet.accounted("web1", { ...report, reported: told, framesStored: 4 });
  expect(fleet.nodes()[0]?.accounting?.unaccounted).toBe(3);
});

test("blocks of log lines have books of their own, and are no sign of life", async () => {
  const store = new MemoryStore();
  const first = await startFleet(store);
  const told = { made: 6, stored: 4, waiting: 2, dropped: [], settledSeq: 2 };
  const report = { streamId: "b", reported: told, isNewHere: false };
  first.fleet.connected("web1", AGENT);
  first.fleet.logEvents.accounted("web1", { ...report, framesStored: 4 });
  first.fleet.logEvents.committed("web1", stored(first.clock.nowMs(), 2));
  expect(first.fleet.nodes()[0]).toMatchObject({
    state: "awaited",
    accounting: null,
    logAccounting: { made: 6, stored: 4, waiting: 2, unaccounted: 2 },
  });
  await first.stop();
  const { fleet } = await startFleet(store, first.clock);
  expect(fleet.nodes()[0]).toMatchObject({ logAccounting: { made: 6, unaccounted: 2 } });
  const range = { id: 1, fromSeq: 3, toSeq: 4, fromMs: 0, toMs: 0, frames: 2, samples: 90 };
  fleet.logEvents.droppedRanges("web1", [{ ...range, reason: "buffer_full" }]);
  expect(fleet.nodes()[0]?.logAccounting?.unaccounted).toBe(0);
});
