import { expect, test } from "vitest";
import { aggregatorConfigSchema, logRetention } from "../../../aggregator/config.ts";

const HOUR_MS = 3_600_000;

test("lines are kept as long as samples where nothing else is said", () => {
  const config = aggregatorConfigSchema.parse({ retention: "30d" });
  expect(logRetention(config)).toEqual({
    ageMs: 720 * HOUR_MS,
    bytesMax: Number.POSITIVE_INFINITY,
    streams: [],
  });
});

test("age, bytes and ages of streams are read from the configuration", () => {
  const streams = [{ match: '{service="x", unit=~"a.*"}', age: "36h" }];
  const logs = { retention: { age: "2d", bytes_max: "5GiB", streams } };
  expect(logRetention(aggregatorConfigSchema.parse({ logs }))).toEqual({
    ageMs: 48 * HOUR_MS,
    bytesMax: 5 * 1024 ** 3,
    streams: [
      {
        matchers: [
          expect.objectContaining({ name: "service", type: "=", value: "x" }),
          expect.objectContaining({ name: "unit", type: "=~", value: "a.*" }),
        ],
        ageMs: 36 * HOUR_MS,
      },
    ],
  });
});

test.each([
  [{ retention: { age: "1m" } }, "at least 1h"],
  [{ retention: { streams: [{ match: "{", age: "1d" }] } }, "1:2"],
  [{ retention: { streams: [{ match: '{a="b"} |= "c"', age: "1d" }] } }, "plain stream selector"],
  [{ retention: { streams: [{ match: '{a=~"("}', age: "1d" }] } }, "missing closing"],
  [{ retention: { bytes: 1 } }, "bytes"],
  [{ hot_bytes_max: "1kB" }, "at least 1MiB"],
])("what cannot be is refused: %j", (logs, reason) => {
  const parsed = aggregatorConfigSchema.safeParse({ logs });
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).toContain(reason);
});
