import { describe, expect, test } from "vitest";
import type { CommitOutcome } from "../../../aggregator/model/commit.ts";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { settle } from "../../support/fake-clock.ts";
import { takenColumns } from "../../support/taken-columns.ts";
import { StoreBed } from "./bed.ts";
import { counter, everything, ModelAgent, type ModelFrame, type TickValue } from "./model.ts";

const SECOND = 1000;
const ALL_MS = Number.MAX_SAFE_INTEGER;

/** One agent, one store: ticks second after second. */
class Scene {
  readonly bed: StoreBed;
  readonly agent: ModelAgent;
  store: SeriesStore;
  timeMs: number;

  constructor(bed: StoreBed, store: SeriesStore, node = "alpha", keyframeEvery = 4) {
    this.bed = bed;
    this.store = store;
    this.agent = new ModelAgent(node, keyframeEvery);
    this.timeMs = bed.clock.nowMs();
  }

  make(values: readonly TickValue[], stepMs = SECOND): ModelFrame {
    this.timeMs += stepMs;
    return this.agent.tick(this.timeMs, [0], values);
  }

  /** The outcome of the frame; that of its definitions is checked. */
  async send(frame: ModelFrame): Promise<CommitOutcome> {
    const outcomes = await this.store.commit(this.agent.items(frame));
    for (const outcome of outcomes.slice(0, -1)) expect(outcome.kind).toBe("defined");
    return outcomes.at(-1) as CommitOutcome;
  }

  async tick(values: readonly TickValue[], stepMs = SECOND): Promise<CommitOutcome> {
    await this.bed.clock.advance(Math.max(0, stepMs));
    return await this.send(this.make(values, stepMs));
  }

  /** Samples of a metric, with times in seconds from the start. */
  async samples(name: string): Promise<string> {
    const startMs = this.bed.clock.nowMs() - this.bed.clock.monotonicMs();
    for (const [key, samples] of await everything(this.store)) {
      if (!key.startsWith(`__name__\u0000${name}\u0000`)) continue;
      return [...samples].map(([time, value]) => `${(time - startMs) / SECOND}:${value}`).join(" ");
    }
    return "";
  }
}

async function openScene(bed = new StoreBed(), keyframeEvery = 4): Promise<Scene> {
  return new Scene(bed, await bed.open(), "alpha", keyframeEvery);
}

const a = (raw: number) => counter("a", 0, raw);
const b = (raw: number) => counter("b", 0, raw, 2);

describe("commit", () => {
  test("stores samples with the node as instance, scaled, and says how many", async () => {
    const scene = await openScene();
    const stored = { kind: "stored", samples: 2, missing: 0 };
    expect(await scene.tick([a(1), b(250)])).toMatchObject(stored);
    await scene.tick([a(1), b(251)]);
    expect(await scene.samples("a")).toBe("1:1 2:1");
    expect(await scene.samples("b")).toBe("1:2.5 2:2.51");
    const instance = await scene.store.labelValues("instance", [], 0, Number.MAX_SAFE_INTEGER);
    expect(instance).toEqual(["alpha"]);
  });

  test("refuses a frame twice, a delta without its base and series that nobody defined", async () => {
    const scene = await openScene();
    const [first, second, third] = [scene.make([a(1)]), scene.make([a(2)]), scene.make([a(3)])];
    await scene.send(first);
    expect(await scene.send(third)).toMatchObject({ kind: "rejected", reason: "no-base" });
    expect(await scene.send(second)).toMatchObject({ kind: "stored" });
    expect(await scene.send(first)).toEqual({ kind: "duplicate", seq: first.frame.seq });
    expect(await scene.send(third)).toMatchObject({ kind: "stored" });
    scene.agent.restart();
    const { node, streamId } = scene.agent;
    const bytes = scene.make([a(4)]).frame.bytes;
    const [unknown] = await scene.store.commit([{ kind: "frame", node, streamId, bytes }]);
    expect(unknown).toMatchObject({ kind: "rejected", reason: "unknown-series" });
    const cut = { kind: "frame", node, streamId, bytes: bytes.subarray(1) } as const;
    const [corrupt] = await scene.store.commit([cut]);
    expect(corrupt).toMatchObject({ kind: "rejected", seq: 0, reason: "corrupt" });
    expect(await scene.samples("a")).toBe("1:1 2:2 3:3");
  });

  test("counts what a keyframe skips as missing and ends what it does not name", async () => {
    const scene = await openScene();
    await scene.tick([a(1), b(1)]);
    for (const raw of [2, 3, 4]) scene.make([a(raw)]);
    expect(await scene.send(scene.make([a(5)]))).toMatchObject({ kind: "stored", missing: 3 });
    expect(await scene.samples("b")).toBe("1:0.01 5:stale");
    expect(await scene.samples("a")).toBe("1:1 5:5");
  });

  test("takes the state of a frame from the future and none of its samples", async () => {
    const scene = await openScene();
    await scene.tick([a(1), b(1)]);
    expect(await scene.tick([a(7)], 3_600_000)).toMatchObject({ kind: "stored" });
    const ahead = scene.agent.tick(scene.timeMs + 61_000, [0], [a(8)]);
    expect(await scene.send(ahead)).toMatchObject({ kind: "rejected", reason: "future" });
    await scene.tick([a(8)]);
    scene.store = await scene.bed.reopen();
    expect(await scene.samples("a")).toBe("1:1 3601:7 3602:8");
    expect(scene.store.position("alpha", scene.agent.streamId).lastSeq % 2 ** 32).toBe(4);
  });

  test("refuses a time that is not after the one before, in one epoch", async () => {
    const scene = await openScene();
    await scene.tick([a(1)]);
    expect(await scene.tick([a(2)], 0)).toMatchObject({ reason: "out-of-order" });
    await scene.tick([a(2)]);
    expect(await scene.samples("a")).toBe("1:1 2:2");
  });

  test("lets a later epoch go back in time and merges what overlaps", async () => {
    const scene = await openScene();
    for (const raw of [1, 2, 3, 4]) await scene.tick([a(raw), b(raw)]);
    scene.agent.restart();
    await scene.tick([a(50)], -2500); // at 1.5 s
    await scene.tick([a(51)], 1500); // at 3 s: what was made later stands
    await scene.tick([a(52)], 3000);
    expect(await scene.samples("a")).toBe("1:1 1.5:50 2:2 3:51 4:4 6:52");
    expect(await scene.samples("b")).toBe("1:0.01 2:0.02 3:0.03 4:0.04 4.001:stale");
  });

  test("takes an epoch that has no series at all", async () => {
    const scene = await openScene();
    await scene.tick([a(1)]);
    scene.agent.restart();
    expect(await scene.tick([])).toMatchObject({ kind: "stored", samples: 0 });
    await scene.tick([a(2)]);
    scene.store = await scene.bed.reopen();
    expect(await scene.samples("a")).toBe("1:1 2:stale 3:2");
  });

  test("shows and resolves nothing before the sync is done", async () => {
    const scene = await openScene();
    await scene.tick([a(1)]);
    const release = scene.bed.disk.hangSync();
    let isDone = false;
    const pending = scene.tick([a(2)]).then(() => {
      isDone = true;
    });
    await settle();
    expect(isDone).toBe(false);
    expect(await scene.samples("a")).toBe("1:1");
    expect(scene.store.position("alpha", scene.agent.streamId).lastSeq % 2 ** 32).toBe(1);
    release();
    await pending;
    expect(await scene.samples("a")).toBe("1:1 2:2");
  });

  test("changes nothing when the disk is full, and goes on when there is room", async () => {
    const scene = await openScene();
    await scene.tick([a(1)]);
    const frame = scene.make([a(2), b(1)]);
    scene.bed.disk.isFull = true;
    await expect(scene.send(frame)).rejects.toMatchObject({ code: "STORAGE" });
    expect(await scene.samples("b")).toBe("");
    expect(scene.store.position("alpha", scene.agent.streamId).seriesKnown).toBe(1);
    scene.bed.disk.isFull = false;
    expect(await scene.send(frame)).toMatchObject({ kind: "stored", samples: 2 });
    expect(await scene.samples("a")).toBe("1:1 2:2");
  });
});

describe("write", () => {
  const up = (value: number, node = "alpha") => ({
    labels: labelsOf({ __name__: "up", instance: node }),
    value,
  });

  test("stores series of our own without a node and ends what is not written again", async () => {
    const scene = await openScene();
    const start = scene.timeMs;
    await scene.store.write("up", start + 1000, [up(1), up(0.1, "beta")]);
    await scene.store.write("up", start + 2000, [up(0)]);
    await scene.store.write("up", start + 3000, [up(1)]);
    const all = await everything(scene.store);
    expect([...all.values()].map((samples) => [...samples.values()])).toEqual([
      [1, 0, 1],
      [0.1, "stale"],
    ]);
    expect(scene.store.streams()).toEqual([]);
  });

  test("drops and counts what is not after the group's last time, also of an earlier run", async () => {
    const scene = await openScene();
    const start = scene.timeMs;
    await scene.store.write("up", start + 2000, [up(1)]);
    await scene.store.write("up", start + 2000, [up(5)]);
    await scene.store.write("other", start + 1000, [up(1, "beta")]);
    expect(scene.bed.counted("telltale_store_late_writes_dropped_total")).toBe(1);
    scene.store = await scene.bed.reopen();
    await scene.store.write("up", start + 1500, [up(5)]);
    expect(scene.bed.counted("telltale_store_late_writes_dropped_total")).toBe(1);
    await scene.store.write("up", start + 3000, []);
    expect(await scene.samples("up")).toBe("2:1 3:stale");
  });

  test("goes on from where the clock is after it was set back, and the newer sample stands", async () => {
    const scene = await openScene();
    const start = scene.timeMs;
    for (const second of [1, 2, 3, 4]) {
      await scene.store.write("up", start + second * 1000, [up(1), up(1, "beta")]);
    }
    await scene.store.write("up", start + 2000, [up(0)]);
    await scene.store.write("up", start + 3000, [up(0)]);
    expect(await scene.samples("up")).toContain("1:1 2:0 3:0 4:1");
    scene.store = await scene.bed.reopen();
    await scene.store.write("up", start + 1000, [up(7)]);
    expect(await scene.samples("up")).toContain("1:7 2:0 3:0 4:1");
    expect(scene.bed.counted("telltale_store_late_writes_dropped_total")).toBe(0);
  });

  test("repeats times after the clock was set back: rules see the later ones only", async () => {
    const scene = await openScene();
    const start = scene.timeMs;
    const ruleSees = async () => {
      const matchers = [{ name: "__name__", type: "=", value: "up" }] as const;
      const [series] = await takenColumns(
        await scene.store.selectUnrepeated(matchers, start + 13_000, ALL_MS),
      );
      const { times = [], values = [] } = series ?? {};
      return [...times].map((time, i) => `${(time - start) / SECOND}:${values[i]}`).join(" ");
    };
    for (let second = 1; second <= 30; second += 1) {
      await scene.store.write("up", start + second * SECOND, [up(1)]);
    }
    await scene.store.write("up", start + 15_500, [up(0)]);
    expect(await ruleSees()).toBe("14:1 15:1 15.5:0");
    await scene.bed.clock.advance(10_000);
    await scene.store.cutDue(); // from here on it is read from chunks
    expect(await ruleSees()).toBe("14:1 15:1 15.5:0");
    scene.store = await scene.bed.reopen();
    await scene.store.write("up", start + 20_500, [up(0)]);
    expect(await ruleSees()).toBe("14:1 15:1 15.5:0 20.5:0");
    expect(await scene.samples("up")).toContain("15:1 15.5:0 16:1 17:1 18:1 19:1 20:1 20.5:0 21:1");
  });

  test("that failed is not missed by the next one", async () => {
    const scene = await openScene();
    const start = scene.timeMs;
    await scene.store.write("up", start + 1000, [up(1)]);
    scene.bed.disk.isFull = true;
    await expect(scene.store.write("up", start + 2000, [up(2)])).rejects.toThrow("no space");
    scene.bed.disk.isFull = false;
    await scene.store.write("up", start + 3000, [up(3)]);
    await scene.store.write("up", start + 4000, [up(4)]);
    expect(await scene.samples("up")).toBe("1:1 3:3 4:4");
  });
});

describe("labels", () => {
  test("are those of the series that were alive in the time and match", async () => {
    const scene = await openScene();
    await scene.tick([a(1), b(1)]);
    for (let i = 0; i < 400; i += 1) await scene.tick([a(i)]);
    await scene.store.cutDue();
    const { store, timeMs } = scene;
    const names = async (from: number, to: number) =>
      await store.labelValues("__name__", [], from, to);
    expect(await names(timeMs - 10_000, timeMs)).toEqual(["a"]);
    expect(await names(0, timeMs)).toEqual(["a", "b"]);
    expect(await names(0, scene.timeMs - 3_600_000)).toEqual([]);
    expect(await store.labelNames([], 0, timeMs)).toEqual(["__name__", "instance", "job"]);
    const sets = [
      [{ name: "__name__", type: "=", value: "b" }],
      [{ name: "__name__", type: "=~", value: "b|c" }],
    ] as const;
    expect(await store.seriesLabels(sets, 0, timeMs)).toEqual([
      labelsOf({ __name__: "b", instance: "alpha", job: "node" }),
    ]);
  });
});
