import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { blockKey, dayOf, partKey, rangeOf } from "../../../aggregator/logs/store/keys.ts";
import {
  type LogLine,
  type LogStore,
  openLogStore,
} from "../../../aggregator/logs/store/log-store.ts";
import { type Labels, labelsOf } from "../../../shared/model/labels.ts";
import { put } from "../../../shared/platform/ports.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FAKE_START_MS, FakeClock, settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";

const WEB = labelsOf({ job: "web", host: "a" });
const DB = labelsOf({ job: "db", host: "a" });
const NOW_US = FAKE_START_MS * 1000;
const DAY_MS = 86_400_000;
const ALL = { startUs: 0, endUs: 2 * NOW_US };
const OPTIONS = {
  retentionMs: 7 * DAY_MS,
  bytesMax: 1e9,
  streamsMax: 100,
  compactAfterMs: 60_000,
};

let disk: MemoryDisk;
let raw: MemoryStore;
let clock: FakeClock;
let metrics: Metrics;

beforeEach(() => {
  disk = new MemoryDisk();
  raw = new MemoryStore(disk);
  clock = new FakeClock();
});

async function open(options: Partial<typeof OPTIONS> = {}): Promise<LogStore> {
  metrics = new Metrics();
  const deps = { store: raw, clock, logger: new MemoryLogger(), metrics };
  return await openLogStore(deps, { ...OPTIONS, ...options });
}

async function crash(kind: "kill" | "power-cut" = "power-cut"): Promise<LogStore> {
  disk.crash(() => 0.9, kind);
  raw = new MemoryStore(disk);
  return await open();
}

function line(labels: Labels, timeUs: number, text: string): LogLine {
  return { labels, timeUs, bytes: Buffer.from(text), metadata: ["level", "info"] };
}

async function texts(
  store: LogStore,
  job: string,
  direction: "forward" | "backward" = "forward",
  substrings: readonly string[] = [],
  range = ALL,
): Promise<string[]> {
  const found: string[] = [];
  const matchers = [{ name: "job", type: "=" as const, value: job }];
  for (const { entries } of await store.select(matchers, range, direction, { substrings })) {
    for await (const batch of entries) for (const entry of batch) found.push(entry.line);
  }
  return found;
}

/** Packs whatever is hot. */
async function compact(store: LogStore): Promise<void> {
  await clock.advance(OPTIONS.compactAfterMs + 1000);
  await store.compactDue();
}

async function countOf(kind: "hot" | "index" | "part" | "damaged"): Promise<number> {
  let count = 0;
  for await (const _ of raw.entries(rangeOf(kind))) count += 1;
  return count;
}

describe("the log store", () => {
  test("has what was appended after a power cut, and what the caller put beside it", async () => {
    const store = await open();
    const position = put(Uint8Array.of(0x61), Uint8Array.of(7));
    await store.append([line(WEB, NOW_US, "a"), line(DB, NOW_US, "b")], [position]);
    const after = await crash();
    expect([await texts(after, "web"), await texts(after, "db")]).toEqual([["a"], ["b"]]);
    expect(await raw.get(Uint8Array.of(0x61))).toEqual(Uint8Array.of(7));
  });

  test("shows nothing of a batch that was not written", async () => {
    const store = await open();
    disk.isFull = true;
    await expect(store.append([line(WEB, NOW_US, "a")])).rejects.toMatchObject({ code: "STORAGE" });
    expect(await texts(store, "web")).toEqual([]);
    disk.isFull = false;
    await store.append([line(WEB, NOW_US, "b")]);
    expect(await texts(await crash(), "web")).toEqual(["b"]);
  });

  test("has the same lines in the same order however they are packed, for any search", async () => {
    const one = fc.record({
      job: fc.constantFrom(WEB, DB),
      timeUs: fc.nat(200).map((n) => NOW_US + n * 1e6),
      text: fc
        .tuple(fc.constantFrom("GET", "PUT", "ü"), fc.nat(30), fc.constantFrom("ok", "bad\r"))
        .map(([a, b, c]) => `${a} /item/${b} id${b * 7919} ${c}`),
    });
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.array(one, { minLength: 1, maxLength: 40 }) },
        { weight: 1, arbitrary: fc.constant("compact" as const) },
        { weight: 1, arbitrary: fc.constant("crash" as const) },
      ),
      { maxLength: 12, size: "max" },
    );
    const needle = fc.constantFrom("", "GET", "/item/7", "id7919", "id79", "ü /", "bad\r", "no");
    const range = fc.tuple(fc.nat(220), fc.nat(220));
    await fc.assert(
      fc.asyncProperty(steps, needle, range, async (made, substring, [from, length]) => {
        disk = new MemoryDisk();
        raw = new MemoryStore(disk);
        let store = await open();
        const model: { job: Labels; timeUs: number; text: string }[] = [];
        for (const step of made) {
          if (step === "compact") await compact(store);
          else if (step === "crash") store = await crash("kill");
          else {
            await store.append(step.map(({ job, timeUs, text }) => line(job, timeUs, text)));
            model.push(...step);
          }
        }
        const [startUs, endUs] = [NOW_US + from * 1e6, NOW_US + (from + length) * 1e6];
        const expected = model
          .filter(({ job, timeUs, text }) => {
            return job === WEB && timeUs >= startUs && timeUs < endUs && text.includes(substring);
          })
          .sort((a, b) => a.timeUs - b.timeUs)
          .map(({ text }) => text);
        const query = [[substring], { startUs, endUs }] as const;
        expect(await texts(store, "web", "forward", ...query)).toEqual(expected);
        expect(await texts(store, "web", "backward", ...query)).toEqual(expected.reverse());
      }),
      { numRuns: 25 },
    );
  });

  test("packs hot blocks into one, deletes them, and is the same after a crash", async () => {
    const store = await open();
    const lines = Array.from({ length: 500 }, (_, i) =>
      line(WEB, NOW_US + i, `GET /${i} ${i % 7}`),
    );
    for (let i = 0; i < 500; i += 50) await store.append(lines.slice(i, i + 50));
    await store.compactDue();
    expect([await countOf("hot"), await countOf("index")]).toEqual([10, 0]);
    await compact(store);
    expect([await countOf("hot"), await countOf("index")]).toEqual([0, 1]);
    const expected = lines.map((_, i) => `GET /${i} ${i % 7}`);
    expect(await texts(store, "web")).toEqual(expected);
    expect(await texts(await crash(), "web")).toEqual(expected);
  });

  test("has no line twice after a crash between packing and deleting", async () => {
    const store = await open();
    await store.append([line(WEB, NOW_US, "a")]);
    await store.append([line(WEB, NOW_US + 1, "b")]);
    const [stream] = await store.select([], ALL, "forward", { substrings: [] });
    const reading = stream?.entries[Symbol.asyncIterator]();
    await reading?.next(); // holds the hot blocks on the disk
    await clock.advance(OPTIONS.compactAfterMs + 1000);
    const compacting = store.compactDue();
    for (let i = 0; i < 100 && (await countOf("index")) === 0; i += 1) await settle();
    expect(await countOf("hot")).toBe(2);
    const after = await crash("kill");
    expect(await texts(after, "web")).toEqual(["a", "b"]);
    expect(await countOf("hot")).toBe(0);
    await reading?.return?.();
    await Promise.race([compacting, settle()]); // a process that is gone does not go on
  });

  test("a reader that began before a compaction reads to its end", async () => {
    const store = await open();
    for (let i = 0; i < 6; i += 1) {
      const own = Array.from({ length: 700 }, (_, k) => line(WEB, NOW_US + i * 1000 + k, `${i}`));
      await store.append(own);
    }
    const [stream] = await store.select([], ALL, "forward", { substrings: [] });
    const reading = stream?.entries[Symbol.asyncIterator]();
    let count = (await reading?.next())?.value.length ?? 0;
    await clock.advance(OPTIONS.compactAfterMs + 1000);
    const compacting = store.compactDue();
    for (let i = 0; i < 100 && (await countOf("index")) === 0; i += 1) await settle();
    for (;;) {
      const batch = await reading?.next();
      if (batch === undefined || batch.done === true) break;
      count += batch.value.length;
    }
    await compacting;
    expect([count, await countOf("hot")]).toEqual([6 * 700, 0]);
    expect(metricTotal(metrics, "telltale_log_store_damaged_blocks_total")).toBe(0);
  });

  test("drops whole days by age, counted from the newest line, and counts their lines", async () => {
    const store = await open();
    const old = NOW_US - 9 * DAY_MS * 1000;
    await store.append([line(DB, old, "old"), line(WEB, old, "old"), line(WEB, NOW_US, "new")]);
    await clock.advance(30 * DAY_MS);
    await store.dropExpired();
    expect([await texts(store, "web"), await texts(store, "db")]).toEqual([["new"], []]);
    expect(metricTotal(metrics, "telltale_log_store_lines_expired_total")).toBe(2);
    const after = await crash();
    expect(await after.labelValues("job", [], ALL)).toEqual(["web"]);
  });

  test("drops the oldest days when there are too many bytes, never the last", async () => {
    const store = await open({ bytesMax: 1 });
    for (const day of [3, 2, 1, 0]) {
      await store.append([line(WEB, NOW_US - day * DAY_MS * 1000, `day ${day}`)]);
    }
    await store.dropExpired();
    expect(await texts(store, "web")).toEqual(["day 0"]);
  });

  test.each(["hot", "index", "part"] as const)(
    "sets a damaged block aside, counts it, and goes on: %s",
    async (kind) => {
      const store = await open();
      await store.append([line(WEB, NOW_US, "a 1"), line(WEB, NOW_US + 1, "a 2")]);
      if (kind !== "hot") await compact(store);
      await store.append([line(WEB, NOW_US + 2, "b 1")]);
      const name = { day: dayOf(NOW_US), stream: 1, number: kind === "hot" ? 1 : 2 };
      const key = kind === "part" ? partKey(name, 1) : blockKey(kind, name);
      const bytes = (await raw.get(key))?.slice() ?? expect.fail("no such block");
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      await raw.batch([put(key, bytes)], { sync: true });
      const after = kind === "index" ? await crash() : store;
      expect(await texts(after, "web")).toEqual(["b 1"]);
      expect(metricTotal(metrics, "telltale_log_store_damaged_blocks_total")).toBe(1);
      expect(await countOf("damaged")).toBe(1);
      expect(await after.verify()).toEqual({ blocks: 1, lines: 1 });
    },
  );

  test("refuses lines of streams beyond the limit, counts them, and takes the rest", async () => {
    const store = await open({ streamsMax: 1 });
    const appended = await store.append([line(WEB, NOW_US, "a"), line(DB, NOW_US, "b")]);
    expect(appended).toEqual({ stored: 1, refused: 1 });
    expect(await store.series([], ALL)).toEqual([WEB]);
  });

  test("knows labels of streams that have lines in the time", async () => {
    const store = await open();
    await store.append([line(WEB, NOW_US, "a"), line(DB, NOW_US + 5e6, "b")]);
    const early = { startUs: NOW_US, endUs: NOW_US + 1e6 };
    expect(await store.labelNames([], ALL)).toEqual(["host", "job"]);
    expect(await store.labelValues("job", [], ALL)).toEqual(["db", "web"]);
    expect(await store.labelValues("job", [], early)).toEqual(["web"]);
    const matcher = { name: "job", type: "=~" as const, value: "d.*" };
    expect(await store.series([[matcher]], ALL)).toEqual([DB]);
  });
});
