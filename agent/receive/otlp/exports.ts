import { Buffer } from "node:buffer";
import { ByteWriter } from "../../../shared/wire/bytes.ts";
import { readJsonLogs } from "./json-logs.ts";
import { readJsonMetrics } from "./json-metrics.ts";
import type { OtlpLogs } from "./otlp-logs.ts";
import type { OtlpMetrics, Rejected } from "./otlp-metrics.ts";
import { readProtobufLogs } from "./protobuf-logs.ts";
import { readProtobufMetrics } from "./protobuf-metrics.ts";

export type Encoding = "protobuf" | "json";

/** What is exported; an error says whether it may be sent again, by its code. */
export type Export = (
  bytes: Uint8Array,
  encoding: Encoding,
  signal: AbortSignal,
) => Promise<Rejected>;

/** Why an export is not taken, as both doors tell it. */
export type Refusal = {
  readonly kind: "malformed" | "too_much" | "unavailable";
  readonly message: string;
};

export const NO_TRACES =
  "Telltale takes metrics and logs; traces are not stored: leave out the trace exporter";

/** How long a sender that is refused is to wait. */
export const RETRY_SECONDS = 1;

export function metricsExport(metrics: OtlpMetrics): Export {
  return (bytes, encoding, signal) => {
    const read = encoding === "json" ? readJsonMetrics : readProtobufMetrics;
    return metrics.take(bytes, read, signal);
  };
}

export function logsExport(logs: OtlpLogs): Export {
  return (bytes, encoding, signal) => {
    const read = encoding === "json" ? readJsonLogs : readProtobufLogs;
    return logs.take(bytes, read, signal);
  };
}

/**
 * What an error is to the sender. By its name and not its class: ports throw the class of the program
 * that this was loaded into.
 * @throws the error where it is none of those that are expected
 */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Error) || error.name !== "OperationalError" || !("code" in error)) {
    throw error;
  }
  const { code, message } = error;
  if (code === "PARSE") return { kind: "malformed", message };
  if (code === "LIMIT") return { kind: "too_much", message };
  return { kind: "unavailable", message };
}

const REJECTED = "data points or log records were left out";

/** An ExportMetricsServiceResponse or ExportLogsServiceResponse, which are alike. */
export function protobufAnswer({ count, reason }: Rejected): Uint8Array {
  if (count === 0) return new Uint8Array(0);
  const partial = new ByteWriter(64);
  partial.byte((1 << 3) | 0);
  partial.varint(count);
  partial.byte((2 << 3) | 2);
  partial.text(`${REJECTED}: ${reason}`);
  const answer = new ByteWriter(64);
  answer.byte((1 << 3) | 2);
  answer.varint(partial.length);
  answer.bytes(partial.written());
  return Uint8Array.from(answer.written());
}

/** @param name of what is counted: the two answers name it differently */
export function jsonAnswer({ count, reason }: Rejected, name: string): Uint8Array {
  const partial = { [name]: String(count), errorMessage: `${REJECTED}: ${reason}` };
  return Buffer.from(JSON.stringify(count === 0 ? {} : { partialSuccess: partial }));
}

/** A google.rpc.Status; with a wait, it has a google.rpc.RetryInfo. */
export function protobufStatus(code: number, message: string, retrySeconds: number): Uint8Array {
  const status = new ByteWriter(128);
  status.byte((1 << 3) | 0);
  status.varint(code);
  status.byte((2 << 3) | 2);
  status.text(message);
  if (retrySeconds === 0) return Uint8Array.from(status.written());
  const detail = new ByteWriter(64);
  detail.byte((1 << 3) | 2);
  detail.text("type.googleapis.com/google.rpc.RetryInfo");
  // RetryInfo { retry_delay = 1 }, Duration { seconds = 1 }
  detail.byte((2 << 3) | 2);
  detail.bytes(Uint8Array.of(4, (1 << 3) | 2, 2, (1 << 3) | 0, retrySeconds));
  status.byte((3 << 3) | 2);
  status.varint(detail.length);
  status.bytes(detail.written());
  return Uint8Array.from(status.written());
}
