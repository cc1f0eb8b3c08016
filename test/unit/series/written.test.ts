import { expect, test } from "vitest";
import type { WriteOutcome, WriteRequest } from "../../../aggregator/model/write-request.ts";
import { rangeOf } from "../../../aggregator/series/keys.ts";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { SeriesColumns } from "../../../shared/model/columns.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsOf, labelValue } from "../../../shared/model/labels.ts";
import { columnBits, isStale, setStale } from "../../../shared/model/stale.ts";
import { FAKE_START_MS, settle } from "../../support/fake-clock.ts";
import { MemoryStore } from "../../support/memory-store.ts";
import { takenColumns } from "../../support/taken-columns.ts";
import { StoreBed } from "./bed.ts";

const STALE = "stale";
type Written = Readonly<
  Record<string, readonly (readonly [timeMs: number, value: number | "stale"])[]>
>;

/** A request of series `a`, `b`, … with the label `i` of that name. */
function request(written: Written): WriteRequest {
  const keys = Object.keys(written);
  const samples = Object.values(written).flat();
  const values = new Float64Array(samples.map(([, value]) => (value === STALE ? 0 : value)));
  const bits = columnBits(values);
  for (const [i, [, value]] of samples.entries()) if (value === STALE) setStale(bits, i);
  const starts = [0];
  for (const one of Object.values(written)) starts.push((starts.at(-1) ?? 0) + one.length);
  return {
    keys,
    labelsOf: labelsOfKey,
    starts,
    times: new Float64Array(samples.map(([timeMs]) => timeMs)),
    values,
    bytes: 100,
  };
}

function labelsOfKey(key: string): Labels {
  if (key === "bad") throw new OperationalError("PARSE", "invalid labels: bad");
  return labelsOf({ __name__: "x", i: key });
}

async function read(store: SeriesStore, startMs = 0, endMs = Number.MAX_SAFE_INTEGER) {
  const matchers = [{ name: "__name__", type: "=", value: "x" }] as const;
  const found = await takenColumns(await store.select(matchers, startMs, endMs));
  return Object.fromEntries(found.map((one) => [labelValue(one.labels, "i"), samplesOf(one)]));
}

function samplesOf({ times, values }: SeriesColumns) {
  const bits = columnBits(values);
  return [...times].map((timeMs, i) => [timeMs, isStale(bits, i) ? STALE : values[i]]);
}

/** Samples may be minutes ahead, so that time need not pass between them. */
const LONG = { futureLimitMs: 3_600_000 };

const reasons = ({ refused }: WriteOutcome) =>
  Object.fromEntries(refused.map(({ reason, samples }) => [reason, samples]));

const at = (seconds: number) => FAKE_START_MS + seconds * 1000;

async function opened(options: ConstructorParameters<typeof StoreBed>[0] = {}) {
  const bed = new StoreBed(options);
  return { bed, store: await bed.open() };
}

/** Requests that a start would have to replay. */
async function logged(bed: StoreBed): Promise<number> {
  let count = 0;
  for await (const _ of bed.raw.entries(rangeOf("written"))) count += 1;
  return count;
}

test("samples of any times of their own are read as they were written, markers too", async () => {
  const { store } = await opened();
  const first = {
    a: [
      [at(1), 1],
      [at(2), Number.NaN],
    ],
    b: [[at(1.5), -0]],
  } as const;
  expect(await store.writeRequest(request(first))).toEqual({
    kind: "written",
    samples: 3,
    repeated: 0,
    refused: [],
  });
  await store.writeRequest(request({ b: [[at(3), STALE]], a: [[at(2.001), 3]] }));
  expect(await read(store)).toEqual({
    a: [
      [at(1), 1],
      [at(2), Number.NaN],
      [at(2.001), 3],
    ],
    b: [
      [at(1.5), -0],
      [at(3), STALE],
    ],
  });
  expect(await read(store, at(1), at(2))).toEqual({ a: [[at(2), Number.NaN]], b: [[at(1.5), -0]] });
});

test("what comes again is known, and what goes back is refused while the rest is taken", async () => {
  const { store } = await opened();
  await store.writeRequest(
    request({
      a: [
        [at(1), 1],
        [at(3), 3],
      ],
    }),
  );
  const again = request({
    a: [
      [at(1), 1],
      [at(2), 2],
      [at(3), 4],
      [at(4), 4],
    ],
    bad: [
      [at(1), 1],
      [at(2), 1],
    ],
    late: [[at(-90_000), 1]],
    soon: [[at(61), 1]],
    b: [[at(1), 1]],
  });
  const outcome = await store.writeRequest(again);
  expect(outcome).toMatchObject({ samples: 2, repeated: 1 });
  expect(reasons(outcome)).toEqual({ out_of_order: 1, duplicate: 1, labels: 2, old: 1, future: 1 });
  expect(outcome.refused[0]?.detail).toBe(`time ${at(2)} of x{i="a"}`);
  expect(await read(store)).toEqual({
    a: [
      [at(1), 1],
      [at(3), 3],
      [at(4), 4],
    ],
    b: [[at(1), 1]],
  });
});

test("new series beyond the limit are refused, and the known ones go on", async () => {
  const { store } = await opened({ writtenSeriesMax: 2 });
  await store.writeRequest(request({ a: [[at(1), 1]], b: [[at(1), 1]] }));
  const outcome = await store.writeRequest(request({ c: [[at(1), 1]], a: [[at(2), 2]] }));
  expect(reasons(outcome)).toEqual({ series: 1 });
  expect(await read(store)).toEqual({
    a: [
      [at(1), 1],
      [at(2), 2],
    ],
    b: [[at(1), 1]],
  });
});

test("a write that fails leaves nothing, and can be sent again", async () => {
  const { bed, store } = await opened();
  await store.writeRequest(request({ a: [[at(1), 1]] }));
  bed.disk.isFull = true;
  const next = { a: [[at(2), 2]], b: [[at(2), 2]] } as const;
  await expect(store.writeRequest(request(next))).rejects.toThrow();
  bed.disk.isFull = false;
  expect(await read(store)).toEqual({ a: [[at(1), 1]] });
  expect(await store.writeRequest(request(next))).toMatchObject({ samples: 2, repeated: 0 });
  expect(await read(store)).toEqual({
    a: [
      [at(1), 1],
      [at(2), 2],
    ],
    b: [[at(2), 2]],
  });
});

test("after kill -9 everything answered is there, and what is sent again is known", async () => {
  const { bed, store } = await opened();
  const all = {
    a: [
      [at(1), 1],
      [at(2), 2],
    ],
    b: [[at(2), STALE]],
  } as const;
  await store.writeRequest(request(all));
  const reopened = await bed.reopen();
  expect(await read(reopened)).toEqual(all);
  expect(await reopened.writeRequest(request(all))).toMatchObject({ samples: 0, repeated: 3 });
  expect(await read(reopened)).toEqual(all);
});

test("samples become chunks, and the same ones are read before, after and over a restart", async () => {
  const { bed, store } = await opened(LONG);
  const all = new Map<string, [number, number][]>();
  for (let n = 0; n < 130; n += 1) {
    const ids = Array.from({ length: 70 }, (_, i) => `s${i}`);
    // Every third series has times of its own.
    const one = (i: number): [number, number] => [at(n) + (i % 3 === 0 ? i : 0), n * i];
    for (const [i, id] of ids.entries()) getOrInsert(all, id, () => []).push(one(i));
    await store.writeRequest(request(Object.fromEntries(ids.map((id, i) => [id, [one(i)]]))));
    await bed.clock.advance(1000);
  }
  expect(await read(store)).toEqual(Object.fromEntries(all));
  const before = await logged(bed);
  await store.cutDue();
  expect([before, await logged(bed)]).toEqual([130, 0]);
  expect(await read(store)).toEqual(Object.fromEntries(all));
  const reopened = await bed.reopen();
  expect(await read(reopened)).toEqual(Object.fromEntries(all));
  const last = { s1: [[at(129), 129]], s2: [[at(130), 1]] } as const;
  expect(await reopened.writeRequest(request(last))).toMatchObject({ samples: 1, repeated: 1 });
  expect(reasons(await reopened.writeRequest(request({ s1: [[at(128), 1]] })))).toEqual({
    out_of_order: 1,
  });
});

test("a series that nobody writes to any more gives its place back, and goes on when it returns", async () => {
  const { bed, store } = await opened({ writtenSeriesMax: 1 });
  await store.writeRequest(request({ a: [[at(1), 1]] }));
  for (let cut = 0; cut < 2; cut += 1) {
    await bed.clock.advance(61_000);
    await store.cutDue();
  }
  expect(store.writtenSeries).toBe(0);
  expect(await store.writeRequest(request({ b: [[at(100), 1]] }))).toMatchObject({ samples: 1 });
  const reopened = await bed.reopen();
  expect(await read(reopened)).toEqual({ a: [[at(1), 1]], b: [[at(100), 1]] });
  expect(await reopened.seriesLabels([], at(2), at(90))).toEqual([]);
});

test("a power cut anywhere in a cut loses nothing and shows nothing twice", async () => {
  for (let steps = 1; steps < 24; steps += 2) {
    const bed = new StoreBed(LONG);
    let left = Number.POSITIVE_INFINITY;
    const onWriteStep = () => {
      left -= 1;
      if (left === 0) bed.disk.crash(() => 0.5);
    };
    bed.disk.crash(() => 0, "kill");
    bed.raw = new MemoryStore(bed.disk, { onWriteStep });
    const store = await bed.open();
    const all = { a: [] as [number, number][], b: [] as [number, number][] };
    for (let n = 1; n <= 130; n += 1) {
      all.a.push([at(n), n]);
      all.b.push([at(n) + 7, -n]);
      await store.writeRequest(request({ a: [[at(n), n]], b: [[at(n) + 7, -n]] }));
    }
    await bed.clock.advance(11_000);
    left = steps;
    void store.cutDue();
    await settle();
    const reopened = await bed.reopen();
    expect(await read(reopened), `${steps} steps`).toEqual(all);
    await bed.clock.advance(11_000);
    await reopened.cutDue();
    expect(await read(reopened), `${steps} steps, cut again`).toEqual(all);
  }
});
