import { expect, test } from "vitest";
import { StatsdBed } from "../../support/statsd-bed.ts";

const MINUTE_MS = 60_000;

test("counters go on over ticks, and those of which nothing is said are there all the same", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:1|c", "b:7|g");
  await bed.send("a:2|c");
  await bed.tick();
  const samples = [...bed.sink.series.values()].map((one) => one.samples.map(([, value]) => value));
  expect(samples).toEqual([
    [1, 3, 3],
    [7, 7, 7],
  ]);
});

test("all of a tick have its time", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:1|c\nb:1|g\nc:1|h");
  const times = [...bed.sink.series.values()].map(({ samples }) => samples[0]?.[0]);
  expect(new Set(times)).toEqual(new Set([bed.clock.nowMs()]));
  expect(bed.sink.groups).toBe(1);
});

test("a reload takes what has added up along", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:5|c\nt:20|ms");
  bed.reload();
  await bed.send("a:1|c");
  await bed.tick();
  expect(bed.values).toMatchObject({ a: 6, t_count: 1, t_sum: 0.02 });
});

test("five minutes without a word end a series; the next word begins anew", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:5|c\nb:1|c");
  for (let i = 0; i < 5; i += 1) {
    await bed.tick(MINUTE_MS - 500);
    await bed.send("b:1|c");
  }
  expect(bed.values).toEqual({ a: null, b: 6 });
  await bed.send("a:1|c");
  expect(bed.values).toEqual({ a: 1, b: 6 });
  await bed.tick(12 * MINUTE_MS);
  await bed.tick(12 * MINUTE_MS);
  expect(bed.count("telltale_agent_push_series")).toBe(0);
  expect(bed.sink.groups).toBe(0);
});

test("what ends does not come apart from the others when it comes back", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  for (let i = 0; i < 4; i += 1) {
    await bed.send("a:1|c\nb:1|c");
    for (let minute = 0; minute < 6; minute += 1) await bed.send("b:1|c");
    await bed.tick(4 * MINUTE_MS);
    await bed.send("b:1|c");
    await bed.tick(2 * MINUTE_MS);
    expect(bed.values["a"]).toBeNull();
  }
  await bed.send("a:1|c");
  expect(bed.sink.groups).toBe(1);
});

test("a set is what was different in the last ten seconds", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("u:a|s\nu:b|s\nu:a|s\nu:x:y|s");
  expect(bed.values).toEqual({});
  for (let i = 0; i < 10; i += 1) await bed.tick();
  expect(bed.values).toEqual({ u: 3 });
  await bed.send("u:a|s");
  expect(bed.values).toEqual({ u: 3 });
  for (let i = 0; i < 10; i += 1) await bed.tick();
  expect(bed.values).toEqual({ u: 1 });
  for (let i = 0; i < 10; i += 1) await bed.tick();
  expect(bed.values).toEqual({ u: 0 });
});

test("members of sets are bounded together, and room comes back with each window", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  const lines = (from: number) => {
    return Array.from({ length: 1000 }, (_, i) => `u:${from + i}|s`).join("\n");
  };
  const many = (n: number) => Array.from({ length: n }, (_, i) => lines(i * 1000));
  await bed.send(...many(101));
  expect(bed.refused).toEqual({ set_members: 1000 });
  for (let i = 0; i < 10; i += 1) await bed.tick();
  expect(bed.values).toEqual({ u: 100_000 });
  await bed.send(...many(1));
  expect(bed.refused).toEqual({ set_members: 1000 });
});

test("a name has one type, until nothing is said of it any more", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  await bed.send("a:1|c", "a:2|g|#x:y", "h:1|h", "h_count:1|c", "x_sum:1|g", "x:1|ms", "h:1|ms");
  expect(bed.refused).toEqual({ type_conflict: 4 });
  expect(bed.values).toMatchObject({ a: 1, h_count: 1, x_sum: 1 });
  await bed.tick(6 * MINUTE_MS);
  await bed.send("a:2|g|#x:y");
  expect(bed.values).toMatchObject({ a: null, "a{x:y}": 2 });
});

test("beyond the limit new series are left out, a histogram with all it has", async () => {
  const bed = new StatsdBed({ series_max: 6 });
  await using _listening = await bed.listen();
  await bed.send("a:1|c\nb:1|c", "h:1|h", "i:1:2|h", "c:1|c", "a:1|c");
  expect(bed.refused).toEqual({ sender_series: 2 });
  expect(bed.values).toEqual({ a: 2, b: 1, c: 1 });
  await bed.tick(6 * MINUTE_MS);
  await bed.tick(6 * MINUTE_MS);
  await bed.send("h:1|h");
  expect(bed.values).toMatchObject({ h_count: 1 });
});

test("an agent that has no room for more series leaves them out, and takes them later", async () => {
  const bed = new StatsdBed();
  bed.sink.groupsMax = 0;
  await using _listening = await bed.listen();
  for (let i = 0; i < 12; i += 1) {
    await bed.send("a:1|c");
    await bed.tick(MINUTE_MS);
  }
  expect(bed.values).toEqual({});
  expect(Object.keys(bed.refused)).toEqual(["agent_series"]);
  bed.sink.groupsMax = 10;
  await bed.send("a:1|c");
  expect(bed.values["a"]).toBeGreaterThan(0);
});

test("what the kernel lost is counted, and said once a minute", async () => {
  const bed = new StatsdBed();
  await using _listening = await bed.listen();
  const said = () => bed.logger.lines.filter(({ message }) => message.includes("were lost"));
  await bed.tick();
  expect(said()).toEqual([]);
  bed.lost = 5;
  await bed.tick();
  bed.lost = 12;
  await bed.tick();
  expect(bed.count("telltale_agent_statsd_datagrams_lost_total")).toBe(12);
  expect(said()).toHaveLength(1);
  await bed.tick(MINUTE_MS);
  expect(said().map(({ fields }) => fields)).toMatchObject([{ lost: 5 }, { lost: 7 }]);
});
