/** Source: opentelemetry-proto v1, logs.proto and logs_service.proto. */
import type { AnyValue, Attributes } from "./any-value.ts";
import type { LogVisitor } from "./log-record.ts";
import { NO_SCOPE } from "./metric-point.ts";
import { addAttribute, readAnyValue, readResource, readScope } from "./protobuf-value.ts";
import { WireReader } from "./wire-reader.ts";

/**
 * Reads an ExportLogsServiceRequest, record by record.
 * @throws OperationalError PARSE
 */
export function readProtobufLogs(bytes: Uint8Array, visitor: LogVisitor): void {
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) readResourceLogs(reader, visitor);
    else reader.skip();
  }
}

/** A message is looked through twice, because what stands last may have to be known first. */
function readResourceLogs(reader: WireReader, visitor: LogVisitor): void {
  const outer = reader.enter();
  const start = reader.at;
  let attributes: Attributes = [];
  while (reader.next()) {
    if (reader.field === 1) attributes = readResource(reader);
    else reader.skip();
  }
  visitor.resource(attributes);
  reader.rewind(start);
  while (reader.next()) {
    if (reader.field === 2) readScopeLogs(reader, visitor);
    else reader.skip();
  }
  reader.leave(outer);
}

function readScopeLogs(reader: WireReader, visitor: LogVisitor): void {
  const outer = reader.enter();
  const start = reader.at;
  let scope = NO_SCOPE;
  while (reader.next()) {
    if (reader.field === 1) scope = readScope(reader);
    else reader.skip();
  }
  visitor.scope(scope);
  reader.rewind(start);
  while (reader.next()) {
    if (reader.field === 2) readRecord(reader, visitor);
    else reader.skip();
  }
  reader.leave(outer);
}

function readRecord(reader: WireReader, visitor: LogVisitor): void {
  const attributes: (readonly [string, AnyValue])[] = [];
  const record = {
    ...{ timeMs: 0, observedMs: 0, severity: 0, severityText: "", attributes },
    ...{ body: null as AnyValue, traceId: "", spanId: "", eventName: "" },
  };
  const outer = reader.enter();
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        record.timeMs = reader.timeMs();
        break;
      case 2:
        record.severity = reader.unsigned();
        break;
      case 3:
        record.severityText = reader.text();
        break;
      case 5:
        record.body = readAnyValue(reader);
        break;
      case 6:
        addAttribute(reader, attributes);
        break;
      case 9:
        record.traceId = reader.bytes().toString("hex");
        break;
      case 10:
        record.spanId = reader.bytes().toString("hex");
        break;
      case 11:
        record.observedMs = reader.timeMs();
        break;
      case 12:
        record.eventName = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  visitor.record(record);
}
