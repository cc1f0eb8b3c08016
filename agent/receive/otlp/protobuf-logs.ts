/** Source: opentelemetry-proto v1, logs.proto and logs_service.proto. */

import { WireReader } from "../../../shared/wire/wire-reader.ts";
import type { AnyValue } from "./any-value.ts";
import type { LogVisitor } from "./log-record.ts";
import { addAttribute, readAnyValue, readExport } from "./protobuf-value.ts";

/**
 * Reads an ExportLogsServiceRequest, record by record.
 * @throws OperationalError PARSE
 */
export function readProtobufLogs(bytes: Uint8Array, visitor: LogVisitor): void {
  const reader = new WireReader(bytes);
  readExport(reader, visitor, () => readRecord(reader, visitor));
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
