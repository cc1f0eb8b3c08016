import { DEFAULT_LINE_LOG_OPTIONS, openLineLog } from "../../aggregator/logs/line-log.ts";
import { LineSource } from "../../aggregator/logs/line-source.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { MemoryStore } from "../support/memory-store.ts";
import type { AggregatorNode } from "./aggregator-node.ts";
import type { Surroundings } from "./host.ts";
import type { LogWriter } from "./log-writer.ts";

/** By node and file the lines that an aggregator has. */
type StoredLines = ReadonlyMap<string, readonly string[]>;

const NO_HINTS = { substrings: [] };
const ALL_TIMES = { startUs: 0, endUs: Number.POSITIVE_INFINITY };

/** What a store opened on the aggregator's disk after the worst power cut would answer. */
export async function linesOn(
  { host }: AggregatorNode,
  { clock }: Surroundings,
): Promise<StoredLines> {
  const store = new MemoryStore(host.disk("logs").durableCopy());
  const deps = { store, clock, logger: new MemoryLogger(), metrics: new Metrics() };
  const log = await openLineLog(deps, DEFAULT_LINE_LOG_OPTIONS);
  const source = new LineSource(log);
  const lines = new Map<string, string[]>();
  for (const { labels, entries } of await source.select([], ALL_TIMES, "forward", NO_HINTS)) {
    const key = keyOf(labelValue(labels, "instance"), labelValue(labels, "filename"));
    for await (const batch of entries) {
      lines.set(key, [...(lines.get(key) ?? []), ...batch.map(({ line }) => line)]);
    }
  }
  return lines;
}

/**
 * Every line that was written since the agent follows the file is at one of the aggregators, and none
 * is twice at the same.
 */
export function checkLines(
  agent: string,
  writer: LogWriter,
  aggregators: readonly StoredLines[],
): string[] {
  const found: string[] = [];
  const all = new Set<string>();
  const written = new Set(writer.lines);
  for (const stored of aggregators) {
    const lines = stored.get(keyOf(agent, writer.path)) ?? [];
    const own = new Set<string>();
    for (const line of lines) {
      if (own.has(line)) found.push(`stored twice: ${line}`);
      if (!written.has(line)) found.push(`stored and never written: ${line}`);
      own.add(line);
      all.add(line);
    }
  }
  // An agent that first came up when all was written begins at the end.
  const owed = writer.lines.slice(writer.followedFrom ?? writer.lines.length);
  const missing = owed.filter((line) => !all.has(line));
  if (missing.length > 0) found.push(`${missing.length} lines are missing, such as ${missing[0]}`);
  return found;
}

function keyOf(node: string, filename: string): string {
  return `${node} ${filename}`;
}
