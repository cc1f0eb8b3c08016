import { setTimeout as delay } from "node:timers/promises";
import { sumOnPage } from "../test/support/accounts.ts";
import { residentMiB } from "../test/support/programs.ts";
import { cpuFigures, LogLoadBed, streamValue } from "./log-load-bed.ts";
import { quantile } from "./log-load-follow.ts";
import { LINE_BYTES } from "./log-load-lines.ts";
import { progress, rounded } from "./report.ts";

/** The least that the configuration takes, so that it is full soon. */
const BUFFER_BYTES = 16 * 1024 ** 2;
/** A queue is full when not even the next block fits. */
const FULL_SHARE = 0.9;
/** An agent's first minute is dearer than any other. */
const WARM_MS = 60_000;
const IDLE_MS = 30_000;
const LOOK_MS = 1000;

/** What the pages of both programs say at one moment. */
type Look = {
  readonly atMs: number;
  readonly tickLateMs: number;
  readonly ackMs: number;
  readonly framesAcked: number;
  readonly lateAcks: number;
  readonly ticksMissed: number;
  readonly bufferBytes: number;
  readonly linesStored: number;
  readonly samplesStored: number;
  /** Of the series, not of the lines. */
  readonly commits: number;
  readonly commitSeconds: number;
};

/** Whether ticks and their acks are as they are without it while logs are written at a rate. */
export async function metricsBesideLogs(
  minutes: number,
  bytesASecond: number,
): Promise<Record<string, number>> {
  await using load = await LogLoadBed.open("16MiB");
  await delay(WARM_MS);
  progress(`metrics alone, ${IDLE_MS / 1000} s`);
  const idle = await watch(load, IDLE_MS);
  progress(`metrics beside ${bytesASecond / 1e6} MB/s of logs, ${minutes} min`);
  const cpuBefore = load.cpuTimes();
  const written = await load.writer.order({ kind: "rate", bytesASecond });
  const busy = await watch(load, minutes * 60_000);
  const after = await load.writer.order({ kind: "report" });
  const seconds = (after.atMs - written.atMs) / 1000;
  const lines = after.lines.reduce((sum, count) => sum + count, 0);
  const ends = [busy[0], busy.at(-1)] as const;
  const linesStored = (ends[1]?.linesStored ?? 0) - (ends[0]?.linesStored ?? 0);
  const full = busy.filter(({ bufferBytes }) => bufferBytes > FULL_SHARE * BUFFER_BYTES);
  return {
    mb_a_second_written: rounded((lines * LINE_BYTES) / seconds / 1e6),
    mb_a_second_stored: rounded((linesStored * LINE_BYTES) / seconds / 1e6),
    queue_full_share: rounded(full.length / busy.length),
    ...named("alone", await figures(load, idle)),
    ...(await figures(load, busy)),
    rss_mib_agent: rounded(residentMiB(load.agent.child.pid)),
    rss_mib_aggregator: rounded(residentMiB(load.aggregator.child.pid)),
    ...cpuFigures(cpuBefore, load.cpuTimes()),
  };
}

async function watch(load: LogLoadBed, forMs: number): Promise<readonly Look[]> {
  const looks: Look[] = [];
  for (const untilMs = Date.now() + forMs; Date.now() < untilMs; await delay(LOOK_MS)) {
    const [agent, aggregator] = await Promise.all([load.bed.agentPage(), load.bed.metrics()]);
    looks.push({
      atMs: Date.now(),
      tickLateMs: 1000 * streamValue(agent, "telltale_agent_tick_late_seconds", "metrics"),
      ackMs: 1000 * streamValue(agent, "telltale_agent_uplink_ack_seconds", "metrics"),
      framesAcked: streamValue(agent, "telltale_agent_frames_stored_total", "metrics"),
      lateAcks: streamValue(agent, "telltale_agent_uplink_late_acks_total", "metrics"),
      ticksMissed: streamValue(agent, "telltale_agent_ticks_missed_total", "metrics"),
      bufferBytes: sumOnPage(agent, "telltale_agent_log_buffer_bytes"),
      linesStored: sumOnPage(aggregator, "telltale_ingest_log_lines_total"),
      samplesStored: sumOnPage(aggregator, "telltale_ingest_samples_total"),
      commits: streamValue(aggregator, "telltale_store_commits_total", "metrics"),
      commitSeconds: streamValue(aggregator, "telltale_store_commit_seconds_total", "metrics"),
    });
  }
  return looks;
}

/** Of what lies between the first look and the last. */
async function figures(load: LogLoadBed, looks: readonly Look[]): Promise<Record<string, number>> {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined) throw new Error("No look");
  const seconds = (last.atMs - first.atMs) / 1000;
  const acks = looks.map(({ ackMs }) => ackMs);
  const late = looks.map(({ tickLateMs }) => tickLateMs);
  const times = await load.bed.sampleTimes("node_load1[1h]");
  const within = times.filter((time) => time * 1000 > first.atMs && time * 1000 <= last.atMs);
  return {
    ack_ms_median: rounded(quantile(acks, 0.5)),
    ack_ms_p99: rounded(quantile(acks, 0.99)),
    frames_acked: last.framesAcked - first.framesAcked,
    acks_over_500_ms: last.lateAcks - first.lateAcks,
    commit_ms_mean: rounded(
      (1000 * (last.commitSeconds - first.commitSeconds)) / (last.commits - first.commits),
    ),
    tick_late_ms_median: rounded(quantile(late, 0.5)),
    tick_late_ms_p99: rounded(quantile(late, 0.99)),
    ticks_off_the_second: within.filter((time) => !Number.isInteger(time)).length,
    ticks_stored: within.length,
    ticks_missed: last.ticksMissed - first.ticksMissed,
    samples_a_second: Math.round((last.samplesStored - first.samplesStored) / seconds),
  };
}

function named(prefix: string, values: Record<string, number>): Record<string, number> {
  const entries = Object.entries(values).map(([name, value]) => [`${prefix}_${name}`, value]);
  return Object.fromEntries(entries);
}
