import type { ContainerQuery } from "./container-queries.ts";
import type { PromSample } from "./prom-answer.ts";

export type ContainerRow = {
  readonly node: string;
  readonly name: string;
  readonly image: string;
} & Readonly<Record<ContainerQuery, number | null>>;

/** Those that use most of what they may come first. */
export function containerRows(
  answers: Readonly<Record<ContainerQuery, readonly PromSample[]>>,
): ContainerRow[] {
  const found = new Map<string, { node: string; name: string; image: string }>();
  for (const { metric } of [...answers.cpu, ...answers.memory]) {
    const { instance: node = "", name = "", image = "" } = metric;
    const known = found.get(keyOf(metric));
    found.set(keyOf(metric), { node, name, image: image || (known?.image ?? "") });
  }
  const values = Object.fromEntries(
    Object.entries(answers).map(([query, samples]) => [query, valuesOf(samples)]),
  ) as Record<ContainerQuery, ReadonlyMap<string, number>>;
  const rows = [...found].map(([key, names]): ContainerRow => {
    const answerOf = (query: ContainerQuery) => values[query].get(key) ?? null;
    return {
      ...{ ...names, cpu: answerOf("cpu"), cpuLimitShare: answerOf("cpuLimitShare") },
      ...{ memory: answerOf("memory"), memoryLimitShare: answerOf("memoryLimitShare") },
      ...{ throttled: answerOf("throttled"), restarts: answerOf("restarts") },
    };
  });
  return rows.sort((a, b) => need(b) - need(a) || (b.cpu ?? 0) - (a.cpu ?? 0));
}

function valuesOf(samples: readonly PromSample[]): ReadonlyMap<string, number> {
  const values = samples.map(({ metric, value }) => [keyOf(metric), Number(value[1])] as const);
  return new Map(values.filter(([, value]) => Number.isFinite(value)));
}

function keyOf({ instance = "", name = "" }: Readonly<Record<string, string>>): string {
  return `${instance}\n${name}`;
}

function need({ cpuLimitShare, memoryLimitShare }: ContainerRow): number {
  const most = Math.max(cpuLimitShare ?? 0, memoryLimitShare ?? 0);
  return most < 0.8 ? 0 : most;
}
