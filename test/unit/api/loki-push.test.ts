import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ApiError } from "../../../aggregator/api/api-error.ts";
import {
  LokiPush,
  PUSH_STREAM,
  type PushedLine,
  type PushStore,
} from "../../../aggregator/api/loki-push.ts";
import type { PushedStream } from "../../../aggregator/api/loki-push-body.ts";
import { LineLog } from "../../../aggregator/logs/line-log.ts";
import { newestPushed } from "../../../aggregator/queries.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsFrom, labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { metricTotal } from "../../support/metric-total.ts";

const NOW_US = FAKE_START_MS * 1000;
const WEEK_MS = 7 * 86_400_000;
const logger = new MemoryLogger();
const APP = labelsOf({ app: "a" });

/** What happens to one aggregator's disk over its restarts. */
class Bed {
  readonly clock = new FakeClock();
  readonly disk = new MemoryDisk();
  metrics = new Metrics();
  log = this.#openLog();
  push = this.#openPush([]);

  async restart(): Promise<void> {
    await this.log.close();
    this.metrics = new Metrics();
    this.log = this.#openLog();
    await this.log.recover();
    this.push = this.#openPush(await newestPushed(this.log, 1000));
  }

  #openLog(): LineLog {
    const { clock, metrics } = this;
    return new LineLog({ store: new MemoryStore(this.disk), clock, logger, metrics });
  }

  #openPush(stored: readonly PushedLine[]): LokiPush {
    const { log: store, clock, metrics } = this;
    return new LokiPush({ store, clock, metrics }, { retentionMs: WEEK_MS }, stored);
  }

  /** What the client is answered; null: 204. */
  async send(...streams: readonly PushedStream[]): Promise<string | null> {
    const answer = this.push.push(streams).then(
      () => null,
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        return `${error.type}: ${error.message}`;
      },
    );
    await this.clock.advance(10);
    return await answer;
  }

  /** All lines of all blocks: `instance labels time text`. */
  async lines(): Promise<string[]> {
    const found: string[] = [];
    for (const block of this.log.blocks) {
      for (const { labels, lines } of (await this.log.read(block))?.sources ?? []) {
        for (const { timeUs, bytes } of lines) {
          found.push(`${block.stream.node} ${labels} ${timeUs - NOW_US} ${Buffer.from(bytes)}`);
        }
      }
    }
    return found.sort();
  }
}

function streamOf(labels: Labels, ...lines: readonly (readonly [us: number, text: string])[]) {
  const entries = lines.map(([us, text]) => {
    return { timeUs: NOW_US + us, ns: 0, bytes: Buffer.from(text), metadata: [] };
  });
  return { labels, entries };
}

function withMetadata(metadata: Readonly<Record<string, string>>): PushedStream {
  const [entry] = streamOf(APP, [0, "x"]).entries;
  return { labels: APP, entries: entry ? [{ ...entry, metadata: labelsOf(metadata) }] : [] };
}

test("what is pushed is stored when it is answered, under the instance that it names", async () => {
  const bed = new Bed();
  const db = labelsOf({ app: "a", instance: "db1" });
  expect(await bed.send(streamOf(APP, [1, "one"], [2, "two"]), streamOf(db, [1, "one"]))).toBe(
    null,
  );
  expect(await bed.lines()).toEqual([
    "db1 app,a,instance,db1 1 one",
    "push app,a 1 one",
    "push app,a 2 two",
  ]);
  expect(metricTotal(bed.metrics, "telltale_push_lines_total")).toBe(3);
});

test("a push that is sent again is not stored again, also after a restart", async () => {
  const bed = new Bed();
  const stream = streamOf(APP, [1, "one"], [1, "one"], [2, "one"]);
  expect(await bed.send(stream)).toBe(null);
  expect(await bed.send(stream, streamOf(APP, [3, "new"]))).toBe(null);
  await bed.restart();
  expect(await bed.send(stream, streamOf(APP, [4, "newer"]))).toBe(null);
  const times = (await bed.lines()).map((line) => line.split(" ").slice(2).join(" "));
  expect(times).toEqual(["1 one", "2 one", "3 new", "4 newer"]);
  expect(metricTotal(bed.metrics, "duplicate")).toBe(3);
});

test("lines of the same text and another nanosecond are two lines", async () => {
  const bed = new Bed();
  const entry = { timeUs: NOW_US, ns: 0, bytes: Buffer.from("x"), metadata: ["trace", "1"] };
  await bed.send({ labels: APP, entries: [entry, { ...entry, ns: 1 }] });
  expect(await bed.lines()).toHaveLength(2);
  const [block] = bed.log.blocks;
  const lines = block && (await bed.log.read(block))?.sources[0]?.lines;
  expect(lines?.map(({ metadata }) => metadata)).toEqual([entry.metadata, entry.metadata]);
});

test("a push whose lines are in one that fails fails as well, and is stored when it comes again", async () => {
  const bed = new Bed();
  const stream = streamOf(APP, [1, "one"]);
  bed.disk.isFull = true;
  const answers = await Promise.all([bed.send(stream), bed.send(stream)]);
  for (const answer of answers) expect(answer).toMatch(/^too_many: cannot store the lines: /);
  bed.disk.isFull = false;
  expect(await bed.send(stream)).toBe(null);
  expect(await bed.lines()).toEqual(["push app,a 1 one"]);
});

test.each<[string, PushedStream, string]>([
  ["no labels", streamOf([], [0, "x"]), "error at least one label pair is required per stream"],
  [
    "a time in the future",
    streamOf(APP, [601e6, "x"]),
    `entry for stream '{app="a"}' has timestamp too new: 2026-01-06T12:10:01Z`,
  ],
  [
    "a time before all that is kept",
    streamOf(APP, [-WEEK_MS * 1000 - 1e6, "x"]),
    `entry for stream '{app="a"}' has timestamp too old: 2025-12-30T11:59:59Z, oldest acceptable`,
  ],
  [
    "a line that is too long",
    streamOf(APP, [0, "x".repeat(262_145)]),
    `Max entry size '262144' bytes exceeded for stream '{app="a"}' while adding an entry with length '262145' bytes`,
  ],
  [
    "too many labels",
    streamOf(labelsFrom(Array.from({ length: 61 }, (_, i) => [`l${i}`, "x"] as const)), [0, "x"]),
    "has 61 label names; limit 60",
  ],
  [
    "a label that is too long",
    streamOf(labelsOf({ app: "x".repeat(2049) }), [0, "x"]),
    "has label value too long: label 'app'",
  ],
  [
    "too much metadata",
    withMetadata({ a: "x".repeat(40_000), b: "x".repeat(30_000) }),
    `stream '{app="a"}' has structured metadata size too large: '70002' bytes, limit: '65536' bytes`,
  ],
  [
    "too many labels of metadata",
    withMetadata(Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`l${i}`, "x"]))),
    `stream '{app="a"}' has too many structured metadata labels: '129', limit: '128'`,
  ],
])("of a push with %s the rest is stored, and its client is told", async (_what, stream, why) => {
  const bed = new Bed();
  const answer = await bed.send(streamOf(APP, [1, "before"]), stream, streamOf(APP, [2, "behind"]));
  expect(answer).toMatch(/^bad_data: /);
  expect(answer).toContain(why);
  expect(await bed.lines()).toEqual(["push app,a 1 before", "push app,a 2 behind"]);
  expect(metricTotal(bed.metrics, "refused")).toBe(1);
});

test("a push of nothing, and of more instances than there may be, is refused", async () => {
  const bed = new Bed();
  expect(await bed.send()).toMatch(/^execution: error at least one valid stream/);
  const many = Array.from({ length: 1001 }, (_, i) =>
    streamOf(labelsOf({ app: "a", instance: `i${i}` }), [0, "x"]),
  );
  expect(await bed.send(...many)).toContain("Maximum active stream limit exceeded");
  expect(await bed.lines()).toHaveLength(1000);
});

test("a store without room is said to be full after a while", async () => {
  const clock = new FakeClock();
  const store: PushStore = {
    position: () => ({ lastSeq: 0 }),
    commit: () => Promise.reject(new OperationalError("STORAGE", "not reached")),
    room: () => new Promise(() => {}),
  };
  const push = new LokiPush({ store, clock, metrics: new Metrics() }, { retentionMs: 1 }, []);
  const answer = push.push([streamOf(APP, [0, "x"])]).catch((error: unknown) => error);
  await clock.advance(2001);
  expect(await answer).toMatchObject({ type: "too_many" });
});

test("what does not compress is stored in several blocks", async () => {
  const bed = new Bed();
  const entries = Array.from({ length: 30 }, (_, i) => {
    return { timeUs: NOW_US + i, ns: 0, bytes: randomBytes(200_000), metadata: [] };
  });
  expect(await bed.send({ labels: APP, entries })).toBe(null);
  expect(bed.log.blocks.length).toBeGreaterThan(2);
  expect(bed.log.blocks.every(({ stream }) => stream.streamId === PUSH_STREAM)).toBe(true);
  let count = 0;
  for (const { sources } of bed.log.blocks) for (const one of sources) count += one.lineCount;
  expect(count).toBe(30);
});

test("whatever fails and comes again, each line is stored once", async () => {
  const line = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom("a", "b"));
  const stream = fc.record({
    labels: fc.constantFrom(APP, labelsOf({ app: "b" }), labelsOf({ app: "a", instance: "i" })),
    lines: fc.array(line, { minLength: 1, maxLength: 4 }),
  });
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("push" as const), stream }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("full" as const), stream }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), stream }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { size: "max", maxLength: 20 }), async (steps) => {
      const bed = new Bed();
      const model = new Set<string>();
      for (const { kind, stream: one } of steps) {
        if (kind === "restart") await bed.restart();
        bed.disk.isFull = kind === "full";
        const answer = await bed.send(streamOf(one.labels, ...one.lines));
        bed.disk.isFull = false;
        const node = labelValue(one.labels, "instance") || "push";
        const lines = one.lines.map(([us, text]) => `${node} ${one.labels} ${us} ${text}`);
        // What is there already needs no write, so a full disk is no fault then.
        const isNew = lines.some((text) => !model.has(text));
        expect(answer === null).toBe(kind !== "full" || !isNew);
        if (answer === null) for (const text of lines) model.add(text);
      }
      expect(await bed.lines()).toEqual([...model].sort());
    }),
    { numRuns: 30 },
  );
});
