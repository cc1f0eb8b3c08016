import { expect, test } from "vitest";
import { limitMalloc } from "../../../agent/footprint/malloc-limits.ts";

test("the GNU C library takes both limits; where there is another one nothing is thrown", () => {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  expect(limitMalloc()).toBe(report.header?.glibcVersionRuntime !== undefined);
});
