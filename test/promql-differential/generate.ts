import type { SeededRandom } from "../support/random.ts";
import { POINTS, QUERY_OFFSET_MS, START_MS, STEP_MS } from "./samples.ts";

/** Seconds; `stepS` 0: an instant query at `startS`. */
export type Asked = {
  readonly query: string;
  readonly startS: number;
  readonly endS: number;
  readonly stepS: number;
};

const OVER_TIME =
  "rate increase delta irate idelta deriv changes resets avg_over_time min_over_time max_over_time " +
  "sum_over_time count_over_time last_over_time present_over_time stddev_over_time " +
  "stdvar_over_time absent_over_time quantile_over_time predict_linear double_exponential_smoothing";
const OF_ONE =
  "abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh " +
  "sqrt tan tanh timestamp absent day_of_month day_of_week day_of_year days_in_month hour minute " +
  "month year sort sort_desc round clamp clamp_min clamp_max vector scalar time pi label_replace " +
  "label_join histogram_quantile";
const FUNCTIONS = `${OVER_TIME} ${OF_ONE}`.split(" ");
const AGGREGATIONS =
  "sum avg min max count group stddev stdvar topk bottomk quantile count_values".split(" ");
const ARITHMETIC = ["+", "-", "*", "/", "%", "^", "atan2"] as const;
const COMPARISONS = ["==", "!=", ">", "<", ">=", "<="] as const;
const DEPTH_MAX = 3;

const SELECTORS = [
  "requests_total",
  'requests_total{job="api"}',
  'requests_total{code=~"4..|5.."}',
  'requests_total{job!~"d.*",instance!="a"}',
  'requests_total{code="200",missing=""}',
  "up",
  "up == 1",
  "cpu_seconds_total",
  'cpu_seconds_total{instance=~"a|b"}',
  "temperature",
  'temperature{room=~".+t.+"}',
  "heating",
  "free_bytes",
  "load_average",
  "sometimes",
  "numbered",
  'numbered{parity="odd"}',
  "odd",
  "sized",
  "offset",
  "by",
  "utf8",
  "nothing_there",
  "latency_seconds_bucket",
  "latency_seconds_count",
];

/** Writes queries; the same seed writes the same ones. */
export class QueryGenerator {
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Every function and aggregation has its turn at the top, then anything has. */
  next(index: number): Asked {
    const names = [...FUNCTIONS, ...AGGREGATIONS];
    const name = index % 3 === 2 ? null : names[Math.floor(index / 3) % names.length];
    const isInstant = this.#random.chance(0.6);
    let query = this.#vector(0);
    if (name !== null && name !== undefined) {
      query = AGGREGATIONS.includes(name) ? this.#aggregate(name, 0) : this.#call(name, 0);
    } else if (isInstant && this.#random.chance(0.15)) {
      query = this.#random.chance(0.5) ? this.#matrix(1) : `${this.#plain()}[5m:30s]`;
    }
    const at = this.#timeS();
    if (isInstant) return { query, startS: at, endS: at, stepS: 0 };
    const stepS = this.#random.pick([15, 30, 60, 300]);
    return { query, startS: at, endS: at + stepS * this.#random.int(0, 20), stepS };
  }

  #timeS(): number {
    const at = this.#random.int(20, POINTS + 10) * STEP_MS + QUERY_OFFSET_MS;
    return (START_MS + at) / 1000;
  }

  #vector(depth: number): string {
    const { pick, chance } = this.#bound();
    if (depth >= DEPTH_MAX || chance(0.15)) return this.#selector();
    switch (pick(["call", "call", "aggregate", "aggregate", "binary", "binary", "set", "sign"])) {
      case "call":
        return this.#call(
          pick(FUNCTIONS.filter((name) => !/^(?:scalar|time|pi)$/.test(name))),
          depth,
        );
      case "aggregate":
        return this.#aggregate(pick(AGGREGATIONS), depth);
      case "binary":
        return this.#binary(depth);
      case "set":
        return this.#set(depth);
      default:
        return `${pick(["-", "+", ""])}(${this.#vector(depth + 1)})`;
    }
  }

  #bound() {
    const random = this.#random;
    return {
      pick: <T>(items: readonly T[]): T => random.pick(items),
      chance: (probability: number) => random.chance(probability),
    };
  }

  #selector(): string {
    const selector = this.#random.pick(SELECTORS);
    return / /.test(selector.replace(/\{.*\}/, ""))
      ? `(${selector})`
      : selector + this.#modifiers();
  }

  #modifiers(): string {
    let text = "";
    if (this.#random.chance(0.1))
      text += ` offset ${this.#random.pick(["5m", "45s", "-1m", "1h"])}`;
    if (this.#random.chance(0.08)) {
      text += this.#random.pick([` @ ${this.#timeS()}`, " @ start()", " @ end()"]);
    }
    return text;
  }

  /** Of counters that are far above 0: how near to 0 a rate is extrapolated is another in 3. */
  #counterMatrix(): string {
    const { pick } = this.#bound();
    const range = pick(["1m", "5m", "10m", "45s", "1h", "5m:30s", "10m:15s"]);
    return `${pick(COUNTERS)}[${range}]${this.#modifiers()}`;
  }

  #matrix(depth: number): string {
    const { pick, chance } = this.#bound();
    const range = pick(["1m", "5m", "10m", "45s", "1h"]);
    if (depth < 2 && chance(0.2)) {
      return `${this.#plain()}[${range}:${pick(["", "15s", "30s", "1m"])}]${this.#modifiers()}`;
    }
    const plain = pick(SELECTORS.filter((one) => !/ == /.test(one)));
    return `${plain}[${range}]${this.#modifiers()}`;
  }

  /** Without a subquery, whose steps would lie on the edges of another one's windows. */
  #plain(): string {
    const { pick } = this.#bound();
    const inner = pick(SELECTORS);
    return pick([
      `(${inner})`,
      `sum by (job) (${inner})`,
      `abs(${inner})`,
      `rate(${pick(COUNTERS)}[5m])`,
    ]);
  }

  #scalar(depth: number): string {
    const { pick, chance } = this.#bound();
    if (depth >= DEPTH_MAX || chance(0.6)) {
      return pick(["0", "1", "2.5", "-3", "1e3", "0x1F", "0.1", "Inf", "-Inf", "NaN", "10"]);
    }
    return pick([
      `scalar(${this.#vector(depth + 1)})`,
      "time()",
      "pi()",
      `(${this.#scalar(depth + 1)} ${pick(ARITHMETIC)} ${this.#scalar(depth + 1)})`,
      `(${this.#scalar(depth + 1)} ${pick(COMPARISONS)} bool ${this.#scalar(depth + 1)})`,
    ]);
  }

  #call(name: string, depth: number): string {
    if (OVER_TIME.split(" ").includes(name)) return this.#overTime(name, depth);
    const { pick, chance } = this.#bound();
    const inner = () => this.#vector(depth + 1);
    const number = () => this.#scalar(depth + 1);
    switch (name) {
      case "time":
      case "pi":
        return `${name}()`;
      case "vector":
        return `vector(${number()})`;
      case "sort":
      case "sort_desc":
        return `${name}(${pick(["load_average", "numbered", "free_bytes"])})`;
      case "round":
        return `round(${inner()}${chance(0.5) ? `, ${number()}` : ""})`;
      case "clamp":
        return `clamp(${inner()}, ${number()}, ${number()})`;
      case "clamp_min":
      case "clamp_max":
        return `${name}(${inner()}, ${number()})`;
      case "label_replace":
        return `label_replace(${inner()}, "${pick(["new", "job", "instance"])}", "${pick(["$1", "x-$1", "", "$2"])}", "${pick(["instance", "room", "job", "none"])}", "${pick(["(.*)", "(a|b)", "(.)(.*)", ""])}")`;
      case "label_join":
        return `label_join(${inner()}, "${pick(["new", "job"])}", "${pick(["-", ""])}", "job", "instance")`;
      case "histogram_quantile":
        return `histogram_quantile(${pick(["0.5", "0.9", "0", "1", "-1", "2", "NaN"])}, ${pick([
          "latency_seconds_bucket",
          "rate(latency_seconds_bucket[5m])",
          "sum by (le) (rate(latency_seconds_bucket[10m]))",
          "temperature",
        ])})`;
      default:
        return /^(?:day|hour|minute|month|year)/.test(name) && chance(0.2)
          ? `${name}()`
          : `${name}(${inner()})`;
    }
  }

  #overTime(name: string, depth: number): string {
    const { pick } = this.#bound();
    const isRate = name === "rate" || name === "increase";
    const matrix = isRate ? this.#counterMatrix() : this.#matrix(depth);
    switch (name) {
      case "quantile_over_time":
        return `${name}(${pick(["0.5", "0.9", "0", "1", "-1", "2"])}, ${matrix})`;
      case "predict_linear":
        return `${name}(${matrix}, ${pick(["60", "3600", "-60", "0"])})`;
      case "double_exponential_smoothing":
        return `${name}(${matrix}, ${pick(["0.5", "0.1", "0", "1", "2"])}, ${pick(["0.5", "0.9", "1", "-1"])})`;
      default:
        return `${name}(${matrix})`;
    }
  }

  #aggregate(name: string, depth: number): string {
    const { pick, chance } = this.#bound();
    const labels = pick([
      "job",
      "instance",
      "job, instance",
      "code",
      "le",
      "floor",
      "",
      "none",
      "on",
    ]);
    const clause = chance(0.6) ? ` ${pick(["by", "without"])} (${labels}) ` : "";
    switch (name) {
      case "topk":
      case "bottomk":
        return `${name}${clause}(${pick(["1", "2", "3", "0", "-1"])}, ${pick(["load_average", "free_bytes", "numbered"])})`;
      case "quantile":
        return `quantile${clause}(${pick(["0.5", "0.9", "0", "1", "-1", "2"])}, ${this.#vector(depth + 1)})`;
      case "count_values":
        return `count_values${clause}("${pick(["v", "job", "le"])}", ${pick(SELECTORS)})`;
      default:
        return `${name}${clause}(${this.#vector(depth + 1)})`;
    }
  }

  #binary(depth: number): string {
    const { pick, chance } = this.#bound();
    const isComparison = chance(0.4);
    const op = isComparison ? pick(COMPARISONS) + (chance(0.4) ? " bool" : "") : pick(ARITHMETIC);
    const left = this.#vector(depth + 1);
    const kind = pick(["scalar", "scalar", "same", "matched", "grouped"]);
    switch (kind) {
      case "scalar":
        return chance(0.5)
          ? `(${left}) ${op} ${this.#scalar(depth + 1)}`
          : `${this.#scalar(depth + 1)} ${op} (${left})`;
      case "same":
        return `(${left}) ${op} (${chance(0.5) ? left : this.#vector(depth + 1)})`;
      case "matched": {
        const matching = pick(["on (job, instance)", "ignoring (code)", "on (instance)", "on ()"]);
        return `(${left}) ${op} ${matching} (${this.#vector(depth + 1)})`;
      }
      default: {
        const side = pick(["group_left", "group_left (zone)", "group_left (zone, size)"]);
        return `(${left}) ${op} on (instance) ${side} zone_info`;
      }
    }
  }

  #set(depth: number): string {
    const { pick } = this.#bound();
    const matching = pick(["", "on (job)", "ignoring (code, le)", "on ()", "on (instance)"]);
    const op = pick(["and", "or", "unless"]);
    return `(${this.#vector(depth + 1)}) ${op} ${matching} (${this.#vector(depth + 1)})`;
  }
}

const COUNTERS = [
  "requests_total",
  'requests_total{code=~"4..|5.."}',
  'requests_total{job!~"d.*",instance!="a"}',
  "cpu_seconds_total",
  "latency_seconds_count",
  'latency_seconds_bucket{job="api"}',
];
