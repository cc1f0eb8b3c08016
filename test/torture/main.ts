import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readOptions, wholeNumber } from "../support/command-line.ts";
import { Bed, exitOnSignals } from "../support/programs.ts";
import { SeededRandom } from "../support/random.ts";
import { FullDisk, mountSmall } from "./full-disk.ts";
import { Killer } from "./kills.ts";
import { LogTorture } from "./logs.ts";

const HELP = `Kills the built programs at random moments, and fills their disk; the books must be right after each.

  npm run torture -- [--kills N] [--seed N]   N times kill -9 (default 1000), then a full disk
  npm run torture -- --only kills|full-disk   one of the two
  npm run torture -- logs [--minutes M] [--rate R]
                                              R MB/s of logs (default 50; less where the agent does
                                              not follow) are written for M minutes (default 30) and
                                              rotated by logrotate, while agent and aggregator are
                                              killed

The full disk is a file system of 20 MB of its own; that needs root and util-linux.
`;

const KILLS_DEFAULT = 1000;
const LOG_MINUTES_DEFAULT = 30;
const LOG_RATE_DEFAULT = 50;

async function torment(kills: number, seed: number): Promise<void> {
  console.log(`${kills} kills, seed ${seed}`);
  await using bed = await Bed.open();
  await new Killer(bed, new SeededRandom(`torture ${seed}`)).run(kills);
}

/** In a mount namespace of its own, so that nothing of it is left or seen elsewhere. */
function fillDiskApart(): void {
  const script = process.argv[1] ?? "";
  const args = ["--mount", "--propagation", "private", process.execPath, script, "--inside=yes"];
  const { status, error } = spawnSync("unshare", args, { stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error("The full disk was not survived, or there are no namespaces");
}

async function fillDisk(): Promise<void> {
  await using bed = await Bed.open(mountSmall);
  await new FullDisk(bed).run();
}

async function tormentLogs(minutes: number, rate: number, seed: number): Promise<void> {
  console.log(`logs for ${minutes} minutes at ${rate} MB/s, seed ${seed}`);
  await using bed = await Bed.open();
  const torture = new LogTorture(bed, new SeededRandom(`logs ${seed}`));
  await torture.run({ minutes, megabytesASecond: rate });
}

exitOnSignals();
const isOfLogs = process.argv[2] === "logs";
if (isOfLogs) process.argv.splice(2, 1);
const options = readOptions(HELP, ["kills", "seed", "only", "inside", "minutes", "rate"]);
const seed = wholeNumber(options.seed, randomInt(1_000_000_000), HELP);
if (options.inside !== undefined) await fillDisk();
else if (isOfLogs) {
  const minutes = wholeNumber(options.minutes, LOG_MINUTES_DEFAULT, HELP);
  await tormentLogs(minutes, wholeNumber(options.rate, LOG_RATE_DEFAULT, HELP), seed);
} else {
  const kills = wholeNumber(options.kills, KILLS_DEFAULT, HELP);
  if (options.only !== "full-disk") await torment(kills, seed);
  if (options.only !== "kills") fillDiskApart();
}
