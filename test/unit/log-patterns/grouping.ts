import { Miner } from "../../../shared/log-patterns/miner.ts";
import { current } from "../../../shared/log-patterns/pattern.ts";

/** The final pattern of each line. */
export function minedIds(lines: readonly string[]): string[] {
  const miner = new Miner();
  const patterns = lines.map((line) => miner.add(line));
  miner.settle();
  return patterns.map((pattern) => current(pattern).id);
}

/**
 * The share of lines whose pattern has exactly the lines of their label. As in J. Zhu et al., "Tools
 * and Benchmarks for Automated Log Parsing", ICSE 2019.
 */
export function groupingAccuracy(
  ids: readonly string[],
  labels: readonly (string | number)[],
): number {
  const byId = groups(ids);
  const right = [...groups(labels).values()].filter((lines) => {
    const own = byId.get(ids[lines[0] as number] as string) ?? [];
    return own.length === lines.length && own.every((line, i) => line === lines[i]);
  });
  return right.reduce((sum, lines) => sum + lines.length, 0) / ids.length;
}

function groups<T>(keys: readonly T[]): Map<T, number[]> {
  const found = new Map<T, number[]>();
  keys.forEach((key, i) => {
    const group = found.get(key);
    if (group === undefined) found.set(key, [i]);
    else group.push(i);
  });
  return found;
}
