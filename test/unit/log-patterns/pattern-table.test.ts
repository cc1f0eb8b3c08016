import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatternHistory } from "../../../aggregator/logs/patterns/pattern-history.ts";
import { rangeOfKind } from "../../../aggregator/logs/patterns/pattern-records.ts";
import {
  type PatternLimits,
  PatternTable,
} from "../../../aggregator/logs/patterns/pattern-table.ts";
import { rollUp } from "../../../aggregator/logs/patterns/roll-up.ts";
import { OTHER_ID, templateOf } from "../../../shared/log-patterns/miner.ts";
import { spanOf } from "../../../shared/model/byte-span.ts";
import { type Labels, labelsOf, NO_LABELS } from "../../../shared/model/labels.ts";
import { put } from "../../../shared/platform/ports.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { SeededRandom } from "../../support/random.ts";

const MINUTE_US = 60_000_000;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;
const DAY_MS = 86_400_000;
const START_US = 20_000 * DAY_US;
const LIMITS = { patternsMax: 200, skeletonsMax: 50, streamsMax: 10 };
const STREAMS = ["a", "b", "c"].map((name) => labelsOf({ service: name }));
const EVERYTHING = { startUs: START_US, endUs: START_US + 20 * DAY_US };
const BATCHES_KEY = Buffer.from("batches");

type Line = { readonly stream: number; readonly text: string; readonly timeUs: number };

const newTable = (limits: PatternLimits = LIMITS, metrics = new Metrics()) =>
  new PatternTable({ clock: new FakeClock(0), logger: new MemoryLogger(), metrics }, limits);

const labelsAt = (index: number): Labels => STREAMS[index] ?? [];

const facts = (table: PatternTable) =>
  table.patterns().map((pattern) => {
    const { id, count, firstUs, lastUs, example } = pattern;
    return { id, count, firstUs, lastUs, example, template: templateOf(pattern) };
  });

/** A table on a disk; the process may die in the middle of a write, and starts again. */
class Bed {
  readonly disk = new MemoryDisk();
  readonly random: SeededRandom;
  readonly limits: PatternLimits;
  table = newTable();
  store: MemoryStore;
  #stepsToCrash = -1;
  #crashed: () => void = () => {};

  constructor(seed: number, limits: PatternLimits) {
    this.random = new SeededRandom(seed);
    this.limits = limits;
    this.store = this.#opened();
  }

  async start(): Promise<void> {
    this.table = newTable(this.limits);
    await this.table.load(this.store);
  }

  async restart(): Promise<void> {
    await this.store.close();
    this.store = this.#opened();
    await this.start();
  }

  #opened(): MemoryStore {
    return new MemoryStore(this.disk, {
      random: this.random.next,
      onWriteStep: () => {
        if (this.#stepsToCrash < 0) return;
        this.#stepsToCrash -= 1;
        if (this.#stepsToCrash >= 0) return;
        this.disk.crash(this.random.next);
        this.#crashed();
      },
    });
  }

  /** As its agent does: until they are stored. @returns what the lines' ids were */
  async commit(
    number: number,
    lines: readonly Line[],
    faults: readonly Fault[],
  ): Promise<string[]> {
    for (const fault of [...faults, "none" as const]) {
      const ids = await this.#attempt(number, lines, fault);
      const stored = Number(Buffer.from((await this.store.get(BATCHES_KEY)) ?? []).toString());
      if (stored === number) return ids;
    }
    throw new Error("not even the last attempt went well");
  }

  /** Lines whose agent is gone before they are stored. */
  async lose(lines: readonly Line[]): Promise<void> {
    await this.#attempt(0, lines, "full");
  }

  async #attempt(number: number, lines: readonly Line[], fault: Fault): Promise<string[]> {
    // In two blocks: what changed is asked for after each.
    const middle = Math.floor(lines.length / 2);
    const ids: string[] = [];
    const operations = [lines.slice(0, middle), lines.slice(middle)].flatMap((block) => {
      for (const { stream, text, timeUs } of block) {
        ids.push(this.table.take(labelsAt(stream), spanOf(text), timeUs));
      }
      return this.table.changes();
    });
    const batch = [put(BATCHES_KEY, Buffer.from(String(number))), ...operations];
    if (fault === "crash") this.#stepsToCrash = this.random.int(0, 2);
    this.disk.doesSyncFail = fault === "sync";
    this.disk.isFull = fault === "full";
    const crashed = new Promise<"crashed">((resolve) => {
      this.#crashed = () => resolve("crashed");
    });
    const write = this.store.batch(batch, { sync: true });
    const result = await Promise.race([
      write.then(
        () => true,
        () => false,
      ),
      crashed,
    ]);
    this.disk.doesSyncFail = false;
    this.disk.isFull = false;
    this.#stepsToCrash = -1;
    if (result === "crashed") {
      this.store = this.#opened();
      await this.start();
    } else {
      this.table.settled(result);
    }
    if (result === false) await this.store.batch([], { sync: true }); // the failed one is undone
    return ids;
  }

  /** By id. Of all streams where there are no labels. */
  async historyTotal(labels: Labels): Promise<Map<string, number>> {
    const [name = "", value = ""] = labels;
    const matchers = [{ name, type: "=", value }] as const;
    const history = new PatternHistory(this.table, this.store);
    const query = { matchers, range: EVERYTHING, stepMs: DAY_US / 1000, limit: 1e6 };
    const { rows } = await history.list(query);
    return new Map(rows.map(({ id, count }) => [id, count]));
  }
}

type Fault = "none" | "sync" | "full" | "crash";

const word = fc.constantFrom("a", "user", "x=1", "/p/q", "open", "[", "]", ",", "7", ":", "down");
const rare = fc.string({ minLength: 1, maxLength: 3 });
const mixed = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, { weight: 1, arbitrary: rare }), { maxLength: 7 })
  .map((words) => words.join(" "));
/** Of these enough are soon found to be one. */
const greeting = fc
  .record({ name: fc.constantFrom(..."abcdefghijklmnop"), place: fc.constantFrom("door", "gate") })
  .map(({ name, place }) => `greeted ${name}${name} at the ${place}`);
const text = fc.oneof(mixed, greeting);
const line = fc.record({
  stream: fc.nat(2),
  text,
  timeUs: fc.integer({ min: 0, max: 40 }).map((step) => START_US + step * 2 * HOUR_US),
});
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      lines: fc.array(line, { minLength: 1, maxLength: 25 }),
      faults: fc.array(fc.constantFrom<Fault>("sync", "full", "crash"), { maxLength: 2 }),
      isLost: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "roll-up" as const }) },
);
/** So many that their counts are in several records. */
const MANY_PATTERNS = {
  kind: "commit",
  lines: Array.from({ length: 70 }, (_, i) => ({
    stream: 0,
    text: "z ".repeat(i),
    timeUs: START_US,
  })),
  faults: [],
  isLost: false,
} as const;
const steps = fc.array(step, { size: "max", maxLength: 12 });

/**
 * `isSame`: ids are compared with those of an undisturbed run. Otherwise some batches that fail do
 * not come again, and what they had may leave patterns without lines.
 */
async function played(
  all: readonly (Step | typeof MANY_PATTERNS)[],
  seed: number,
  limits: PatternLimits,
  isSame: boolean,
) {
  const bed = new Bed(seed, limits);
  await bed.start();
  const reference = newTable(limits);
  const streams = STREAMS.map(() => new Map<string, number>());
  let [batches, count] = [0, 0];
  let rolling: { readonly store: MemoryStore; readonly work: Promise<void> } | null = null;
  for (const one of all) {
    if (one.kind === "restart") {
      await rolling?.work;
      await bed.restart();
    }
    if (one.kind === "roll-up") {
      // Beside the next commit.
      const nowMs = (START_US + 3 * DAY_US) / 1000;
      const work = rollUp(bed.table, bed.store, { nowMs, retentionMs: 30 * DAY_MS });
      rolling = { store: bed.store, work: work.catch(() => {}) };
    }
    if (one.kind !== "commit") continue;
    if (!isSame && one.isLost) await bed.lose(one.lines);
    batches += 1;
    const ids = await bed.commit(batches, one.lines, one.faults);
    if (rolling?.store === bed.store) await rolling.work;
    rolling = null;
    const expected = one.lines.map(({ stream, text: words, timeUs }) =>
      reference.take(labelsAt(stream), spanOf(words), timeUs),
    );
    reference.changes();
    reference.settled(true);
    // What became one in a batch that failed is one from its beginning when it comes again.
    if (isSame) {
      const now = expected.map((id) => reference.find(id).id);
      expect(ids.map((id) => bed.table.find(id).id)).toEqual(now);
    }
    for (const [i, { stream }] of one.lines.entries()) {
      const own = streams[stream] as Map<string, number>;
      own.set(ids[i] as string, (own.get(ids[i] as string) ?? 0) + 1);
    }
    count += one.lines.length;
  }
  await rolling?.work;
  await bed.restart();
  expect(bed.table.lines).toBe(count);
  expect(facts(bed.table).reduce((sum, one) => sum + one.count, 0)).toBe(count);
  return { bed, reference, streams };
}

/** What ids lead to now. */
function byPattern(table: PatternTable, counts: ReadonlyMap<string, number>): Map<string, number> {
  const now = new Map<string, number>();
  for (const [id, lines] of counts) {
    const { id: own } = table.find(id);
    now.set(own, (now.get(own) ?? 0) + lines);
  }
  return now;
}

type Step = ReturnType<typeof step.generate>["value"];

describe("over failed writes, crashes and restarts", () => {
  test("each id, each count, each template and the history are those of an undisturbed run", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (all, seed) => {
        const { bed, reference, streams } = await played(all, seed, LIMITS, true);
        expect(facts(bed.table)).toEqual(facts(reference));
        for (const [i, counts] of streams.entries()) {
          expect(await bed.historyTotal(labelsAt(i))).toEqual(byPattern(bed.table, counts));
        }
      }),
      { numRuns: 15 },
    );
  });

  test("lines that were lost are counted nowhere, and those stored where their id leads", async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (all, seed) => {
        const { bed, streams } = await played(all, seed, LIMITS, false);
        const total = new Map<string, number>();
        for (const [i, counts] of streams.entries()) {
          expect(await bed.historyTotal(labelsAt(i))).toEqual(byPattern(bed.table, counts));
          for (const [id, lines] of counts) total.set(id, (total.get(id) ?? 0) + lines);
        }
        const counted = facts(bed.table).map(({ id, count }) => [id, count] as const);
        expect(new Map(counted)).toEqual(byPattern(bed.table, total));
      }),
      { numRuns: 15 },
    );
  });

  test("with far more patterns and streams than there may be, counts still add up", async () => {
    const limits = { patternsMax: 6, skeletonsMax: 8, streamsMax: 2 };
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (some, seed) => {
        const { bed, streams } = await played([MANY_PATTERNS, ...some], seed, limits, false);
        expect(bed.table.patterns().length).toBeLessThanOrEqual(7);
        const found = [...(await bed.historyTotal(NO_LABELS)).values()];
        const expected = streams.flatMap((one) => [...one.values()]);
        const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
        expect(sum(found)).toBe(sum(expected));
      }),
      { numRuns: 8 },
    );
  });
});

function taken(table: PatternTable, ...texts: readonly string[]): string[] {
  const ids = texts.map((words, i) => table.take(labelsAt(0), spanOf(words), START_US + i));
  table.changes();
  table.settled(true);
  return ids;
}

async function committed(table: PatternTable, store: MemoryStore, lines: readonly Line[]) {
  for (const { stream, text: words, timeUs } of lines)
    table.take(labelsAt(stream), spanOf(words), timeUs);
  await store.batch(table.changes(), { sync: true });
  table.settled(true);
}

async function historyLines(table: PatternTable, store: MemoryStore): Promise<number> {
  const query = { matchers: [], range: EVERYTHING, stepMs: DAY_MS, limit: 1e6 };
  return (await new PatternHistory(table, store).list(query)).lines;
}

describe("history", () => {
  const at = (timeUs: number) => ({ stream: 0, text: "all is well", timeUs });

  test.each([
    ["what the batch counts in stays open", []],
    [
      "many other times in the batch do not close it",
      [1, 2, 3, 4, 5].map((hour) => 9 * DAY_US + (12 + hour) * HOUR_US),
    ],
  ])("is rolled up while a batch is on its way: %s", async (_name, others) => {
    const store = new MemoryStore();
    const table = newTable();
    const oldUs = START_US + 10 * MINUTE_US; // the hour's part is not where this one is
    await committed(table, store, [at(oldUs)]);
    for (const timeUs of [oldUs, ...others.map((offset) => START_US + offset)]) {
      table.take(labelsAt(0), spanOf("all is well"), timeUs);
    }
    const operations = table.changes();
    const nowMs = START_US / 1000 + 10 * DAY_MS;
    await rollUp(table, store, { nowMs, retentionMs: 30 * DAY_MS });
    await store.batch(operations, { sync: true });
    table.settled(true);
    expect(await historyLines(table, store)).toBe(2 + others.length);
    await rollUp(table, store, { nowMs, retentionMs: 30 * DAY_MS });
    expect(await historyLines(table, store)).toBe(2 + others.length);
  });

  test("is by hours after a day, and gone after the retention, and its streams with it", async () => {
    const store = new MemoryStore();
    const table = newTable();
    const lines = Array.from({ length: 48 }, (_, i) => at(START_US + i * 5 * MINUTE_US));
    await committed(table, store, lines);
    const records = async () => {
      const found: Uint8Array[] = [];
      for await (const [key] of store.entries(rangeOfKind("history"))) found.push(key);
      return found.length;
    };
    expect(await records()).toBe(48);
    const query = { matchers: [], range: EVERYTHING, stepMs: DAY_MS, limit: 10 };
    const before = await new PatternHistory(table, store).list(query);
    const nowMs = START_US / 1000 + 2 * DAY_MS;
    await rollUp(table, store, { nowMs, retentionMs: 30 * DAY_MS });
    expect(await records()).toBe(4);
    expect(await new PatternHistory(table, store).list(query)).toEqual(before);
    await rollUp(table, store, { nowMs, retentionMs: DAY_MS });
    expect(await records()).toBe(0);
    expect(table.counts.streams).toHaveLength(1); // that of lines of too many streams
    expect(table.lines).toBe(48);
    await committed(table, store, [at(START_US + 2 * DAY_US)]);
    expect(await historyLines(table, store)).toBe(1);
  });

  test("is told by step, of the streams that match, the most frequent first", async () => {
    const store = new MemoryStore();
    const table = newTable();
    const other = (minute: number) => ({
      stream: 1,
      text: `disk ${minute} is full`,
      timeUs: START_US + minute * MINUTE_US,
    });
    await committed(table, store, [at(START_US), other(1), other(2), other(12), other(31)]);
    const history = new PatternHistory(table, store);
    const range = { startUs: START_US, endUs: START_US + 30 * MINUTE_US };
    const list = await history.list({ matchers: [], range, stepMs: 600_000, limit: 1 });
    expect(list).toMatchObject({
      patterns: 2,
      lines: 4,
      stepMs: 600_000,
      startMs: START_US / 1000,
    });
    expect(list.rows).toHaveLength(1);
    expect(list.rows[0]).toMatchObject({
      template: "disk <*> is full",
      example: "disk 1 is full",
      count: 3,
      counts: [2, 1, 0],
      firstUs: START_US + MINUTE_US,
      lastUs: START_US + 31 * MINUTE_US,
    });
    const matchers = [{ name: "service", type: "=~", value: "a|z" }] as const;
    const timeS = START_US / 1e6;
    expect(await history.patterns(matchers, range, 1)).toEqual([
      { template: "all is well", samples: [[timeS, 1]] },
    ]);
  });
});

test("patterns that become one are counted once, wherever their counts are kept", async () => {
  const store = new MemoryStore();
  const table = newTable();
  const line = (words: string) => [{ stream: 0, text: words, timeUs: START_US }];
  for (let i = 0; i < 60; i += 1) await committed(table, store, line("z ".repeat(i)));
  for (const name of "abcdefghij") await committed(table, store, line(`greeted ${name} there now`));
  expect(table.patterns()).toHaveLength(61);
  const loaded = newTable();
  await loaded.load(store);
  expect(facts(loaded)).toEqual(facts(table));
});

describe("a new pattern", () => {
  test("is told with its first line, once, and again when that line was not stored", () => {
    const table = newTable();
    table.take(labelsAt(1), spanOf("disk 3 is full"), START_US);
    expect(table.newStreams()).toEqual([labelsAt(1)]);
    expect(table.newStreams()).toEqual([]);
    table.settled(false);
    expect(table.newStreams()).toEqual([]);
    table.take(labelsAt(1), spanOf("disk 4 is full"), START_US);
    expect(table.newStreams()).toEqual([labelsAt(1)]);
    table.settled(true);
    taken(table, "disk 5 is full");
    expect(table.newStreams()).toEqual([]);
  });

  test("that is found to be an old one at once is not told", () => {
    const metrics = new Metrics();
    const table = newTable(LIMITS, metrics);
    const greeted = (name: string) => `greeted ${name} at the door`;
    taken(table, ...["ana", "bo", "chen", "dora", "emil", "fay", "gus"].map(greeted));
    const made = metricTotal(metrics, "telltale_log_patterns_new_total");
    taken(table, greeted("hal"));
    expect(table.patterns()).toHaveLength(1);
    expect(table.newStreams()).toEqual([]);
    expect(metricTotal(metrics, "telltale_log_patterns_new_total")).toBe(made);
  });
});

describe("hostile lines", () => {
  test("long ones, controls, colours and times that cannot be are counted", async () => {
    const disk = new MemoryDisk();
    const store = new MemoryStore(disk);
    const table = newTable();
    const texts = [
      "x".repeat(262_144),
      "\u0000\u0007\u001b[31m",
      "",
      "a ".repeat(131_072),
      "\u{1f600}".repeat(2000),
    ];
    const times = [-1, 0, 2 ** 53 - 1, 2 ** 50, START_US];
    for (const [i, words] of texts.entries()) table.take([], spanOf(words), times[i] ?? 0);
    await store.batch(table.changes(), { sync: true });
    table.settled(true);
    const loaded = newTable();
    await loaded.load(store);
    expect(loaded.lines).toBe(5);
    expect(facts(loaded)).toEqual(facts(table));
  });

  test("a hundred thousand different words stay within the bounds", () => {
    const table = newTable({ patternsMax: 300, skeletonsMax: 1000, streamsMax: 10 });
    const letters = "abcdefghijklmnop";
    const random = new SeededRandom(3);
    const made = () => Array.from({ length: 9 }, () => random.pick([...letters])).join("");
    for (let batch = 0; batch < 20; batch += 1) {
      taken(
        table,
        "it is well",
        ...Array.from({ length: 500 }, () => `${made()} ${made()}: ${made()}`),
      );
    }
    expect(table.patterns().length).toBeLessThanOrEqual(301);
    expect(table.lines).toBe(20 * 501);
  });

  test("a damaged record loses its own pattern, whose lines count as others", async () => {
    const store = new MemoryStore();
    const table = newTable();
    table.take([], spanOf("alpha beta"), START_US);
    table.take([], spanOf("gamma: delta"), START_US);
    const operations = table.changes();
    await store.batch(operations, { sync: true });
    const broken = operations.find(({ key }) => key[1] === "p".charCodeAt(0));
    await store.batch([put(broken?.key as Uint8Array, Buffer.from("nonsense"))], { sync: true });
    const metrics = new Metrics();
    const loaded = newTable(LIMITS, metrics);
    await loaded.load(store);
    expect(loaded.lines).toBe(2);
    expect(loaded.patterns().map(({ id }) => id)).toContain(OTHER_ID);
    expect(metricTotal(metrics, "telltale_log_patterns_damaged_total")).toBe(1);
  });
});
