import { setTimeout as delay } from "node:timers/promises";
import { type LineLog, openLineLog } from "../aggregator/logs/line-log.ts";
import { openLevelStore } from "../shared/platform/level-store.ts";
import { nodeClock } from "../shared/platform/node.ts";
import { Metrics } from "../shared/telemetry/metrics.ts";
import { sumOnPage } from "../test/support/accounts.ts";
import { MemoryLogger } from "../test/support/memory-logger.ts";
import { eventually } from "../test/support/programs.ts";
import { cpuFigures, LogLoadBed } from "./log-load-bed.ts";
import { type Arrival, LineFollower, outOfOrder } from "./log-load-follow.ts";
import { FILES, PROBE, parseNumbered } from "./log-load-lines.ts";
import { progress, rounded } from "./report.ts";

const WARM_MS = 30_000;
const CATCH_UP_MAX_MS = 600_000;
/** Lines go on being written so long once there is no backlog. */
const AFTER_MS = 30_000;
/** From when on live lines must not be late. */
const BACKLOG_MS = 60_000;
const LEVEL = { cacheBytes: 2 ** 20, writeBufferBytes: 2 ** 20 };

/** How lines come in that were written while an agent was cut off for some minutes, and after it. */
export async function outage(
  minutes: number,
  bytesASecond: number,
): Promise<Record<string, number>> {
  await using load = await LogLoadBed.open("1GiB");
  const { bed, relay, writer } = load;
  using follower = new LineFollower(bed.address, `{job="load"} |= "${PROBE}"`);
  await writer.order({ kind: "rate", bytesASecond });
  await delay(WARM_MS);
  const cutMs = Date.now();
  await relay.close();
  progress(
    `the agent is cut off for ${minutes} min, ${bytesASecond / 1e6} MB/s of lines are written`,
  );
  await delay(minutes * 60_000);
  const waiting = sumOnPage(await bed.agentPage(), "telltale_agent_log_buffer_bytes");
  const cpuBefore = load.cpuTimes();
  await relay.open();
  const openMs = Date.now();
  const isLive = () => {
    follower.check();
    const newest = follower.arrivals.at(-1);
    return (
      newest !== undefined && newest.writtenMs > openMs && newest.atMs - newest.writtenMs < 5000
    );
  };
  await eventually(isLive, CATCH_UP_MAX_MS);
  const liveMs = Date.now();
  const cpuAfter = load.cpuTimes();
  progress(`caught up in ${Math.round((liveMs - openMs) / 1000)} s`);
  await delay(AFTER_MS);
  const { lines } = await writer.order({ kind: "rate", bytesASecond: 0 });
  const written = lines.reduce((sum, count) => sum + count, 0);
  const countStored = async () => sumOnPage(await bed.metrics(), "telltale_ingest_log_lines_total");
  await eventually(async () => (await countStored()) >= written, CATCH_UP_MAX_MS).catch(() => {});
  follower.check();
  const stored = await storedLines(load);
  return {
    lines_written: written,
    lines_stored: stored.count,
    lines_out_of_order: stored.wrong + outOfOrder(follower.arrivals),
    buffer_mib: rounded(waiting / 1024 ** 2),
    seconds_to_connect: rounded((firstAfter(follower.arrivals, openMs) - openMs) / 1000),
    seconds_to_catch_up: rounded((liveMs - openMs) / 1000),
    seconds_late_at_most: lateness(follower.arrivals.filter(({ atMs }) => atMs > openMs)),
    seconds_late_before: lateness(follower.arrivals.filter(({ atMs }) => atMs <= cutMs)),
    live_seconds_late_at_most: lateness(live(follower.arrivals, openMs)),
    ...cpuFigures(cpuBefore, cpuAfter),
  };
}

function firstAfter(arrivals: readonly Arrival[], timeMs: number): number {
  return arrivals.find(({ atMs }) => atMs > timeMs)?.atMs ?? Number.NaN;
}

/** Lines that were written after lines of the last minute had come in of each file. */
function live(arrivals: readonly Arrival[], openMs: number): readonly Arrival[] {
  const near = new Set<number>();
  const small = arrivals.find(({ file, writtenMs, atMs }) => {
    if (atMs > openMs && atMs - writtenMs < BACKLOG_MS) near.add(file);
    return near.size === FILES;
  });
  return arrivals.filter(({ writtenMs }) => small !== undefined && writtenMs > small.atMs);
}

function lateness(arrivals: readonly Arrival[]): number {
  const mostMs = arrivals.reduce((most, { atMs, writtenMs }) => {
    return Math.max(most, atMs - writtenMs);
  }, Number.NEGATIVE_INFINITY);
  return rounded(mostMs / 1000);
}

/** Reads what is stored, in its order: numbers of a file ascend by one. Ends both programs. */
async function storedLines({
  bed,
  agent,
  aggregator,
}: LogLoadBed): Promise<{ readonly count: number; readonly wrong: number }> {
  await agent.stop();
  await aggregator.stop();
  const next = new Map<number, number>();
  let count = 0;
  let wrong = 0;
  const visit = (text: string) => {
    const line = parseNumbered(text);
    if (line === null) return;
    if (line.number !== (next.get(line.file) ?? 0)) wrong += 1;
    next.set(line.file, line.number + 1);
    count += 1;
  };
  const fail = (damage: object) => {
    throw new Error(`The store is damaged: ${JSON.stringify(damage)}`);
  };
  const deps = { clock: nodeClock, logger: new MemoryLogger(), metrics: new Metrics() };
  await openLevelStore(bed.path("aggregator/logs"), LEVEL, fail, async (store) => {
    const log = await openLineLog({ ...deps, store });
    await eachLine(log, visit);
    await log.close();
  });
  return { count, wrong };
}

async function eachLine(log: LineLog, visit: (text: string) => void): Promise<void> {
  for (const one of log.blocks) {
    const block = await log.read(one);
    for (const { lines } of block?.sources ?? []) {
      for (const { bytes } of lines) visit(Buffer.from(bytes).toString("latin1"));
    }
  }
}
