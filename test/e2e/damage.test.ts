import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually } from "../support/programs.ts";

function filesOf(directory: string, ending: string): string[] {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((path) => path.endsWith(ending) && statSync(path).size > 0);
}

test("damaged table files are set aside and counted, and the start goes on", async () => {
  await using bed = await Bed.open();
  let aggregator = await bed.startReadyAggregator();
  const agent = bed.start("agent");
  await eventually(
    async () => ((await bed.query("count_over_time(node_load1[1m])"))[0]?.[1] ?? 0) > 1,
  );
  await aggregator.stop();
  // A reopened LevelDB writes its log out as a table: then there is a table to damage.
  aggregator = await bed.startReadyAggregator();
  await delay(1000);
  await aggregator.stop();
  const tables = filesOf(bed.path("aggregator"), ".ldb");
  expect(tables.length).toBeGreaterThan(0);
  for (const path of tables) {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, Math.floor(bytes.length / 2)));
  }
  aggregator = await bed.startReadyAggregator();
  expect(aggregator.errors).toContain("damaged store");
  await bed.untilUp();
  const page = await bed.metrics();
  expect(page).toMatch(/telltale_store_damage_total\{.*\} [1-9]/);
  await agent.stop();
});
