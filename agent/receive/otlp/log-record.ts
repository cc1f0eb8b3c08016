import type { AnyValue, Attributes } from "./any-value.ts";
import type { Scope } from "./metric-point.ts";

export type LogRecord = {
  /** Unix milliseconds; 0: not said. */
  readonly timeMs: number;
  readonly observedMs: number;
  /** 1 to 24; 0: not said. */
  readonly severity: number;
  readonly severityText: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
  /** In hexadecimal; "": none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly eventName: string;
};

/** Who takes a request apart. The order of the calls is that of the request. */
export type LogVisitor = {
  resource(attributes: Attributes): void;
  scope(scope: Scope): void;
  record(record: LogRecord): void;
};
