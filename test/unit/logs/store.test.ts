import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LineLogOptions } from "../../../aggregator/logs/line-log.ts";
import { LineSource } from "../../../aggregator/logs/line-source.ts";
import { planMerges } from "../../../aggregator/logs/store/merge-plan.ts";
import { labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { put } from "../../../shared/platform/ports.ts";
import { ALL, type BedLine, LineLogBed, NOW_US } from "../../support/line-log-bed.ts";

const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;
const DAMAGED = "telltale_logs_damaged_blocks_total";
const DROPPED = "telltale_logs_lines_dropped_total";

const open = (options: Partial<LineLogOptions> = {}) => new LineLogBed(options).open();

function web(timeUs: number, text: string): BedLine {
  return { job: "web", timeUs, text };
}

/** Lines as a reader should find them: by time, those of one time as they came. */
function sorted(lines: readonly BedLine[]): BedLine[] {
  return [...lines].sort((a, b) => a.timeUs - b.timeUs);
}

describe("the store of log lines", () => {
  test("has the same lines in the same order however they are packed, for any search", async () => {
    const line = fc.record({
      job: fc.constantFrom("web", "db"),
      timeUs: fc.nat(200).map((n) => NOW_US - n * 1e9),
      text: fc
        .tuple(fc.constantFrom("GET", "PUT", "ü"), fc.nat(30), fc.constantFrom("ok", "bad\r"))
        .map(([a, b, c]) => `${a} /item/${b} id${b * 7919} ${c}`),
    });
    const steps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.array(line, { minLength: 1, maxLength: 40 }) },
        { weight: 4, arbitrary: fc.constant("pack") },
        { weight: 2, arbitrary: fc.constantFrom("kill", "power-cut", "delete") },
      ),
      { maxLength: 30, size: "max" },
    );
    const needle = fc.constantFrom("", "GET", "/item/7", "id7919", "id79", "ü /", "bad\r", "no");
    const range = fc.tuple(fc.nat(220), fc.nat(220));
    await fc.assert(
      fc.asyncProperty(steps, needle, range, async (made, substring, [from, length]) => {
        const bed = await open();
        const model: BedLine[] = [];
        for (const [seq, step] of made.entries()) {
          if (step === "pack") await bed.pack();
          else if (step === "delete") {
            await bed.clock.advance(DAY_MS);
            await bed.log.compactDue(new AbortController().signal);
          } else if (typeof step === "string") await bed.crash(step as "kill");
          else {
            await bed.commit(seq + 1, step);
            model.push(...step);
          }
        }
        const startUs = NOW_US - from * 1e9;
        const time = { startUs, endUs: startUs + length * 1e9 };
        const expected = sorted(model)
          .filter(({ job, timeUs, text }) => {
            const isInTime = timeUs >= time.startUs && timeUs < time.endUs;
            return job === "web" && isInTime && text.includes(substring);
          })
          .map(({ text }) => text);
        expect(await bed.read("web", "forward", [substring], time)).toEqual(expected);
        expect(await bed.read("web", "backward", [substring], time)).toEqual(expected.reverse());
        const jobs = new Set(model.map(({ job }) => job));
        expect(bed.jobs()).toEqual([...jobs].sort());
        expect(bed.total(DAMAGED)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test("keeps what a sender said of a line, and that it was cut", async () => {
    const bed = await open();
    const trace = (id: string) => ({ metadata: labelsOf({ trace: id }) });
    const metadata = async () => {
      const source = new LineSource(bed.log);
      const [stream] = await source.select([], ALL, "forward", { substrings: [] });
      const found: string[] = [];
      for await (const batch of stream?.entries ?? []) {
        for (const one of batch) found.push(`${one.line}: ${one.metadata}`);
      }
      return found;
    };
    await bed.commit(1, [
      { ...web(NOW_US, "plain") },
      { ...web(NOW_US + 1, "one"), ...trace("1") },
      { ...web(NOW_US + 2, "cut"), ...trace("2"), isCut: true },
      { ...web(NOW_US + 3, "error"), metadata: labelsOf({ detected_level: "info" }) },
    ]);
    const expected = [
      "plain: detected_level,unknown",
      "one: detected_level,unknown,trace,1",
      "cut: cut,true,detected_level,unknown,trace,2",
      "error: detected_level,info",
    ];
    expect(await metadata()).toEqual(expected);
    await bed.pack();
    expect(await metadata()).toEqual(expected);
    for (let seq = 2; seq <= 4; seq += 1) {
      await bed.commit(seq, [{ ...web(NOW_US + 2 + seq, "two"), ...trace("1") }]);
      await bed.pack();
    }
    expect(bed.keys("x")).toBe(1); // merged
    const more = Array(3).fill("two: detected_level,unknown,trace,1");
    expect(await metadata()).toEqual([...expected, ...more]);
  });

  test("packs blocks into one for each stream and day, and deletes them later", async () => {
    const bed = await open();
    const lines = Array.from({ length: 500 }, (_, i) => web(NOW_US + i, `GET /${i} ${i % 7}`));
    for (let i = 0; i < 10; i += 1) await bed.commit(i + 1, lines.slice(i * 50, i * 50 + 50));
    await bed.log.compactAll(new AbortController().signal);
    expect([bed.keys("i"), bed.keys("x")]).toEqual([10, 0]); // too young
    await bed.pack();
    expect([bed.keys("i"), bed.keys("x"), bed.keys("b"), bed.keys("d")]).toEqual([0, 1, 10, 10]);
    await bed.clock.advance(DAY_MS);
    await bed.log.compactDue(new AbortController().signal);
    expect([bed.keys("b"), bed.keys("d")]).toEqual([0, 0]);
    expect(await bed.read("web")).toEqual(lines.map(({ text }) => text));
    await bed.commit(11, [web(NOW_US + DAY_US, "tomorrow"), web(NOW_US - DAY_US, "yesterday")]);
    await bed.pack();
    expect(bed.keys("x")).toBe(3);
  });

  test("makes one packed block of small ones of a day, and reads the old ones to their end", async () => {
    const bed = await open();
    for (let seq = 1; seq <= 3; seq += 1) {
      await bed.commit(seq, [web(NOW_US + seq, `line ${seq}`), web(NOW_US + 9, `same ${seq}`)]);
      await bed.pack();
    }
    expect([bed.keys("x"), bed.keys("r")]).toEqual([3, 0]);
    const select = () => new LineSource(bed.log).select([], ALL, "forward", { substrings: [] });
    const [early, late] = [await select(), await select()];
    await bed.commit(4, [web(NOW_US - DAY_US, "yesterday"), web(NOW_US, "line 4")]);
    await bed.pack();
    expect([bed.keys("x"), bed.keys("r")]).toEqual([2, 4]);
    const expected = ["line 1", "line 2", "line 3", "same 1", "same 2", "same 3"];
    expect(await bed.read("web")).toEqual(["yesterday", "line 4", ...expected]);
    const texts: string[] = [];
    for await (const batch of early[0]?.entries ?? []) {
      for (const { line } of batch) texts.push(line);
    }
    expect(texts).toEqual(expected);
    await bed.clock.advance(DAY_MS);
    await bed.log.compactDue(new AbortController().signal);
    expect(bed.keys("r")).toBe(0);
    const reading = late[0]?.entries[Symbol.asyncIterator]();
    await expect(reading?.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(bed.total(DAMAGED)).toBe(0);
    expect(await bed.read("web")).toHaveLength(8);
  });

  test.each([
    ["small ones that follow each other", "1s 2s 3s 4s", "1234"],
    ["not too few", "1s 2s 3s", ""],
    ["not over a large one, whatever their times", "1s 2s 5L 3s 4s 6s", "1234"],
    ["no more lines than a block may have", "1m 2m 3m 4m 5m 6m", "1234"],
    ["a day each", "1s 2s 3s 4s' 5s'", ""],
  ])("packs again: %s", (_, made, expected) => {
    const blocks = made.split(" ").map(([seq = "", size, day], at) => ({
      kind: "packed" as const,
      ...{ day: day === undefined ? 1 : 2, stream: 1, number: at, bytes: 1, textBytes: 1 },
      ...{ firstUs: at, lastUs: at, origin: { stream: 1, seq: Number(seq) } },
      lineCount: size === "s" ? 10 : size === "m" ? 16_384 : 50_000,
    }));
    const groups = planMerges(blocks).map((group) =>
      group.map(({ origin }) => origin.seq).join(""),
    );
    expect(groups.join(" ")).toBe(expected);
  });

  test("packs when there is too much, the larger stream first", async () => {
    const bed = await open({ hotBytesMax: 12 * 1024 });
    const lines = Array.from({ length: 10 }, (_, i) => web(NOW_US + i, `line ${i}`));
    const [large, small] = ["a".repeat(32), "b".repeat(32)];
    for (const [i, line] of lines.entries()) await bed.commit(i + 1, [line], large);
    await bed.commit(1, [web(NOW_US, "other")], small);
    await bed.clock.advance(DAY_MS);
    await bed.log.compactDue(new AbortController().signal);
    expect([bed.keys("i"), bed.keys("x")]).toEqual([11, 0]);
    await bed.commit(2, [web(NOW_US, "other")], small);
    await bed.log.compactDue(new AbortController().signal);
    expect([bed.keys("i"), bed.keys("x")]).toEqual([2, 1]);
    expect(await bed.read("web")).toHaveLength(12);
  });

  test("a reader that began before a compaction reads each line once", async () => {
    const bed = await open();
    for (let i = 0; i < 6; i += 1) {
      const own = Array.from({ length: 700 }, (_, k) => web(NOW_US + i * 1000 + k, `${i}.${k}`));
      await bed.commit(i + 1, own);
    }
    const select = () => new LineSource(bed.log).select([], ALL, "forward", { substrings: [] });
    const [before] = await select();
    const texts: string[] = [];
    const reading = before?.entries[Symbol.asyncIterator]();
    const first = await reading?.next();
    for (const { line } of first?.value ?? []) texts.push(line);
    await bed.pack();
    for (;;) {
      const batch = await reading?.next();
      if (batch === undefined || batch.done === true) break;
      for (const { line } of batch.value) texts.push(line);
    }
    expect(texts).toHaveLength(6 * 700);
    expect(texts).toEqual(await bed.read("web"));
  });

  test("a reader that takes longer than what it reads is kept fails, and reads nothing twice", async () => {
    const bed = await open();
    await bed.commit(1, [web(NOW_US, "a")]);
    const [stream] = await new LineSource(bed.log).select([], ALL, "forward", { substrings: [] });
    await bed.pack();
    await bed.clock.advance(DAY_MS);
    await bed.log.compactDue(new AbortController().signal);
    const reading = stream?.entries[Symbol.asyncIterator]();
    await expect(reading?.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("what comes while blocks are packed is there, and what follows them is told of once", async () => {
    const bed = await open();
    await bed.commit(1, [web(NOW_US, "a")]);
    await bed.commit(2, [web(NOW_US + 1, "b")]);
    const seen = bed.log.storedCount;
    await bed.clock.advance(DAY_MS);
    const packing = bed.log.compactAll(new AbortController().signal);
    await bed.commit(3, [web(NOW_US + 2, "c")]);
    await packing;
    expect(await bed.read("web")).toEqual(["a", "b", "c"]);
    expect(bed.log.storedSince(seen).map(({ seq }) => seq % 2 ** 32)).toEqual([3]);
    const late = () => bed.log.storedSince(seen - 1); // it would miss a block, or have one twice
    expect(late).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  });

  test("keeps that a line was cut, packed or not", async () => {
    const bed = await open();
    await bed.commit(1, [{ ...web(NOW_US, "long…"), isCut: true }, web(NOW_US + 1, "short")]);
    const metadata = async () => {
      const found: string[] = [];
      const source = new LineSource(bed.log);
      const streams = await source.select([], ALL, "forward", { substrings: [] });
      for await (const batch of streams[0]?.entries ?? []) {
        for (const one of batch) found.push(labelValue(one.metadata, "cut"));
      }
      return found;
    };
    expect(await metadata()).toEqual(["true", ""]);
    await bed.pack();
    expect(await metadata()).toEqual(["true", ""]);
  });

  test("keeps lines of too many streams together, and counts them", async () => {
    const bed = await open({ streamsMax: 2 });
    await bed.commit(1, [web(NOW_US, "a"), { ...web(NOW_US, "b"), job: "db" }]);
    await bed.commit(2, [{ ...web(NOW_US, "c"), job: "x" }, web(NOW_US, "d")]);
    await bed.commit(3, [{ ...web(NOW_US, "e"), job: "y" }]);
    expect(bed.jobs()).toEqual(["", "db", "web"]);
    const rest = new LineSource(bed.log).streams([[{ name: "job", type: "=", value: "" }]], ALL);
    expect(rest).toEqual([["instance", "web-1", "overflow", "true"]]);
    expect(bed.total("telltale_logs_overflow_lines_total")).toBe(2);
    await bed.pack();
    await bed.crash();
    expect(await bed.read("")).toEqual(["c", "e"]);
    expect(await bed.read("web")).toEqual(["a", "d"]);
  });

  test("takes a source without lines, and has no stream of it", async () => {
    const bed = await open();
    await bed.commit(1, []);
    expect(bed.log.position("web-1", "0".repeat(32)).framesStored).toBe(1);
    expect(bed.jobs()).toEqual([]);
  });
});

describe("retention of log lines", () => {
  const retention = { ageMs: 7 * DAY_MS, bytesMax: 1e9, streams: [] };

  test("drops whole days by age, counted from the newest line, and counts their lines", async () => {
    const bed = await open({ retention });
    const old = NOW_US - 9 * DAY_US;
    await bed.commit(1, [{ ...web(old, "old"), job: "db" }, web(old, "old"), web(NOW_US, "new")]);
    await bed.pack();
    await bed.clock.advance(30 * DAY_MS); // the clock jumps: the newest line does not
    await bed.log.dropExpired();
    expect([await bed.read("web"), await bed.read("db")]).toEqual([["new"], []]);
    expect(bed.total(DROPPED)).toBe(2);
    await bed.crash();
    expect(bed.jobs()).toEqual(["web"]);
    expect(bed.keys("s")).toBe(1);
  });

  test("drops blocks that are not packed when all their lines are too old", async () => {
    const bed = await open({ retention });
    await bed.commit(1, [web(NOW_US - 8 * DAY_US, "old")]);
    await bed.commit(2, [web(NOW_US - 8 * DAY_US, "old beside new"), web(NOW_US, "new")]);
    await bed.log.dropExpired();
    expect(await bed.read("web")).toEqual(["old beside new", "new"]);
    expect([bed.keys("b"), bed.keys("i")]).toEqual([1, 1]);
    expect(bed.log.position("web-1", "0".repeat(32)).framesStored).toBe(2);
  });

  test("a stream has the age of the first rule that matches", async () => {
    const db = [{ name: "job", type: "=" as const, value: "db" }];
    const streams = [
      { matchers: db, ageMs: DAY_MS },
      { matchers: [], ageMs: 30 * DAY_MS },
    ];
    const bed = await open({ retention: { ...retention, streams } });
    const at = NOW_US - 3 * DAY_US;
    await bed.commit(1, [{ ...web(at, "a"), job: "db" }, web(at, "b"), web(NOW_US, "c")]);
    await bed.pack();
    await bed.log.dropExpired();
    expect([await bed.read("web"), await bed.read("db")]).toEqual([["b", "c"], []]);
    expect(bed.keys("p")).toBe(bed.log.streams.select([]).length * 2 + 2);
  });

  test("drops the oldest days when there are too many bytes, never the last", async () => {
    const bed = await open({ retention: { ...retention, bytesMax: 1 } });
    for (const day of [3, 2, 1, 0]) {
      await bed.commit(4 - day, [web(NOW_US - day * DAY_US, `day ${day}`)]);
      if (day === 2) await bed.pack();
    }
    await bed.log.dropExpired();
    expect(await bed.read("web")).toEqual(["day 0"]);
    expect(bed.total(DROPPED)).toBe(3);
  });
});

describe("a damaged store of log lines", () => {
  test.each(["b", "i", "x", "p"])(
    "sets a block aside, counts it, and goes on: %s",
    async (kind) => {
      const bed = await open();
      await bed.commit(1, [web(NOW_US, "a 1"), web(NOW_US + 1, "a 2")]);
      if (kind === "x" || kind === "p") {
        await bed.pack();
        await bed.crash(); // what was replaced is gone
      }
      await bed.commit(2, [web(NOW_US + 2, "b 1")]);
      const first = kind.charCodeAt(0);
      const range = { gte: Uint8Array.of(first), lt: Uint8Array.of(first + 1) };
      for (const [key, value] of bed.disk.slice({ ...range, limit: 1 })) {
        value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
        await bed.store.batch([put(key, value)], { sync: true });
      }
      if (kind === "i" || kind === "x") await bed.crash();
      expect(await bed.read("web")).toEqual(["b 1"]);
      expect(bed.total(DAMAGED)).toBe(1);
      expect(bed.keys("q")).toBe(1);
      expect(await bed.log.verify()).toEqual({ blocks: 1, lines: 1 });
      await bed.pack();
      expect(await bed.read("web")).toEqual(["b 1"]);
      expect(bed.total(DAMAGED)).toBe(1);
    },
  );

  test("loses the lines of a stream whose labels are damaged, and says so", async () => {
    const bed = await open();
    await bed.commit(1, [{ ...web(NOW_US, "a"), job: "db" }, web(NOW_US, "b")]);
    await bed.pack();
    const range = { gte: Uint8Array.of(0x73), lt: Uint8Array.of(0x74), limit: 1 };
    const [entry] = bed.disk.slice(range);
    await bed.store.batch([put(entry?.[0] as Uint8Array, Uint8Array.of(0x7b))], { sync: true });
    await bed.crash();
    expect(bed.jobs()).toEqual(["web"]);
    expect(bed.total(DAMAGED)).toBe(2);
    await bed.commit(2, [{ ...web(NOW_US, "c"), job: "db" }]);
    await bed.pack();
    await bed.crash();
    expect([await bed.read("db"), await bed.read("web")]).toEqual([["c"], ["b"]]);
  });
});
