import type { PromSample } from "./queries.ts";

/** What is asked of the containers of a node; the answers are joined by their names. */
export const CONTAINER_QUERIES = {
  cpu: (of: string) => `sum by (name, image) (rate(container_cpu_usage_seconds_total{${of}}[1m]))`,
  cpuLimitShare: (of: string) => `max by (name) (container_cpu_limit_used_ratio{${of}})`,
  memory: (of: string) => `sum by (name) (container_memory_working_set_bytes{${of}})`,
  memoryLimitShare: (of: string) => `max by (name) (container_memory_limit_used_ratio{${of}})`,
  throttled: (of: string) => `max by (name) (container_cpu_cfs_throttled_ratio{${of}})`,
  restarts: (of: string) => `max by (name) (increase(container_restarts_total{${of}}[24h]))`,
} as const;

export type ContainerQuery = keyof typeof CONTAINER_QUERIES;

export type ContainerRow = { readonly name: string; readonly image: string } & Readonly<
  Record<ContainerQuery, number | null>
>;

/** Those that use most of what they may come first. */
export function containerRows(
  answers: Readonly<Record<ContainerQuery, readonly PromSample[]>>,
): ContainerRow[] {
  const images = new Map<string, string>();
  for (const { metric } of [...answers.cpu, ...answers.memory]) {
    const { name = "", image = "" } = metric;
    images.set(name, image || (images.get(name) ?? ""));
  }
  const rows = [...images].map(([name, image]): ContainerRow => {
    const answerOf = (query: ContainerQuery) => {
      const found = answers[query].find(({ metric }) => metric["name"] === name)?.value[1];
      const value = Number(found);
      return found !== undefined && Number.isFinite(value) ? value : null;
    };
    return {
      ...{ name, image, cpu: answerOf("cpu"), cpuLimitShare: answerOf("cpuLimitShare") },
      ...{ memory: answerOf("memory"), memoryLimitShare: answerOf("memoryLimitShare") },
      ...{ throttled: answerOf("throttled"), restarts: answerOf("restarts") },
    };
  });
  return rows.sort((a, b) => need(b) - need(a) || (b.cpu ?? 0) - (a.cpu ?? 0));
}

function need({ cpuLimitShare, memoryLimitShare }: ContainerRow): number {
  const most = Math.max(cpuLimitShare ?? 0, memoryLimitShare ?? 0);
  return most < 0.8 ? 0 : most;
}
