import { crc32 } from "node:zlib";
import { OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsKey } from "../../../shared/model/labels.ts";
import { type BatchOperation, del, put } from "../../../shared/platform/ports.ts";
import { ByteReader, ByteWriter, checkedBody } from "../../../shared/wire/bytes.ts";
import type { MetricFamily, MetricRecord } from "../understand/metric-table.ts";

/**
 * Totals of metrics of lines, in the store of the lines (aggregator/logs/records.ts has its other
 * keys):
 *
 *     v name NUL shape NUL labels     labels and values of one label set
 *
 * The shape is a checksum of what makes a metric another one under the same name.
 */
const VALUES = 0x76;

export const ALL_VALUES = { gte: Uint8Array.of(VALUES), lt: Uint8Array.of(VALUES + 1) };

/** What the keys of a metric begin with, as text. */
export function metricPrefix({ name, kind, buckets }: MetricFamily): string {
  const shape = crc32(JSON.stringify([kind, buckets])).toString(16);
  return `${name}\0${shape}\0`;
}

/** The prefix that a key begins with. */
export function prefixOfKey(key: Uint8Array): string {
  const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8", 1);
  const end = text.indexOf("\0", text.indexOf("\0") + 1);
  return text.slice(0, end + 1);
}

export function putRecord(prefix: string, { labels, values }: MetricRecord): BatchOperation {
  const writer = new ByteWriter(256);
  writer.varint(labels.length);
  for (const text of labels) writer.text(text);
  writer.varint(values.length);
  for (const value of values) writer.double(value);
  return put(recordKey(prefix, labels), writer.finish());
}

export function deleteRecord(prefix: string, labels: Labels): BatchOperation {
  return del(recordKey(prefix, labels));
}

/** Null for a record that is damaged. */
export function decodeRecord(value: Uint8Array): MetricRecord | null {
  try {
    const reader = new ByteReader(checkedBody(value, "metric"), "metric");
    const labels = Array.from({ length: reader.count(1) }, () => reader.text());
    const values = Array.from({ length: reader.count(8) }, () => reader.double());
    reader.end();
    return { labels, values };
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    return null;
  }
}

function recordKey(prefix: string, labels: Labels): Uint8Array {
  const text = Buffer.from(prefix + labelsKey(labels));
  const key = new Uint8Array(1 + text.length);
  key[0] = VALUES;
  key.set(text, 1);
  return key;
}
