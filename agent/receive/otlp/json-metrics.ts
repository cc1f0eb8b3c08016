import {
  asNumber,
  attributesOf,
  enumOf,
  listOf,
  member,
  numberOf,
  numbersOf,
  parseJson,
  scopeOf,
  textOf,
  timeMsOf,
} from "./json-value.ts";
import {
  type ExponentialCounts,
  type MetricKind,
  MetricPoint,
  type MetricVisitor,
} from "./metric-point.ts";

/** Kinds, by the name of their member in a metric. */
const KINDS: readonly (readonly [string, MetricKind])[] = [
  ["gauge", "gauge"],
  ["sum", "sum"],
  ["histogram", "histogram"],
  ["exponentialHistogram", "exponential"],
  ["summary", "summary"],
];

const TEMPORALITIES = ["none", "delta", "cumulative"] as const;
const TEMPORALITY_NAMES = [
  "AGGREGATION_TEMPORALITY_UNSPECIFIED",
  "AGGREGATION_TEMPORALITY_DELTA",
  "AGGREGATION_TEMPORALITY_CUMULATIVE",
];

/**
 * Reads an ExportMetricsServiceRequest, point by point.
 * @throws OperationalError PARSE
 */
export function readJsonMetrics(bytes: Uint8Array, visitor: MetricVisitor): void {
  const point = new MetricPoint();
  for (const resource of listOf(parseJson(bytes), "resourceMetrics")) {
    visitor.resource(attributesOf(member(resource, "resource")));
    for (const scope of listOf(resource, "scopeMetrics")) {
      visitor.scope(scopeOf(scope));
      for (const metric of listOf(scope, "metrics")) readMetric(metric, point, visitor);
    }
  }
}

function readMetric(metric: unknown, point: MetricPoint, visitor: MetricVisitor): void {
  for (const [name, kind] of KINDS) {
    const body = member(metric, name);
    if (body === undefined) continue;
    const index = enumOf(body, "aggregationTemporality", TEMPORALITY_NAMES);
    visitor.metric({
      name: textOf(metric, "name"),
      unit: textOf(metric, "unit"),
      kind,
      temporality: TEMPORALITIES[index] ?? "none",
      isMonotonic: member(body, "isMonotonic") === true,
    });
    for (const given of listOf(body, "dataPoints")) {
      point.clear();
      readPoint(given, kind, point);
      visitor.point(point, () => attributesOf(given));
    }
  }
}

function readPoint(given: unknown, kind: MetricKind, point: MetricPoint): void {
  const attributes = member(given, "attributes");
  point.key = attributes === undefined ? "" : JSON.stringify(attributes);
  point.startMs = timeMsOf(given, "startTimeUnixNano");
  point.timeMs = timeMsOf(given, "timeUnixNano");
  point.flags = numberOf(given, "flags");
  if (kind === "gauge" || kind === "sum") {
    const value = member(given, "asInt") ?? member(given, "asDouble");
    point.value = value === undefined ? null : asNumber(value, "asDouble");
    return;
  }
  point.count = numberOf(given, "count");
  const sum = member(given, "sum");
  point.sum = sum === undefined ? null : asNumber(sum, "sum");
  if (kind === "histogram") {
    numbersOf(given, "explicitBounds", point.bounds);
    numbersOf(given, "bucketCounts", point.counts);
  } else if (kind === "exponential") {
    readExponential(given, point);
  } else {
    for (const one of listOf(given, "quantileValues")) {
      point.quantiles.push([numberOf(one, "quantile"), numberOf(one, "value")]);
    }
  }
}

function readExponential(given: unknown, point: MetricPoint): void {
  point.scale = numberOf(given, "scale");
  point.zeroCount = numberOf(given, "zeroCount");
  point.zeroThreshold = numberOf(given, "zeroThreshold");
  readCounts(member(given, "positive"), point.positive);
  readCounts(member(given, "negative"), point.negative);
}

function readCounts(given: unknown, into: ExponentialCounts): void {
  into.offset = numberOf(given, "offset");
  numbersOf(given, "bucketCounts", into.counts);
}
