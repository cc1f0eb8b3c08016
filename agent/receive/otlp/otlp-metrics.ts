import { OperationalError } from "../../../shared/errors.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import type { Counter, Metrics } from "../../../shared/telemetry/metrics.ts";
import type { OneSeries } from "../pushed-one.ts";
import { type LeftOutReason, type Reading, type Sender, timeFault } from "../pushed-sender.ts";
import type { PushedSeries } from "../pushed-series.ts";
import type { Attributes } from "./any-value.ts";
import type { MetricHead, MetricPoint, MetricVisitor, Scope } from "./metric-point.ts";
import { MetricStream } from "./metric-stream.ts";
import { mergedLabels, type Origin, originOf, targetInfo } from "./resource-labels.ts";

/** What was not taken of a request. `reason` names the first thing. */
export type Rejected = { readonly count: number; readonly reason: string };

/** Reads a request, as protobuf or JSON. @throws OperationalError PARSE */
export type ReadMetrics = (bytes: Uint8Array, visitor: MetricVisitor) => void;

export type MetricsDeps = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly pushed: PushedSeries;
  /** The name of this one. */
  readonly node: string;
};

/** A sender, and the metrics that it sends. */
type Known = { readonly sender: Sender; readonly streams: Map<string, MetricStream> };

type Part = {
  readonly timeMs: number;
  readonly series: OneSeries[];
  readonly values: (number | null)[];
};

/** One request: readings that wait for the tick that takes them. */
type Waiting = { readonly sender: Sender; readonly reading: Reading };

/** A series is read once a tick: who sends several times of it waits for as many ticks. */
const WAIT_MS_MAX = 5000;
const SWEEP_MS = 60_000;
/** Of one request: what is taken apart at once holds the ticks up. */
const POINTS_MAX = 100_000;
/** Metrics of one sender that are remembered. */
const STREAMS_MAX = 10_000;

/** Metrics that are sent, among the series of the agent. */
export class OtlpMetrics {
  readonly #deps: MetricsDeps;
  readonly #points: Counter;
  readonly #known = new Map<string, Known>();
  #sweptAtMs = 0;
  #clockEra = 0;

  constructor(deps: MetricsDeps) {
    this.#deps = deps;
    this.#points = deps.metrics.counter(
      "telltale_agent_otlp_points_total",
      "Data points of OTLP metrics that were received, by outcome.",
    );
  }

  /**
   * Resolves when all that can be taken of the request is in the agent's series.
   * @throws OperationalError PARSE when it is not what it should be, LIMIT when a series has more times
   * in it than can be taken soon: what is left is to be sent again
   */
  async take(bytes: Uint8Array, read: ReadMetrics, signal: AbortSignal): Promise<Rejected> {
    this.#look();
    const request = new MetricsRequest(this.#deps, this.#known);
    read(bytes, request);
    const { count } = request.rejected;
    request.countLeftOut();
    await this.#settle(request.readings(), signal);
    this.#points.add(request.points - count, { outcome: "taken" });
    this.#points.add(count, { outcome: "left_out" });
    return request.rejected;
  }

  async #settle(all: readonly Waiting[], signal: AbortSignal): Promise<void> {
    const { clock, pushed } = this.#deps;
    const endMs = clock.monotonicMs() + WAIT_MS_MAX;
    for (let waiting = all; ; ) {
      waiting = waiting.flatMap(({ sender, reading }) => {
        const rest = sender.take(reading);
        return rest === null ? [] : [{ sender, reading: rest }];
      });
      if (waiting.length === 0) return;
      if (clock.monotonicMs() >= endMs) {
        throw new OperationalError("LIMIT", "More readings of a series than can be taken at once");
      }
      await pushed.nextTick(signal);
    }
  }

  /** Forgets what is no more. */
  #look(): void {
    const { clock, pushed } = this.#deps;
    if (pushed.clockEra !== this.#clockEra) {
      this.#clockEra = pushed.clockEra;
      for (const { streams } of this.#known.values()) {
        for (const stream of streams.values()) stream.forgetTimes();
      }
    }
    const atMs = clock.monotonicMs();
    if (atMs - this.#sweptAtMs < SWEEP_MS) return;
    this.#sweptAtMs = atMs;
    for (const [name, { streams }] of this.#known) {
      for (const [key, stream] of streams) if (stream.sweep() === 0) streams.delete(key);
      if (streams.size === 0) this.#known.delete(name);
    }
  }
}

/** Takes a request apart into readings, one for each sender and time. */
class MetricsRequest implements MetricVisitor {
  readonly #pushed: PushedSeries;
  readonly #known: Map<string, Known>;
  readonly #node: string;
  readonly #nowMs: number;
  readonly #readings = new Map<Sender, Map<number, Part>>();
  #origin: Origin = { name: "", labels: [] };
  #resource: Attributes = [];
  #from: Known | null = null;
  #labels: ReadonlyMap<string, string> = new Map();
  #scopeKey = "";
  #stream: MetricStream | null = null;
  #infoAtMs = 0;
  /** By sender and reason. */
  readonly #leftOut = new Map<string, Map<LeftOutReason, number>>();
  points = 0;
  #rejected = 0;
  #reason = "";

  constructor({ clock, node, pushed }: MetricsDeps, known: Map<string, Known>) {
    this.#pushed = pushed;
    this.#node = node;
    this.#known = known;
    this.#nowMs = clock.nowMs();
  }

  get rejected(): Rejected {
    return { count: this.#rejected, reason: this.#reason };
  }

  countLeftOut(): void {
    for (const [sender, byReason] of this.#leftOut) {
      for (const [reason, count] of byReason) this.#pushed.leaveOut(sender, reason, count);
    }
  }

  /** The times of each sender ascend. */
  readings(): Waiting[] {
    this.#sayInfo();
    return [...this.#readings].flatMap(([sender, byTime]) => {
      const parts = [...byTime.values()].sort((a, b) => a.timeMs - b.timeMs);
      return parts.map((reading) => ({ sender, reading }));
    });
  }

  resource(attributes: Attributes): void {
    this.#sayInfo();
    this.#resource = attributes;
    this.#origin = originOf(attributes, this.#node);
    this.#from = this.#knownOf(this.#origin.name);
    this.#stream = null;
  }

  scope({ name, version, attributes }: Scope): void {
    const labels = new Map<string, string>();
    for (const [label, value] of mergedLabels(attributes)) labels.set(`otel_scope_${label}`, value);
    labels.set("otel_scope_name", name);
    labels.set("otel_scope_version", version);
    for (const [label, value] of this.#origin.labels) labels.set(label, value);
    for (const [label, value] of labels) if (value === "") labels.delete(label);
    this.#labels = labels;
    this.#scopeKey = [...labels].flat().join("\u0000");
    this.#stream = null;
  }

  metric(head: MetricHead): void {
    this.#stream = null;
    if (this.#from === null) return;
    const { sender, streams } = this.#from;
    const { name, unit, kind, temporality, isMonotonic } = head;
    const key = [this.#scopeKey, name, unit, kind, temporality, isMonotonic].join("\u0000");
    let stream = streams.get(key);
    if (stream === undefined) {
      if (streams.size >= STREAMS_MAX) return;
      stream = new MetricStream(sender, head, this.#labels);
      streams.set(key, stream);
    }
    this.#stream = stream;
  }

  point(point: MetricPoint, attributes: () => Attributes): void {
    this.points += 1;
    if (this.points > POINTS_MAX) {
      throw new OperationalError("PARSE", `More than ${POINTS_MAX} data points: send less at once`);
    }
    const reason = this.#take(point, attributes);
    if (reason !== null) this.#leaveOut(reason);
  }

  /** Null: it is in a reading. */
  #take(point: MetricPoint, attributes: () => Attributes): LeftOutReason | null {
    const timeMs = Math.floor(point.timeMs);
    if (this.#from === null) return "senders";
    if (this.#stream === null) return "sender_series";
    const fault = timeFault(timeMs, this.#nowMs);
    if (fault !== null) return fault;
    const taken = this.#stream.take(point, attributes);
    if (typeof taken === "string") return taken;
    const { series, values } = this.#partOf(this.#from.sender, timeMs);
    for (const one of taken.series) series.push(one);
    for (const value of taken.values) values.push(value);
    this.#infoAtMs = Math.max(this.#infoAtMs, timeMs);
    return null;
  }

  #knownOf(name: string): Known | null {
    const sender = this.#pushed.sender(name);
    if (sender === null) return null;
    const known = this.#known.get(name);
    if (known?.sender === sender) return known;
    const made = { sender, streams: new Map<string, MetricStream>() };
    this.#known.set(name, made);
    return made;
  }

  #partOf(sender: Sender, timeMs: number): Part {
    const byTime = getOrInsert(this.#readings, sender, () => new Map<number, Part>());
    return getOrInsert(byTime, timeMs, () => ({ timeMs, series: [], values: [] }));
  }

  /** What the resource says of itself has the time of its newest point. */
  #sayInfo(): void {
    const atMs = this.#infoAtMs;
    this.#infoAtMs = 0;
    if (this.#from === null || atMs === 0) return;
    const labels = targetInfo(this.#resource, this.#origin);
    if (labels === null) return;
    const { sender } = this.#from;
    const series = sender.series(labels, false);
    if (typeof series === "string") {
      this.#pushed.leaveOut(this.#origin.name, series);
      return;
    }
    const part = this.#partOf(sender, atMs);
    part.series.push(series);
    part.values.push(1);
  }

  /** What was taken already is no loss: the sender had no answer, and sent it again. */
  #leaveOut(reason: LeftOutReason): void {
    const byReason = getOrInsert(this.#leftOut, this.#origin.name, () => new Map());
    byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
    if (reason === "duplicate") return;
    this.#rejected += 1;
    if (this.#reason === "") this.#reason = reason;
  }
}
