/** What the agent uses, and as its budget what it may use: CPU in cores, memory in bytes. */
export type Usage = { readonly cpuCores: number; readonly memoryBytes: number };

/** A collector that can do with running less often, and the milliseconds a second that it takes. */
export type Sheddable = { readonly name: string; readonly ms: number; readonly factor: number };

/** A collector runs at most this many times as seldom as it should. */
const FACTOR_MAX = 16;
/** Collectors that take less than this share of the CPU time are not what takes too much. */
const SHARE_MIN = 0.1;
/** Back to normal only with this much to spare, so that it does not go to and fro. */
const AMPLE = 0.7;

export function isOver(usage: Usage, budget: Usage): boolean {
  return usage.cpuCores > budget.cpuCores || usage.memoryBytes > budget.memoryBytes;
}

/**
 * The one collector to slow down or to let run more often again, and its new factor; null: none.
 * Over the budget it is the one that takes the most time; with room to spare, the slowest. What the
 * reading of logs takes is not theirs: they are left alone where slowing them down would not help.
 */
export function nextFactor(
  usage: Usage,
  budget: Usage,
  collectors: readonly Sheddable[],
): { readonly name: string; readonly factor: number } | null {
  if (isOver(usage, budget)) {
    const cores = collectors.reduce((sum, { ms }) => sum + ms, 0) / 1000;
    if (usage.memoryBytes <= budget.memoryBytes && cores < usage.cpuCores * SHARE_MIN) return null;
    const able = collectors.filter(({ factor }) => factor < FACTOR_MAX);
    const worst = most(able, ({ ms }) => ms);
    return worst === null ? null : { name: worst.name, factor: worst.factor * 2 };
  }
  const isAmple = usage.cpuCores < budget.cpuCores * AMPLE;
  const slow = collectors.filter(({ factor }) => factor > 1);
  const slowest = most(slow, ({ factor }) => factor);
  return slowest === null || !isAmple ? null : { name: slowest.name, factor: slowest.factor / 2 };
}

function most(list: readonly Sheddable[], of: (one: Sheddable) => number): Sheddable | null {
  let found: Sheddable | null = null;
  for (const one of list) if (found === null || of(one) > of(found)) found = one;
  return found;
}
