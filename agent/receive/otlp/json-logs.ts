import {
  anyValue,
  attributesOf,
  enumOf,
  listOf,
  member,
  parseJson,
  scopeOf,
  textOf,
  timeMsOf,
} from "./json-value.ts";
import type { LogRecord, LogVisitor } from "./log-record.ts";

/** By number, as the enum has them: `SEVERITY_NUMBER_INFO`, `SEVERITY_NUMBER_INFO2`, … */
const SEVERITIES = [
  "SEVERITY_NUMBER_UNSPECIFIED",
  ...["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"].flatMap((name) =>
    ["", "2", "3", "4"].map((degree) => `SEVERITY_NUMBER_${name}${degree}`),
  ),
];

/**
 * Reads an ExportLogsServiceRequest, record by record.
 * @throws OperationalError PARSE
 */
export function readJsonLogs(bytes: Uint8Array, visitor: LogVisitor): void {
  for (const resource of listOf(parseJson(bytes), "resourceLogs")) {
    visitor.resource(attributesOf(member(resource, "resource")));
    for (const scope of listOf(resource, "scopeLogs")) {
      visitor.scope(scopeOf(scope));
      for (const record of listOf(scope, "logRecords")) visitor.record(recordOf(record));
    }
  }
}

function recordOf(given: unknown): LogRecord {
  return {
    timeMs: timeMsOf(given, "timeUnixNano"),
    observedMs: timeMsOf(given, "observedTimeUnixNano"),
    severity: enumOf(given, "severityNumber", SEVERITIES),
    severityText: textOf(given, "severityText"),
    body: anyValue(member(given, "body")),
    attributes: attributesOf(given),
    traceId: textOf(given, "traceId").toLowerCase(),
    spanId: textOf(given, "spanId").toLowerCase(),
    eventName: textOf(given, "eventName"),
  };
}
