import { expect, test } from "vitest";
import { takesGzip } from "../../../aggregator/api/http-compression.ts";

test.each([
  ["gzip", true],
  ["gzip, deflate, br", true],
  ["br;q=1.0, gzip;q=0.8, *;q=0.1", true],
  ["*", true],
  ["GZIP ; q=0.001", true],
  ["gzip;q=0", false],
  ["gzip;q=0.000, br", false],
  ["deflate", false],
  ["x-gzip2", false],
  [undefined, false],
])("Accept-Encoding %s takes gzip: %s", (header, expected) => {
  expect(takesGzip(header)).toBe(expected);
});
