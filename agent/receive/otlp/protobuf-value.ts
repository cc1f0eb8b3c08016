/** Source: opentelemetry-proto v1, common.proto and resource.proto. */
import { OperationalError } from "../../../shared/errors.ts";
import type { WireReader } from "../../../shared/wire/wire-reader.ts";
import { type AnyValue, type Attributes, checkRoom, DEPTH_MAX } from "./any-value.ts";
import { NO_SCOPE, type Scope } from "./metric-point.ts";

/** opentelemetry.proto.common.v1.KeyValue */
function readKeyValue(reader: WireReader, depth = 0): readonly [string, AnyValue] {
  let name = "";
  let value: AnyValue = null;
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) value = readAnyValue(reader, depth);
    else reader.skip();
  }
  reader.leave(outer);
  return [name, value];
}

/** opentelemetry.proto.common.v1.AnyValue */
export function readAnyValue(reader: WireReader, depth = 0): AnyValue {
  if (depth > DEPTH_MAX) {
    throw new OperationalError("PARSE", `A value is nested more than ${DEPTH_MAX} deep`);
  }
  let value: AnyValue = null;
  const outer = reader.enter();
  while (reader.next()) value = readField(reader, value, depth);
  reader.leave(outer);
  return value;
}

function readField(reader: WireReader, before: AnyValue, depth: number): AnyValue {
  switch (reader.field) {
    case 1:
      return reader.text();
    case 2:
      return reader.bool();
    case 3:
      return reader.int64();
    case 4:
      return reader.double();
    case 5:
      return readList(reader, (into: AnyValue[]) => into.push(readAnyValue(reader, depth + 1)));
    case 6:
      return new Map(
        readList(reader, (into: (readonly [string, AnyValue])[]) =>
          into.push(readKeyValue(reader, depth + 1)),
        ),
      );
    case 7:
      return reader.bytes();
  }
  reader.skip();
  return before;
}

/** ArrayValue and KeyValueList have their items as field 1. */
function readList<T>(reader: WireReader, readItem: (into: T[]) => void): T[] {
  const items: T[] = [];
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) readItem(items);
    else reader.skip();
  }
  reader.leave(outer);
  return items;
}

type AttributeList = (readonly [string, AnyValue])[];

/** The field is one more attribute. */
export function addAttribute(reader: WireReader, into: AttributeList): void {
  checkRoom(into);
  into.push(readKeyValue(reader));
}

/** Who is told whose the items are that follow. */
type ExportVisitor = {
  resource(attributes: Attributes): void;
  scope(scope: Scope): void;
};

/**
 * What export requests have in common: resources, in each of them scopes, in each of those items. A
 * message is looked through twice, because what stands last may have to be known first.
 */
export function readExport(reader: WireReader, visitor: ExportVisitor, readItem: () => void): void {
  while (reader.next()) {
    if (reader.field === 1) readOfResource(reader, visitor, readItem);
    else reader.skip();
  }
}

function readOfResource(reader: WireReader, visitor: ExportVisitor, readItem: () => void): void {
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
    if (reader.field === 2) readOfScope(reader, visitor, readItem);
    else reader.skip();
  }
  reader.leave(outer);
}

function readOfScope(reader: WireReader, visitor: ExportVisitor, readItem: () => void): void {
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
    if (reader.field === 2) readItem();
    else reader.skip();
  }
  reader.leave(outer);
}

/** opentelemetry.proto.resource.v1.Resource */
function readResource(reader: WireReader): Attributes {
  const attributes: AttributeList = [];
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) addAttribute(reader, attributes);
    else reader.skip();
  }
  reader.leave(outer);
  return attributes;
}

/** opentelemetry.proto.common.v1.InstrumentationScope */
function readScope(reader: WireReader): Scope {
  let name = "";
  let version = "";
  const attributes: AttributeList = [];
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) version = reader.text();
    else if (reader.field === 3) addAttribute(reader, attributes);
    else reader.skip();
  }
  reader.leave(outer);
  return { name, version, attributes };
}
