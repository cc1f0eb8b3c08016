/** Names of node_exporter's defaults that we do not give, or not always, and why. */
export const NODE_EXPORTER_LEFT_OUT: Readonly<Record<string, string>> = {
  node_exporter_build_info: "is about that program; `telltale --version` tells ours",
  node_network_speed_bytes: "left out where the driver does not know it: there it gives -125000",
};

/** Names of cAdvisor that we do not give, and why; the first pattern that fits holds. */
export const CADVISOR_LEFT_OUT: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^(cadvisor_version_info|.*_scrape_error)$/, "is about that program"],
  [
    /^container_(tasks_state|cpu_load_d?_?average_10s)$/,
    "needs a netlink conversation for each container; cAdvisor has it off by default, and then gives 0",
  ],
  [
    /^container_(file_descriptors|sockets|ulimits_soft)$/,
    "needs a directory or a file of each process; off by default in cAdvisor",
  ],
  [/^container_cpu_schedstat_/, "needs a file of each thread; off by default in cAdvisor"],
  [
    /^container_network_(tcp6?|udp6?|advance)_/,
    "lists every socket of a container; off by default in cAdvisor",
  ],
  [
    /^container_fs_(io_|read_seconds|write_seconds|(reads|writes)_merged|sector_)/,
    "cgroup v2 and kernels since 5.0 do not count it; `node_disk_*` has it for the whole disk",
  ],
  [/^container_hugetlb_/, "off by default in cAdvisor; few hosts have huge pages in containers"],
  [
    /^container_memory_(migrate|numa_pages)$/,
    "is a setting of cpusets, or a count for each NUMA node; off by default in cAdvisor",
  ],
  [
    /^container_(perf_|llc_|memory_bandwidth|referenced_)/,
    "needs privileges, special hardware, or slows the container down; off by default in cAdvisor",
  ],
  [
    /^machine_(dimm_|nvm_|node_distance|cpu_cache|thread_siblings)/,
    "describes hardware that does not change; no rule or dashboard we know uses it",
  ],
];

/** "": there is no reason why we should not have it. */
export function reasonOf(name: string): string {
  return CADVISOR_LEFT_OUT.find(([pattern]) => pattern.test(name))?.[1] ?? "";
}
