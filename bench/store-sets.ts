import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Labels, labelsOf } from "../shared/model/labels.ts";
import { SeededRandom } from "../test/support/random.ts";

/** What is stored: nodes that have a value of each of their series at every step. */
export type SampleSet = {
  readonly name: string;
  readonly stepMs: number;
  readonly steps: number;
  readonly nodes: readonly SetNode[];
};

export type SetNode = {
  readonly name: string;
  readonly labels: readonly Labels[];
  /** Decimal places of each series' values. */
  readonly scales: readonly number[];
  /** Into `values`, one a series, as whole numbers / 10^scale. Steps ascend from 0. */
  readonly read: (step: number, values: Float64Array) => void;
};

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const CAPTURE = join(SHARED, "peers/capture.json.gz");
const DECIMALS_MAX = 9;
const POISSON_MEANS = [0, 1, 10, 100, 5000];

/** Counters with Poisson steps of several means, as peers/d_query.py has. */
export function poissonSet(series: number, steps: number): SampleSet {
  const random = new SeededRandom("poisson").next;
  const means = Array.from(
    { length: series },
    () => POISSON_MEANS[Math.floor(random() * POISSON_MEANS.length)] ?? 0,
  );
  const labels = means.map((_, i) => {
    const instance = `node-${String(i).padStart(4, "0")}.example.net:9100`;
    return labelsOf({ __name__: "x", job: `job-${i % 10}`, instance });
  });
  const sums = new Float64Array(series);
  const read = (_: number, values: Float64Array) => {
    for (let i = 0; i < series; i += 1) {
      sums[i] = (sums[i] ?? 0) + poisson(means[i] ?? 0, random);
      values[i] = sums[i] ?? 0;
    }
  };
  const node = { name: "poisson", labels, scales: means.map(() => 0), read };
  return { name: "poisson", stepMs: 10_000, steps, nodes: [node] };
}

/** Large means by the normal distribution, which is as noisy. */
function poisson(mean: number, random: () => number): number {
  if (mean > 30) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const normal = radius * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/**
 * The capture of a node_exporter as so many nodes, as peers/rw.py makes them: each has another phase
 * and other bases; counters keep rising, gauges run to and fro, and each pass over the capture scales
 * what each series adds by another factor, so that no compressor finds the pass before it.
 */
export function captureSet(nodes: number, steps: number): SampleSet {
  const capture = parseCapture(gunzipSync(readFileSync(CAPTURE)).toString());
  const columns = capture.series.map((name, place) => columnOf(name, capture.v, place));
  return {
    name: "capture",
    stepMs: 1000,
    steps,
    nodes: Array.from({ length: nodes }, (_, i) => captureNode(columns, i, capture.v.length)),
  };
}

/** A capture as it is, as peers/capture.py writes it. */
export function realSet(path: string): SampleSet {
  const capture = parseCapture(readFileSync(path, "utf8"));
  const columns = capture.series.map((name, place) => columnOf(name, capture.v, place));
  const node = {
    name: "node-0",
    labels: columns.map(({ labels }) => labelsOf({ ...labels, instance: "node-0", job: "node" })),
    scales: columns.map(({ scale }) => scale),
    read: (step: number, values: Float64Array) =>
      columns.forEach(({ first, changes }, i) => {
        values[i] = first + (changes[step] ?? 0);
      }),
  };
  return { name: "real", stepMs: 1000, steps: capture.v.length, nodes: [node] };
}

type Capture = {
  readonly series: readonly string[];
  readonly v: readonly (readonly number[])[];
};

function parseCapture(text: string): Capture {
  return JSON.parse(text) as Capture;
}

type Column = {
  readonly labels: Readonly<Record<string, string>>;
  /** As whole numbers / 10^scale, less the first. */
  readonly changes: Float64Array;
  readonly first: number;
  readonly scale: number;
  readonly isCounter: boolean;
};

function columnOf(name: string, rows: readonly (readonly number[])[], place: number): Column {
  const labels = parseName(name);
  const values = rows.map((row) => row[place] ?? 0);
  const scale = Math.max(...values.map(decimalsOf));
  const whole = values.map((value) => Math.round(value * 10 ** scale));
  const first = whole[0] ?? 0;
  const isRising = whole.every((value, i) => i === 0 || value >= (whole[i - 1] ?? 0));
  const isCounter = isRising && /(_total|_count|_sum|_bucket)$/.test(labels["__name__"] ?? "");
  const changes = Float64Array.from(whole, (value) => value - first);
  return { labels, changes, first, scale, isCounter };
}

function parseName(name: string): Record<string, string> {
  const brace = name.indexOf("{");
  const labels: Record<string, string> = { __name__: brace < 0 ? name : name.slice(0, brace) };
  for (const [, key = "", value = ""] of name.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[key] = value;
  }
  return labels;
}

function decimalsOf(value: number): number {
  let places = 0;
  while (places < DECIMALS_MAX && Number(value.toFixed(places)) !== value) places += 1;
  return places;
}

function captureNode(columns: readonly Column[], node: number, rows: number): SetNode {
  const random = new SeededRandom(node).next;
  const instance = `node-${String(node).padStart(4, "0")}.example.net:9100`;
  const phase = Math.floor(random() * (rows - 1));
  const bases = Float64Array.from(columns, ({ isCounter, first, changes, scale }) => {
    const isMoving = isCounter && scale === 0 && (changes.at(-1) ?? 0) > 0;
    return first + (isMoving ? Math.floor(random() * 2 ** 30) : 0);
  });
  let factors = new Float64Array(columns.length).fill(1);
  let pass = 0;
  const read = (step: number, values: Float64Array) => {
    const turn = Math.floor((phase + step) / (rows - 1));
    const row = (phase + step) % (rows - 1);
    if (turn > pass) {
      columns.forEach(({ isCounter, changes }, i) => {
        const rise = Math.round((changes[rows - 1] ?? 0) * (factors[i] ?? 1));
        if (isCounter) bases[i] = (bases[i] ?? 0) + rise;
      });
      factors = Float64Array.from(columns, () => 0.7 + random() * 0.6);
      pass = turn;
    }
    columns.forEach(({ changes, isCounter }, i) => {
      const place = isCounter || turn % 2 === 0 ? row : rows - 1 - row;
      values[i] = (bases[i] ?? 0) + Math.round((changes[place] ?? 0) * (factors[i] ?? 1));
    });
  };
  return {
    name: `node-${node}`,
    labels: columns.map(({ labels }) => labelsOf({ ...labels, instance, job: "node" })),
    scales: columns.map(({ scale }) => scale),
    read,
  };
}
