import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { groupingAccuracy, minedIds } from "./grouping.ts";

const FOLDER = join(import.meta.dirname, "../../fixtures/logs");
const linesOf = (name: string) => readFileSync(join(FOLDER, name), "utf8").split("\n").slice(0, -1);

test("lines of real programs are grouped right to 95 % on average, with one setting", () => {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".log"));
  expect(names).toHaveLength(6);
  const accuracies = names.map((name) => {
    const lines = linesOf(name);
    const labels = linesOf(name.replace(".log", ".labels"));
    expect(labels).toHaveLength(lines.length);
    return groupingAccuracy(minedIds(lines), labels);
  });
  const mean = accuracies.reduce((sum, one) => sum + one, 0) / accuracies.length;
  expect(mean, accuracies.join()).toBeGreaterThanOrEqual(0.95);
});
