import { beforeEach, expect, test } from "vitest";
import type { SampleSource } from "../../../aggregator/promql/context.ts";
import { DEFAULT_ENGINE_OPTIONS, PromqlEngine } from "../../../aggregator/promql/engine.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { type Labels, labelsOf } from "../../../shared/model/labels.ts";

const SERIES = 12_000;
/** Looks at labels between two pauses: some milliseconds of them. Samples are counted by the meter. */
const WORK_MAX = 90_000;

const TIMES = Float64Array.from({ length: 40 }, (_, i) => i * 15_000);
const VALUES = Float64Array.from({ length: 40 }, (_, i) => i);

let work = 0;
let workMost = 0;
let pauses = 0;

beforeEach(() => {
  work = 0;
  workMost = 0;
  pauses = 0;
});

function note(units: number): void {
  work += units;
  workMost = Math.max(workMost, work);
}

/** Counts each look at a name or a value. */
function watched(labels: Labels): Labels {
  return new Proxy(labels, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) note(1);
      return Reflect.get(target, key);
    },
  });
}

/** In the order in which nothing is sorted. */
const series = Array.from({ length: SERIES }, (_, i) => {
  const pod = String((i * 7919) % SERIES).padStart(5, "0");
  return watched(labelsOf({ __name__: "x_total", job: "web", pod }));
});

const source: SampleSource = {
  async select() {
    async function* columns() {
      for (const labels of series) {
        yield { labels, times: TIMES, values: VALUES };
      }
    }
    const found = columns();
    return { length: SERIES, [Symbol.asyncIterator]: () => found };
  },
};

const engine = new PromqlEngine(source, {
  ...DEFAULT_ENGINE_OPTIONS,
  pause: async () => {
    pauses += 1;
    work = 0;
  },
});

test.each([
  "rate(x_total[5m])",
  "sum by (pod)(rate(x_total[5m]))",
  "avg by (pod)(x_total)",
  "quantile by (job)(0.5, x_total)",
])("%s over many series lets others run every few milliseconds", async (text) => {
  const span = { startMs: 540_000, endMs: 585_000, stepMs: 15_000 };
  await engine.range(parsePromql(text), span);
  expect(pauses).toBeGreaterThan(5);
  expect(workMost).toBeLessThan(WORK_MAX);
});

test("the samples of many series are handed on in their order, with pauses", async () => {
  const result = await engine.instant(parsePromql("x_total[5m]"), 585_000);
  expect(result.type === "matrix" && result.series.map(({ labels }) => labels[5])).toEqual(
    Array.from({ length: SERIES }, (_, i) => String(i).padStart(5, "0")),
  );
  expect(pauses).toBeGreaterThan(5);
  expect(workMost).toBeLessThan(WORK_MAX);
});
