/** Source: opentelemetry-proto v1, metrics.proto and metrics_service.proto. */

import { WireReader } from "../../../shared/wire/wire-reader.ts";
import type { AnyValue, Attributes } from "./any-value.ts";
import {
  type ExponentialCounts,
  type MetricHead,
  type MetricKind,
  MetricPoint,
  type MetricVisitor,
} from "./metric-point.ts";
import { addAttribute, readExport } from "./protobuf-value.ts";

/** Kinds, by the number of their field in a Metric. */
const KINDS: ReadonlyMap<number, MetricKind> = new Map([
  [5, "gauge"],
  [7, "sum"],
  [9, "histogram"],
  [10, "exponential"],
  [11, "summary"],
]);

/** The number of the attributes' field in a point of each kind. */
const ATTRIBUTES: Readonly<Record<MetricKind, number>> = {
  gauge: 7,
  sum: 7,
  histogram: 9,
  exponential: 1,
  summary: 7,
};

const TEMPORALITIES = ["none", "delta", "cumulative"] as const;

/**
 * Reads an ExportMetricsServiceRequest, point by point.
 * @throws OperationalError PARSE
 */
export function readProtobufMetrics(bytes: Uint8Array, visitor: MetricVisitor): void {
  new MetricsReader(bytes, visitor).read();
}

/** A message is looked through twice where what stands last has to be known first. */
class MetricsReader {
  readonly #reader: WireReader;
  readonly #visitor: MetricVisitor;
  readonly #point = new MetricPoint();
  #attributesField = 0;
  /** Where the point lies that was read. */
  #pointAt = 0;
  #pointEnd = 0;
  /** Where attributes lie that follow one upon the other. */
  #keyAt = 0;
  #keyEnd = 0;
  readonly #attributes = () => this.#readAttributes();

  constructor(bytes: Uint8Array, visitor: MetricVisitor) {
    this.#reader = new WireReader(bytes);
    this.#visitor = visitor;
  }

  read(): void {
    readExport(this.#reader, this.#visitor, () => this.#metric());
  }

  #metric(): void {
    const reader = this.#reader;
    const outer = reader.enter();
    const start = reader.at;
    let name = "";
    let unit = "";
    while (reader.next()) {
      if (reader.field === 1) name = reader.text();
      else if (reader.field === 3) unit = reader.text();
      else reader.skip();
    }
    reader.rewind(start);
    while (reader.next()) {
      const kind = KINDS.get(reader.field);
      if (kind === undefined) reader.skip();
      else this.#points(name, unit, kind);
    }
    reader.leave(outer);
  }

  #points(name: string, unit: string, kind: MetricKind): void {
    const reader = this.#reader;
    const outer = reader.enter();
    const start = reader.at;
    let temporality: MetricHead["temporality"] = "none";
    let isMonotonic = false;
    while (reader.next()) {
      if (reader.field === 2) temporality = TEMPORALITIES[reader.unsigned()] ?? "none";
      else if (reader.field === 3) isMonotonic = reader.bool();
      else reader.skip();
    }
    this.#visitor.metric({ name, unit, kind, temporality, isMonotonic });
    this.#attributesField = ATTRIBUTES[kind];
    reader.rewind(start);
    while (reader.next()) {
      if (reader.field === 1) this.#readPoint(kind);
      else reader.skip();
    }
    reader.leave(outer);
  }

  #readPoint(kind: MetricKind): void {
    const reader = this.#reader;
    const point = this.#point;
    point.clear();
    const outer = reader.enter();
    this.#pointAt = reader.at;
    this.#pointEnd = reader.end;
    this.#keyAt = this.#keyEnd = -1;
    while (reader.next()) {
      if (reader.field === this.#attributesField) this.#addToKey();
      else if (kind === "gauge" || kind === "sum") this.#numberField();
      else if (kind === "histogram") this.#histogramField();
      else if (kind === "exponential") this.#exponentialField();
      else this.#summaryField();
    }
    if (this.#keyAt >= 0) point.key += reader.latin1(this.#keyAt, this.#keyEnd);
    reader.leave(outer);
    this.#visitor.point(point, this.#attributes);
  }

  #addToKey(): void {
    const reader = this.#reader;
    const start = reader.fieldAt;
    reader.skip();
    if (this.#keyEnd !== start) {
      if (this.#keyAt >= 0) this.#point.key += reader.latin1(this.#keyAt, this.#keyEnd);
      this.#keyAt = start;
    }
    this.#keyEnd = reader.at;
  }

  #readAttributes(): Attributes {
    const reader = this.#reader;
    const attributes: (readonly [string, AnyValue])[] = [];
    const before = reader.revisit(this.#pointAt, this.#pointEnd);
    while (reader.next()) {
      if (reader.field === this.#attributesField) addAttribute(reader, attributes);
      else reader.skip();
    }
    reader.restore(before);
    return attributes;
  }

  #numberField(): void {
    const reader = this.#reader;
    const point = this.#point;
    switch (reader.field) {
      case 2:
        point.startMs = reader.timeMs();
        break;
      case 3:
        point.timeMs = reader.timeMs();
        break;
      case 4:
        point.value = reader.double();
        break;
      case 6:
        point.value = reader.sfixed64();
        break;
      case 8:
        point.flags = reader.unsigned();
        break;
      default:
        reader.skip();
    }
  }

  #histogramField(): void {
    const reader = this.#reader;
    const point = this.#point;
    switch (reader.field) {
      case 2:
        point.startMs = reader.timeMs();
        break;
      case 3:
        point.timeMs = reader.timeMs();
        break;
      case 4:
        point.count = reader.fixed64();
        break;
      case 5:
        point.sum = reader.double();
        break;
      case 6:
        reader.fixed64s(point.counts);
        break;
      case 7:
        reader.doubles(point.bounds);
        break;
      case 10:
        point.flags = reader.unsigned();
        break;
      default:
        reader.skip();
    }
  }

  #exponentialField(): void {
    const reader = this.#reader;
    const point = this.#point;
    switch (reader.field) {
      case 6:
        point.scale = reader.sint32();
        break;
      case 7:
        point.zeroCount = reader.fixed64();
        break;
      case 8:
        this.#exponentialCounts(point.positive);
        break;
      case 9:
        this.#exponentialCounts(point.negative);
        break;
      case 14:
        point.zeroThreshold = reader.double();
        break;
      default:
        if (reader.field <= 5 || reader.field === 10) this.#histogramField();
        else reader.skip();
    }
  }

  #exponentialCounts(into: ExponentialCounts): void {
    const reader = this.#reader;
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === 1) into.offset = reader.sint32();
      else if (reader.field === 2) reader.uint64s(into.counts);
      else reader.skip();
    }
    reader.leave(outer);
  }

  #summaryField(): void {
    const reader = this.#reader;
    switch (reader.field) {
      case 6:
        this.#quantile();
        break;
      case 8:
        this.#point.flags = reader.unsigned();
        break;
      default:
        if (reader.field <= 5) this.#histogramField();
        else reader.skip();
    }
  }

  #quantile(): void {
    const reader = this.#reader;
    let quantile = 0;
    let value = 0;
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === 1) quantile = reader.double();
      else if (reader.field === 2) value = reader.double();
      else reader.skip();
    }
    reader.leave(outer);
    this.#point.quantiles.push([quantile, value]);
  }
}
