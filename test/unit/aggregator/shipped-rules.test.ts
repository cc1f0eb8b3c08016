import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkFiles } from "../../../aggregator/app.ts";
import { shippedRulesPaths } from "../../../aggregator/built-in-rules.ts";
import { aggregatorConfigSchema } from "../../../aggregator/config.ts";

test("an aggregator with its defaults can start: the rules that it comes with are good", () => {
  const config = aggregatorConfigSchema.parse({ rules: shippedRulesPaths() });
  const { groups } = checkFiles(config, {
    readFile: () => null,
    readFiles: (path) => [{ path, text: readFileSync(path, "utf8") }],
  });
  expect(groups.length).toBeGreaterThan(5);
});
