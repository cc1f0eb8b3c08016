const AGENT = 'job="telltale-agent"';

/** What the aggregator and the agents say of themselves. */
export const SYSTEM_QUERIES = {
  storeBytes: "telltale_store_bytes",
  diskFree: "telltale_store_disk_free_bytes",
  diskSize: "telltale_store_disk_size_bytes",
  series: "telltale_store_series",
  partitions: "telltale_store_partitions",
  pages: "telltale_page_streams",
  outbox: "sum(telltale_outbox_entries)",
  oldestWaiting: "max by (receiver) (telltale_outbox_oldest_age_seconds)",
  bufferBytes: `sum by (instance) ({__name__=~"telltale_agent_(log_)?buffer_bytes",${AGENT}})`,
  logLag: `max by (instance) (telltale_agent_log_lag_seconds{${AGENT}})`,
  memoryShare: `max by (instance) (process_resident_memory_bytes{${AGENT}} / on (instance) telltale_agent_budget_memory_bytes{${AGENT}})`,
  lost: 'sum by (instance) (increase({__name__=~"telltale_node_(frames|log_blocks)_dropped_total",job="telltale"}[1h]))',
} as const;

export type SystemQuery = keyof typeof SYSTEM_QUERIES;
