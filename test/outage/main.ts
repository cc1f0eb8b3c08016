import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type AgentAccounts, checkAccounts, readAgentAccounts } from "../support/accounts.ts";
import { readOptions } from "../support/command-line.ts";
import { Bed, eventually, exitOnSignals, type Program, residentMiB } from "../support/programs.ts";
import { LogLines } from "./log-lines.ts";

const HELP = `Stops the aggregator for some minutes while an agent with 1,000 series and a log goes on, and measures.

  npm run outage -- [--minutes N]   an outage of N minutes (default 10)

Fails when the back-fill takes 10 s or more, a tick is more than 2 s late after it, or the agent's
memory during the outage is more than 1.2 times that before; and when a line of the log is missing,
out of order, or more than 5 s late once less than a minute of them waits.
`;

const SERIES = 1000;
const WARM_MS = 60_000;
const LOOK_MS = 1000;
const AFTER_LOOKS = 60;
const BACKFILL_MAX_MS = 10_000;
const LATE_MAX_MS = 2000;
const LINES_LATE_MAX_MS = 5000;
const MEMORY_MAX = 1.2;

/** Other programs' metrics, new every second. */
async function keepWriting(directory: string, signal: AbortSignal): Promise<void> {
  for (let round = 1; !signal.aborted; round += 1) {
    const lines = Array.from({ length: SERIES }, (_, index) => {
      return `outage_value{index="${index}"} ${index % 4 === 0 ? round * (index + 1) : index}`;
    });
    writeFileSync(`${directory}/next.tmp`, `${lines.join("\n")}\n`);
    renameSync(`${directory}/next.tmp`, `${directory}/outage.prom`);
    await delay(1000, undefined, { signal }).catch(() => undefined);
  }
}

/** The median of the agent's memory over a time. */
async function watchMemory(agent: Program, forMs: number): Promise<number> {
  const seen: number[] = [];
  for (let passedMs = 0; passedMs < forMs; passedMs += LOOK_MS) {
    await delay(LOOK_MS);
    seen.push(residentMiB(agent.child.pid));
  }
  return seen.sort((a, b) => a - b)[seen.length >> 1] ?? 0;
}

/** From the aggregator being ready until nothing that was made before that waits. */
async function backfill(bed: Bed): Promise<number> {
  const startMs = performance.now();
  const { made, dropped } = await readAgentAccounts(bed);
  let accounts: AgentAccounts;
  await eventually(async () => {
    accounts = await readAgentAccounts(bed);
    return accounts.stored >= made - dropped;
  }, 600_000);
  return performance.now() - startMs;
}

/** How old the newest tick is when it can be queried, at most. */
async function watchLateness(bed: Bed): Promise<number> {
  let latestMs = 0;
  for (let look = 0; look < AFTER_LOOKS; look += 1) {
    await delay(LOOK_MS / 2);
    const [newest] = await bed.query("timestamp(node_load1)");
    latestMs = Math.max(latestMs, Date.now() - (newest?.[1] ?? 0) * 1000);
  }
  return latestMs - LOOK_MS; // a tick is a second old when the next one comes
}

async function run(minutes: number): Promise<boolean> {
  await using bed = await Bed.open();
  const directory = bed.path("rules"); // any that exists; rules have another ending
  const logs = `logs:\n  files:\n    - include: ${bed.path("logs/*.log")}\n`;
  const config = bed.write("agent.yaml", `textfile_directory: ${directory}\n${logs}`);
  const stop = new AbortController();
  const writing = keepWriting(directory, stop.signal);
  let aggregator = await bed.startReadyAggregator();
  const agent = bed.start("agent", [`--config=${config}`]);
  await delay(WARM_MS);
  const lines = new LogLines(bed); // a file that is new to the agent is read from its start
  const writingLines = lines.keepWriting(stop.signal);
  const before = await watchMemory(agent, WARM_MS);
  await aggregator.stop();
  console.log(`the aggregator is away for ${minutes} min; the agent has ${before.toFixed(0)} MiB`);
  const during = await watchMemory(agent, minutes * 60_000);
  const { waiting } = await readAgentAccounts(bed);
  aggregator = await bed.startReadyAggregator();
  const newestLines = lines.watchLateness();
  const backfillMs = await backfill(bed);
  const lateMs = await watchLateness(bed);
  const { made, stored, dropped } = await checkAccounts(bed, 60_000);
  const { caughtUpMs, lateMs: linesLateMs } = await newestLines;
  stop.abort();
  await Promise.all([writing, writingLines]);
  await delay(LINES_LATE_MAX_MS);
  await agent.stop();
  await aggregator.stop();
  const linesStored = await lines.check();
  console.log(
    `memory during it ${during.toFixed(0)} MiB, ${(during / before).toFixed(2)} times as before; ` +
      `${waiting} ticks filled in within ${(backfillMs / 1000).toFixed(1)} s; ` +
      `then at most ${(lateMs / 1000).toFixed(1)} s late; ` +
      `made ${made}, stored ${stored}, dropped ${dropped}`,
  );
  console.log(
    `${linesStored} lines stored in order; caught up with in ${(caughtUpMs / 1000).toFixed(1)} s, ` +
      `then at most ${(linesLateMs / 1000).toFixed(1)} s late`,
  );
  if (linesLateMs > LINES_LATE_MAX_MS) return false;
  return during / before <= MEMORY_MAX && backfillMs < BACKFILL_MAX_MS && lateMs <= LATE_MAX_MS;
}

exitOnSignals();
const { minutes } = readOptions(HELP, ["minutes"]);
process.exitCode = (await run(Number(minutes ?? 10))) ? 0 : 1;
