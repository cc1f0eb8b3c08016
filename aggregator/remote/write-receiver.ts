import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { decompressSnappy, snappyLength } from "../../shared/platform/snappy.ts";
import type { Counter, Gauge } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import type { RefusedSamples, WriteOutcome, WriteRequest } from "../model/write-request.ts";
import { MetadataTable } from "./metadata-table.ts";
import type { WrittenParts } from "./request-parts.ts";
import { readWriteV1 } from "./write-v1.ts";
import { readWriteV2 } from "./write-v2.ts";

export type WriteReceiverDeps = Pick<PartDeps, "metrics"> & {
  readonly store: {
    /** Safe when it resolves. @throws OperationalError STORAGE */
    writeRequest(request: WriteRequest): Promise<WriteOutcome>;
    readonly writtenSeries: number;
  };
};

export type WriteReceiverLimits = {
  /** Of a request, unpacked. */
  readonly requestBytesMax: number;
};

export type WriteBody = {
  readonly bytes: Uint8Array;
  /** `Content-Type` and `Content-Encoding`; "": not said. */
  readonly type: string;
  readonly encoding: string;
};

export type WriteAnswer = {
  readonly status: number;
  /** "" for none. */
  readonly text: string;
  /** Samples that are stored, those that were before included; null: nothing was looked at. */
  readonly samplesWritten: number | null;
};

/** Unpacked requests that may be under way, as many times the largest. */
const REQUESTS_MAX = 4;
const V1 = "prometheus.WriteRequest";
const V2 = "io.prometheus.write.v2.Request";
const TEXT_LENGTH_MAX = 2000;

const REFUSAL_TEXTS: Readonly<Record<RefusedSamples["reason"], string>> = {
  out_of_order: "out of order sample",
  duplicate: "duplicate sample for timestamp",
  old: "out of bounds: older than the retention",
  future: "out of bounds: further ahead than future_max",
  labels: "invalid series",
  series: "too many series (remote_write_receiver.series_max)",
};

/**
 * Takes remote write requests of both versions. What can be taken of a request is, whatever the rest;
 * what can never be taken is answered with 400, so that the sender does not send it again, and what
 * fails here with 5xx, so that it does.
 */
export class WriteReceiver {
  readonly metadata = new MetadataTable();
  readonly #store: WriteReceiverDeps["store"];
  readonly #bytesMax: number;
  readonly #requests: Counter;
  readonly #samples: Counter;
  readonly #leftOut: Counter;
  readonly #series: Gauge;
  #bytesHeld = 0;

  constructor({ store, metrics }: WriteReceiverDeps, { requestBytesMax }: WriteReceiverLimits) {
    this.#store = store;
    this.#bytesMax = requestBytesMax;
    this.#requests = metrics.counter(
      "telltale_remote_write_requests_total",
      "Remote write requests that were answered, by status.",
    );
    this.#samples = metrics.counter(
      "telltale_remote_write_samples_total",
      "Samples that remote write brought and that are stored.",
    );
    this.#leftOut = metrics.counter(
      "telltale_remote_write_left_out_total",
      "What remote write brought and was not stored: samples, exemplars and native histograms, by reason.",
    );
    this.#series = metrics.gauge(
      "telltale_remote_write_series",
      "Series that remote write brings samples of at present.",
    );
    this.#samples.add(0);
  }

  async write(body: WriteBody): Promise<WriteAnswer> {
    const answer = await this.#answer(body);
    this.#requests.add(1, { status: String(answer.status) });
    this.#series.set(this.#store.writtenSeries);
    return answer;
  }

  async #answer({ bytes, type, encoding }: WriteBody): Promise<WriteAnswer> {
    const read = readerOf(type);
    if (read === null || !["", "snappy"].includes(encoding)) {
      const text = `Send ${V1} or ${V2} as application/x-protobuf, in a Snappy block`;
      return refusal(415, text);
    }
    const length = snappyLength(bytes);
    if (length === null) return refusal(400, "The body is no Snappy block");
    if (length > this.#bytesMax) {
      const key = "remote_write_receiver.request_bytes_max";
      return refusal(413, `A request of ${length} bytes, ${this.#bytesMax} are allowed: ${key}`);
    }
    if (this.#bytesHeld > 0 && this.#bytesHeld + length > REQUESTS_MAX * this.#bytesMax) {
      return refusal(503, "Too many requests are under way: send it again");
    }
    this.#bytesHeld += length;
    try {
      return await this.#take(bytes, read);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const status = STATUSES.get(error.code) ?? 500;
      return refusal(status, errorMessage(error));
    } finally {
      this.#bytesHeld -= length;
    }
  }

  async #take(bytes: Uint8Array, read: (bytes: Uint8Array) => WrittenParts): Promise<WriteAnswer> {
    const unpacked = decompressSnappy(bytes, this.#bytesMax);
    if (unpacked === null) return refusal(400, "The body is a damaged Snappy block");
    const { request, metadata, exemplars, histograms } = read(unpacked);
    for (const one of metadata) this.metadata.add(one);
    const outcome = await this.#store.writeRequest(request);
    this.#samples.add(outcome.samples);
    if (exemplars > 0) this.#leftOut.add(exemplars, { reason: "exemplar" });
    if (histograms > 0) this.#leftOut.add(histograms, { reason: "native_histogram" });
    if (outcome.repeated > 0) this.#leftOut.add(outcome.repeated, { reason: "repeated" });
    for (const { reason, samples } of outcome.refused) this.#leftOut.add(samples, { reason });
    const samplesWritten = outcome.samples + outcome.repeated;
    if (outcome.refused.length === 0) return { status: 204, text: "", samplesWritten };
    return { status: 400, text: refusedText(outcome.refused), samplesWritten };
  }
}

/** What an error is answered with; others are faults of ours. */
const STATUSES: ReadonlyMap<string, number> = new Map([
  ["PARSE", 400],
  ["LIMIT", 413],
  ["UNAVAILABLE", 503],
]);

/** Null: of another type. Without a type it is of version 1. */
function readerOf(type: string): ((bytes: Uint8Array) => WrittenParts) | null {
  const [media = "", ...parameters] = type.split(";").map((part) => part.trim());
  if (media !== "" && media.toLowerCase() !== "application/x-protobuf") return null;
  const proto = parameters.find((one) => one.toLowerCase().startsWith("proto="))?.slice(6) ?? V1;
  if (proto === V1) return readWriteV1;
  return proto === V2 ? readWriteV2 : null;
}

function refusal(status: number, text: string): WriteAnswer {
  return { status, text, samplesWritten: null };
}

function refusedText(refused: readonly RefusedSamples[]): string {
  return refused
    .map(({ reason, samples, detail }) => `${REFUSAL_TEXTS[reason]}, ${samples} samples: ${detail}`)
    .join("; ")
    .slice(0, TEXT_LENGTH_MAX);
}
