import { randomInt } from "node:crypto";
import { readdirSync } from "node:fs";
import { sumOnPage } from "../support/accounts.ts";
import { readOptions, wholeNumber } from "../support/command-line.ts";
import { Bed, exitOnSignals, type Program, residentMiB } from "../support/programs.ts";
import { SeededRandom } from "../support/random.ts";
import { Fuzzer } from "./fuzzer.ts";
import { recordAgent } from "./record.ts";

const HELP = `Sends mutated streams and garbage to the ingest port of a real aggregator.

  npm run fuzz -- [--minutes N] [--seed N]   for N minutes (default 10)

It must live, not grow, and count every refusal by its reason.
`;

const MINUTES_DEFAULT = 10;
const LOOK_MS = 5000;
/** Of the first part of a run, in which caches and code settle, growth is not judged. */
const WARM_SHARE = 0.3;
const GROWTH_MAX = 1.2;
const DESCRIPTORS_MORE_MAX = 10;

type Look = { readonly rssMiB: number; readonly descriptors: number };

function look(program: Program): Look {
  const { pid } = program.child;
  return { rssMiB: residentMiB(pid), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

async function run(minutes: number, seed: number): Promise<void> {
  await using bed = await Bed.open();
  const recorded = await recordAgent(bed);
  const aggregator = await bed.startReadyAggregator(["--log-level=error"]);
  const fuzzer = new Fuzzer(bed.grpcPort, new SeededRandom(`fuzz ${seed}`), Date.now(), [recorded]);
  const looks: Look[] = [look(aggregator)];
  const startMs = performance.now();
  const elapsedMs = () => performance.now() - startMs;
  while (elapsedMs() < minutes * 60_000) {
    await fuzzer.attack();
    if (aggregator.child.exitCode !== null || aggregator.child.signalCode !== null) {
      throw new Error(
        `It died after attack ${fuzzer.attacks}, seed ${seed}:\n${aggregator.errors}`,
      );
    }
    if (elapsedMs() < looks.length * LOOK_MS) continue;
    const now = look(aggregator);
    looks.push(now);
    const left = Math.ceil(minutes - elapsedMs() / 60_000);
    console.log(
      `${fuzzer.attacks} attacks, ${fuzzer.refused} streams refused, ` +
        `${now.rssMiB.toFixed(0)} MiB, ${now.descriptors} descriptors, ${left} min left`,
    );
  }
  console.log([...fuzzer.refusals].map(([name, count]) => `${name} ${count}`).join(", "));
  judgeGrowth(looks);
  const page = await bed.metrics();
  const refusals = sumOnPage(page, "telltale_ingest_errors_total");
  const rejected = sumOnPage(page, "telltale_ingest_frames_total", 'outcome="rejected"');
  console.log(`the aggregator counts ${refusals} refused streams, ${rejected} refused frames`);
  if (refusals < fuzzer.refused) throw new Error(`${fuzzer.refused} streams were refused`);
}

function judgeGrowth(looks: readonly Look[]): void {
  const warm = looks.slice(Math.floor(looks.length * WARM_SHARE));
  const third = Math.max(1, Math.floor(warm.length / 3));
  const [early, late] = [warm.slice(0, third), warm.slice(-third)];
  const rss = (part: readonly Look[]) => median(part.map(({ rssMiB }) => rssMiB));
  // Some are of connections that come and go, others of the store's files.
  const open = (part: readonly Look[]) => median(part.map(({ descriptors }) => descriptors));
  console.log(
    `early ${rss(early).toFixed(0)} MiB and ${open(early)} descriptors, ` +
      `late ${rss(late).toFixed(0)} MiB and ${open(late)}`,
  );
  if (rss(late) > rss(early) * GROWTH_MAX) throw new Error("Its memory grows");
  if (open(late) > open(early) + DESCRIPTORS_MORE_MAX) throw new Error("Its descriptors grow");
}

exitOnSignals();
const options = readOptions(HELP, ["minutes", "seed"]);
const seed = wholeNumber(options.seed, randomInt(1_000_000_000), HELP);
console.log(`seed ${seed}`);
await run(Number(options.minutes ?? MINUTES_DEFAULT), seed);
