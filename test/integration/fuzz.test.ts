import { expect, test } from "vitest";
import { Fuzzer } from "../fuzz/fuzzer.ts";
import { sumOnPage } from "../support/accounts.ts";
import { IngestBed } from "../support/ingest-bed.ts";
import { eventually } from "../support/programs.ts";
import { SeededRandom } from "../support/random.ts";

const ATTACKS = 150;
const SEED = 7;

test("mutated streams and garbage are refused, counted, and leave nothing behind", async () => {
  await using bed = await IngestBed.open();
  const fuzzer = new Fuzzer(bed.port, new SeededRandom(SEED), Date.now());
  for (let attack = 0; attack < ATTACKS; attack += 1) await fuzzer.attack();
  expect(fuzzer.refused).toBeGreaterThan(ATTACKS / 10);
  await eventually(() => bed.metricsPage().includes("telltale_ingest_sessions 0"));
  const page = bed.metricsPage();
  expect(sumOnPage(page, "telltale_ingest_errors_total")).toBeGreaterThanOrEqual(fuzzer.refused);
  expect(page).toMatch(/telltale_ingest_frames_total\{outcome="rejected"\} [1-9]/);
  expect(page).toMatch(/telltale_ingest_frames_total\{outcome="stored"\} [1-9]/);
});
