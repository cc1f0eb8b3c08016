import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import { labelsKey } from "../../../shared/model/labels.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import type { Counter, Metrics } from "../../../shared/telemetry/metrics.ts";
import type { BlockLine } from "../../../shared/wire/line-block.ts";
import type { Attributes } from "./any-value.ts";
import type { LogRecord, LogVisitor } from "./log-record.ts";
import { NO_SCOPE, type Scope } from "./metric-point.ts";
import { type LineOrigin, type LineTexts, lineOf, lineOrigin } from "./otlp-line.ts";
import type { Rejected } from "./otlp-metrics.ts";

type StreamLine = BlockLine & { readonly labels: Labels };

/** Where lines become durable, all of a call in one batch. Calls come one after the other. */
export type AppendLines = (lines: readonly StreamLine[], signal: AbortSignal) => Promise<void>;

/** Reads a request, as protobuf or JSON. @throws OperationalError PARSE */
export type ReadLogs = (bytes: Uint8Array, visitor: LogVisitor) => void;

export type LogsDeps = {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly append: AppendLines;
};

export type LogsOptions = LineTexts & {
  /** The agent's own, on every line. */
  readonly labels: Readonly<Record<string, string>>;
};

/** A sender that was cut off sends what it kept. */
const OLD_MS_MAX = 7 * 24 * 3_600_000;
const FUTURE_MS_MAX = 10 * 60_000;
/** Of one request. */
const RECORDS_MAX = 50_000;
/** Of one batch: a block of lines holds 4 MiB, with what is said of them. */
const BATCH_BYTES = 1024 ** 2;
/** What a line takes beside its text and labels. */
const LINE_BYTES = 24;
/** Streams of which the instance may be a label; of the others it is metadata. */
const STREAMS_MAX = 1000;
const INSTANCE_ATTRIBUTE = "service.instance.id";

/** Log records that are sent, as lines of the agent. */
export class OtlpLogs {
  readonly #deps: LogsDeps;
  readonly #options: LogsOptions;
  readonly #records: Counter;
  readonly #streams = new Set<string>();

  constructor(deps: LogsDeps, options: LogsOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#records = deps.metrics.counter(
      "telltale_agent_otlp_log_records_total",
      "Log records of OTLP that were received, by outcome.",
    );
  }

  /**
   * Resolves when the lines are durable.
   * @throws OperationalError PARSE when it is not what it should be; what `append` throws: then a part of
   * the lines may be durable
   */
  async take(bytes: Uint8Array, read: ReadLogs, signal: AbortSignal): Promise<Rejected> {
    const request = new LogsRequest(this.#options, this.#deps.clock.nowMs(), this.#streams);
    read(bytes, request);
    for (const batch of request.batches) await this.#deps.append(batch, signal);
    this.#records.add(request.records, { outcome: "taken" });
    for (const [reason, count] of request.leftOut) this.#records.add(count, { outcome: reason });
    let count = 0;
    for (const one of request.leftOut.values()) count += one;
    return { count, reason: [...request.leftOut.keys()].join(", ") };
  }
}

class LogsRequest implements LogVisitor {
  readonly #options: LogsOptions;
  readonly #nowMs: number;
  readonly #streams: Set<string>;
  #resource: Attributes = [];
  #origin: LineOrigin | null = null;
  #batchBytes = 0;
  readonly batches: StreamLine[][] = [];
  readonly leftOut = new Map<string, number>();
  /** Those that are taken. */
  records = 0;
  #seen = 0;

  constructor(options: LogsOptions, nowMs: number, streams: Set<string>) {
    this.#options = options;
    this.#nowMs = nowMs;
    this.#streams = streams;
  }

  resource(attributes: Attributes): void {
    this.#resource = attributes;
    this.#origin = null;
  }

  scope(scope: Scope): void {
    this.#origin = this.#originOf(scope);
  }

  record(record: LogRecord): void {
    if (this.#seen >= RECORDS_MAX) {
      throw new OperationalError("PARSE", `More than ${RECORDS_MAX} records: send less at once`);
    }
    this.#seen += 1;
    const origin = this.#origin ?? this.#originOf(NO_SCOPE);
    this.#origin = origin;
    const timeMs = record.timeMs || record.observedMs || this.#nowMs;
    const fault = this.#timeFault(timeMs);
    if (fault !== null) {
      this.leftOut.set(fault, (this.leftOut.get(fault) ?? 0) + 1);
      return;
    }
    this.records += 1;
    const line = lineOf(record, origin, timeMs, this.#options);
    this.#add({ labels: origin.stream, ...line });
  }

  #timeFault(timeMs: number): string | null {
    if (!(timeMs >= this.#nowMs - OLD_MS_MAX)) return "old";
    return timeMs > this.#nowMs + FUTURE_MS_MAX ? "future" : null;
  }

  #originOf(scope: Scope): LineOrigin {
    const { labels, mask } = this.#options;
    const full = lineOrigin(this.#resource, scope, labels, { mask, isStream: () => true });
    const key = labelsKey(full.stream);
    if (this.#streams.has(key)) return full;
    if (this.#streams.size < STREAMS_MAX) {
      this.#streams.add(key);
      return full;
    }
    const isStream = (one: string) => one !== INSTANCE_ATTRIBUTE;
    return lineOrigin(this.#resource, scope, labels, { mask, isStream });
  }

  #add(line: StreamLine): void {
    const bytes = line.bytes.length + LINE_BYTES + labelBytes(line.metadata ?? []);
    let batch = this.batches.at(-1);
    if (batch === undefined || this.#batchBytes + bytes > BATCH_BYTES) {
      batch = [];
      this.batches.push(batch);
      this.#batchBytes = 0;
    }
    batch.push(line);
    this.#batchBytes += bytes;
  }
}

function labelBytes(labels: Labels): number {
  let bytes = 0;
  for (const text of labels) bytes += 2 * text.length;
  return bytes;
}
