import { MemorySeries } from "../../aggregator/rule-tests/memory-series.ts";
import type { Point } from "../../aggregator/rule-tests/series-notation.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import type { SeededRandom } from "../support/random.ts";

/**
 * What both engines are asked about: two hours every 15 s. Samples stand 137 ms behind the quarter
 * of a minute and queries 7 s, so that none lies on the edge of a window: Prometheus 2 has that edge
 * inside, 3 outside.
 */
export const START_MS = 1_699_999_200_000;
export const STEP_MS = 15_000;
export const POINTS = 480;
const SAMPLE_OFFSET_MS = 137;
export const QUERY_OFFSET_MS = 7000;

const JOBS = ["api", "web", "db"] as const;
const INSTANCES = ["a", "b", "c"] as const;
const BOUNDS = ["0.1", "0.5", "1", "2.5", "+Inf"] as const;

type Load = (name: string, labels: Record<string, string>, value: (i: number) => Point) => void;

export function differentialSamples(random: SeededRandom): MemorySeries {
  const store = new MemorySeries();
  const load: Load = (name, labels, value) => {
    const points = Array.from({ length: POINTS }, (_, i) => value(i));
    store.load(
      labelsOf({ __name__: name, ...labels }),
      points,
      START_MS + SAMPLE_OFFSET_MS,
      STEP_MS,
    );
  };
  loadServices(load, random);
  loadGauges(load, random);
  loadHistograms(load, random);
  loadOddities(load, random);
  return store;
}

/** A counter that grows by whole numbers; it begins anew now and then. */
function counter(random: SeededRandom, growth: number, resets: number): () => number {
  let value = random.int(10_000, 90_000);
  return () => {
    value = random.chance(resets) ? random.int(500, 900) : value + random.int(0, growth);
    return value;
  };
}

function loadServices(load: Load, random: SeededRandom): void {
  for (const job of JOBS) {
    for (const instance of INSTANCES) {
      for (const code of ["200", "404", "500"]) {
        load("requests_total", { job, instance, code }, counter(random, 40, 0.004));
      }
      load("up", { job, instance }, () => (random.chance(0.95) ? 1 : 0));
      load("cpu_seconds_total", { job, instance }, counter(random, 15, 0.002));
    }
  }
  for (const [i, instance] of INSTANCES.entries()) {
    load("zone_info", { instance, zone: `z${i % 2}`, size: String(8 + i) }, () => 1);
  }
}

function loadGauges(load: Load, random: SeededRandom): void {
  for (const floor of ["1", "2"]) {
    for (const room of ["kitchen", "hall", "attic"]) {
      let value = random.int(40, 100) / 4;
      load("temperature", { floor, room }, () => {
        value += random.int(-2, 2) / 4;
        return value;
      });
      load("heating", { floor, room }, () => (random.chance(0.5) ? 1 : 0));
    }
  }
  for (const instance of INSTANCES) {
    load("load_average", { instance }, () => random.between(0.5, 8));
    load("free_bytes", { instance }, () => random.int(2 ** 30, 2 ** 34));
    // Goes away and comes back, with and without a marker of staleness.
    load("sometimes", { instance }, (i) => {
      if (i % 60 === 40) return "stale";
      return i % 60 > 40 || random.chance(0.05) ? "none" : random.int(1, 50);
    });
  }
  for (let i = 0; i < 10; i += 1) {
    load("numbered", { n: String(i * 7), parity: i % 2 === 0 ? "even" : "odd" }, () => i * 3 + 0.5);
  }
}

function loadHistograms(load: Load, random: SeededRandom): void {
  for (const job of JOBS) {
    const growths = BOUNDS.map(() => counter(random, 20, 0));
    const rows = Array.from({ length: POINTS }, () => {
      let sum = 0;
      return growths.map((grow) => {
        sum += grow();
        return sum;
      });
    });
    for (const [b, le] of BOUNDS.entries()) {
      load("latency_seconds_bucket", { job, le }, (i) => rows[i]?.[b] ?? 0);
    }
    load("latency_seconds_count", { job }, (i) => rows[i]?.at(-1) ?? 0);
    load("latency_seconds_sum", { job }, (i) => (rows[i]?.at(-1) ?? 0) / 4);
  }
}

function loadOddities(load: Load, random: SeededRandom): void {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -2.5];
  load("odd", { kind: "nan" }, () => Number.NaN);
  load("odd", { kind: "inf" }, () => Number.POSITIVE_INFINITY);
  load("odd", { kind: "negative inf" }, () => Number.NEGATIVE_INFINITY);
  load("odd", { kind: "mixed" }, () => random.pick(special));
  load("odd", { kind: "zero" }, () => 0);
  const sizes = [1e-7, 1e-300, 5e-324, 1e21, 1.7e308, 123456789012345680, 0.1, -1e-9];
  for (const [i, value] of sizes.entries()) load("sized", { n: String(i) }, () => value);
  load("offset", { by: "x" }, (i) => i);
  load("by", { on: "y" }, (i) => i * 2);
  load("utf8", { text: 'ä "quoted" \\ back', empty: "" }, (i) => i % 5);
}
