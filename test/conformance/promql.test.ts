import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runFile, scriptFiles } from "./promql-corpus.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance/promql");

/**
 * How many cases of each file passed when last looked at; native histograms are not among them. A
 * ratchet: whoever makes more pass writes the new number here, and nobody makes fewer pass.
 */
const PASSED: Readonly<Record<string, number>> = {
  "at_modifier.test": 78,
  "duration_expression.test": 59,
  "fill-modifier.test": 46,
  "functions-a.test": 189,
  "histograms-a.test": 43,
  "literals.test": 25,
  "name_label_dropping.test": 30,
  "operators.test": 142,
  "range_queries.test": 16,
  "selectors.test": 31,
  "staleness.test": 17,
};

describe.skipIf(!existsSync(DIRECTORY))(
  "Prometheus' own PromQL cases (skipped without ../shared/conformance/promql)",
  () => {
    test.each(Object.entries(PASSED))("%s: %i cases pass", async (file, least) => {
      const { passed, failed } = await runFile(DIRECTORY, file);
      const firstFailed = failed.slice(0, 5).map(({ line, failure }) => `${line}: ${failure}`);
      expect(passed.length, firstFailed.join("\n")).toBe(least);
      expect(passed.filter(({ rangeFailure }) => rangeFailure !== null)).toEqual([]);
    });

    test("every file has its number here", async () => {
      expect(await scriptFiles(DIRECTORY)).toEqual(Object.keys(PASSED));
    });
  },
);
