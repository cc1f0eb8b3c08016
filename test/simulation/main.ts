import { readOptions, refuse, wholeNumber } from "../support/command-line.ts";
import { Progress } from "../support/progress.ts";
import { PLANT_NAMES, type PlantName } from "./plants.ts";
import { runSeed } from "./run.ts";
import { runSeeds, type SeedReport } from "./seed-workers.ts";

const HELP = `Runs the whole system, simulated, once for each seed and checks what it promises.

  npm run sim -- [--seeds N] [--from N]   N seeds (default 1000) from a first one (default 1),
                                          on all cores; a failing one is printed at once
  npm run sim -- --seed N                 one seed, with its trace
  npm run sim -- --plant NAME             with a planted bug: exit 0 when it is found

Planted bugs: ${PLANT_NAMES.join(", ")}
`;

const SEEDS_DEFAULT = 1000;
const FAILURES_SHOWN_MAX = 12;

function isPlant(name: string): name is PlantName {
  return (PLANT_NAMES as readonly string[]).includes(name);
}

function replayCommand(seed: number, plant: PlantName | null): string {
  return `npm run sim -- --seed ${seed}${plant === null ? "" : ` --plant ${plant}`}`;
}

function show(report: SeedReport, plant: PlantName | null): void {
  console.log(`seed ${report.seed} FAILED (trace ${report.digest})`);
  for (const violation of report.violations) console.log(`  ${violation}`);
  console.log(`  replay: ${replayCommand(report.seed, plant)}`);
}

async function runOne(seed: number, plant: PlantName | null): Promise<number> {
  const report = await runSeed(seed, { plant, isTraced: true });
  for (const line of report.lines) console.log(line);
  console.log(`plan: ${JSON.stringify(report.plan)}`);
  if (report.violations.length > 0) show({ ...report, counts: [] }, plant);
  else console.log(`seed ${seed} holds (trace ${report.digest})`);
  return report.violations.length === 0 ? 0 : 1;
}

async function runMany(fromSeed: number, count: number, plant: PlantName | null): Promise<number> {
  const totals = new Map<string, number>();
  const progress = new Progress(count, "seeds");
  let failures = 0;
  let virtualMs = 0;
  const seeds = Array.from({ length: count }, (_, index) => fromSeed + index);
  for await (const report of runSeeds(seeds, plant)) {
    virtualMs += report.virtualMs;
    for (const [kind, n] of report.counts) totals.set(kind, (totals.get(kind) ?? 0) + n);
    if (report.violations.length > 0) {
      failures += 1;
      if (failures <= FAILURES_SHOWN_MAX) show(report, plant);
      if (plant !== null) break;
    }
    progress.step(`${failures} failed`);
  }
  const { elapsedMs } = progress;
  const counted = [...totals].sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(counted.map(([kind, n]) => `${kind} ${n}`).join(", "));
  if (plant !== null) {
    console.log(failures > 0 ? `${plant} is found` : `${plant} is NOT found in ${count} seeds`);
    return failures > 0 ? 0 : 1;
  }
  const perSeedMs = (elapsedMs / count).toFixed(1);
  const factor = (virtualMs / elapsedMs).toFixed(0);
  console.log(
    `${count} seeds from ${fromSeed} in ${(elapsedMs / 1000).toFixed(0)} s, ${failures} failed ` +
      `(${perSeedMs} ms a seed, ${factor} times as fast as time)`,
  );
  return failures === 0 ? 0 : 1;
}

const options = readOptions(HELP, ["seeds", "seed", "from", "plant"]);
const plant = options.plant ?? null;
if (plant !== null && !isPlant(plant)) refuse(`No planted bug is called "${plant}"`, HELP);
const from = wholeNumber(options.from, 1, HELP);
const count = wholeNumber(options.seeds, SEEDS_DEFAULT, HELP);
const seed = wholeNumber(options.seed, 1, HELP);
process.exitCode =
  options.seed === undefined ? await runMany(from, count, plant) : await runOne(seed, plant);
