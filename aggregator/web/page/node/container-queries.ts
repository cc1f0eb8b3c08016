/** What is asked of containers; the answers are joined by their nodes and names. */
export const CONTAINER_QUERIES = {
  cpu: (of: string) =>
    `sum by (instance, name, image) (rate(container_cpu_usage_seconds_total{${of}}[1m]))`,
  cpuLimitShare: (of: string) => `max by (instance, name) (container_cpu_limit_used_ratio{${of}})`,
  memory: (of: string) => `sum by (instance, name) (container_memory_working_set_bytes{${of}})`,
  memoryLimitShare: (of: string) =>
    `max by (instance, name) (container_memory_limit_used_ratio{${of}})`,
  throttled: (of: string) => `max by (instance, name) (container_cpu_cfs_throttled_ratio{${of}})`,
  restarts: (of: string) =>
    `max by (instance, name) (increase(container_restarts_total{${of}}[24h]))`,
} as const;

export type ContainerQuery = keyof typeof CONTAINER_QUERIES;
