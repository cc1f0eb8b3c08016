/** OTLP on the agent; loaded only where it is configured (docs/otlp.md). */
import { OperationalError } from "../../../shared/errors.ts";
import type { Address } from "../../../shared/model/address.ts";
import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import type { PushedSeries } from "../pushed-series.ts";
import { Admission } from "./admission.ts";
import { logsExport, metricsExport } from "./exports.ts";
import { openGrpcDoor } from "./grpc-door.ts";
import { type Doors, openHttpDoor } from "./http-door.ts";
import { type AppendLines, type LogsOptions, OtlpLogs } from "./otlp-logs.ts";
import { OtlpMetrics } from "./otlp-metrics.ts";

export type OtlpConfig = {
  /** Null: this door is closed. */
  readonly grpc: Address | null;
  readonly http: Address | null;
  readonly request_bytes_max: number;
};

type OtlpDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly pushed: PushedSeries;
  readonly append: AppendLines;
  /** The name of this node. */
  readonly node: string;
};

/** Requests of the largest size that are read at the same time, and requests of any. */
const LARGEST_AT_ONCE = 8;
const REQUESTS_MAX = 256;
/** How long lines wait for room before the sender is told to wait itself. */
const ROOM_MS = 5000;

/** @throws OperationalError IN_USE, CONFIG when an address cannot be listened on */
export async function startOtlp(
  { grpc, http, request_bytes_max: bytesMax }: OtlpConfig,
  lines: LogsOptions,
  deps: OtlpDeps,
): Promise<AsyncDisposable> {
  const { clock, append } = deps;
  const late = () => new OperationalError("LIMIT", "The buffer of log lines has no room");
  const inTime: AppendLines = (batch, signal) =>
    withDeadline({ clock, ms: ROOM_MS, signal, late }, (end) => append(batch, end));
  const doors: Doors = {
    metrics: metricsExport(new OtlpMetrics(deps)),
    logs: logsExport(new OtlpLogs({ ...deps, append: inTime }, lines)),
    admission: new Admission({ bytes: LARGEST_AT_ONCE * bytesMax, requests: REQUESTS_MAX }),
    bytesMax,
  };
  const open: AsyncDisposable[] = [];
  try {
    if (grpc !== null) open.push(await openGrpcDoor(grpc, doors));
    if (http !== null) open.push(await openHttpDoor(http, doors));
  } catch (error) {
    for (const door of open) await door[Symbol.asyncDispose]();
    throw error;
  }
  deps.logger.info({ grpc, http }, "OTLP is taken");
  return {
    [Symbol.asyncDispose]: async () => {
      for (const door of open) await door[Symbol.asyncDispose]();
    },
  };
}
