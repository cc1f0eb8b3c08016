import { expect, test } from "vitest";
import { encoded } from "../../../aggregator/web/page-routes.ts";

const FILE = { plain: Buffer.from("p"), gzip: Buffer.from("g"), brotli: Buffer.from("b") };

test.each([
  ["gzip, deflate, br", "br"],
  ["gzip;q=1.0, br;q=0", "gzip"],
  ["GZIP", "gzip"],
  ["br;q=0.000, gzip; q=0", null],
  ["brotli", null],
  ["", null],
])("who accepts %j gets %s", (accepted, encoding) => {
  expect(encoded(FILE, accepted).encoding).toBe(encoding);
});

test("what has no short form goes out as it is", () => {
  expect(encoded({ ...FILE, brotli: null, gzip: null }, "gzip, br").encoding).toBeNull();
});
