import { expect, test } from "vitest";
import { labelName, metricName } from "../../../agent/receive/otlp/metric-name.ts";
import type { MetricHead } from "../../../agent/receive/otlp/metric-point.ts";

type Kind = "counter" | "up-down" | MetricHead["kind"];

function named(name: string, unit: string, kind: Kind): string {
  const isSum = kind === "counter" || kind === "up-down";
  const head = { temporality: "cumulative", isMonotonic: kind === "counter" } as const;
  return metricName({ name, unit, kind: isSum ? "sum" : kind, ...head });
}

test.each<[name: string, unit: string, kind: Kind, translated: string]>([
  ["http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"],
  ["system.memory.usage", "By", "up-down", "system_memory_usage_bytes"],
  ["system.io", "By", "counter", "system_io_bytes_total"],
  ["requests_total", "", "counter", "requests_total"],
  ["total.requests", "", "counter", "requests_total"],
  ["cpu.utilization", "1", "gauge", "cpu_utilization_ratio"],
  ["cpu.ratio", "1", "gauge", "cpu_ratio"],
  ["queue.size", "1", "up-down", "queue_size"],
  ["items", "1", "counter", "items_total"],
  ["speed", "m/s", "gauge", "speed_meters_per_second"],
  ["throughput", "By/s", "gauge", "throughput_bytes_per_second"],
  ["rate", "1/s", "gauge", "rate_per_second"],
  ["cost", "1/mo", "gauge", "cost_per_month"],
  ["events", "{event}/m", "gauge", "events_per_minute"],
  ["open.files", "{file}", "gauge", "open_files"],
  ["active", "{request}", "up-down", "active"],
  ["duration_seconds", "s", "gauge", "duration_seconds"],
  ["seconds.since", "s", "gauge", "seconds_since"],
  ["battery", "%", "gauge", "battery_percent"],
  ["room", "Cel", "gauge", "room_celsius"],
  ["disk", "KiBy", "gauge", "disk_kibibytes"],
  ["gc.pause", "ms", "histogram", "gc_pause_milliseconds"],
  ["latency", "us", "summary", "latency_microseconds"],
  ["odd", "furlong", "gauge", "odd_furlong"],
  ["odd", "fur_long ", "gauge", "odd_fur_long"],
  ["a..b--c", "", "gauge", "a_b_c"],
  ["_leading_", "", "gauge", "leading"],
  ["2xx.responses", "", "counter", "_2xx_responses_total"],
  ["ns:metric", "", "gauge", "ns:metric"],
  ["größe", "By", "gauge", "gr_e_bytes"],
  ["测试", "s", "gauge", ""],
  ["", "s", "gauge", ""],
  ["a".repeat(2000), "", "gauge", ""],
])("%s in %s of a %s is %s", (name, unit, kind, translated) => {
  expect(named(name, unit, kind)).toBe(translated);
});

test.each([
  ["http.method", "http_method"],
  ["http-status code", "http_status_code"],
  ["200", "key_200"],
  ["_private", "key_private"],
  ["__reserved", "__reserved"],
  ["a..b", "a__b"],
  ["größe", "gr__e"],
  ["😀", "key_"],
])("the attribute %s is the label %s", (attribute, label) => {
  expect(labelName(attribute)).toBe(label);
});
