import type { CollectContext } from "../context.ts";
import { ABSENT, type ByteScanner } from "../kit/byte-scanner.ts";
import { HeldFile, type HeldFileOptions, MISSING } from "../kit/held-file.ts";
import { KeyTable, parseKeyValues } from "../kit/key-table.ts";
import { parsePressure } from "../proc/pressure.ts";
import { at, VALUES } from "./cgroup-specs.ts";
import type { Controller, Hierarchies } from "./hierarchies.ts";

/**
 * When a file is read; what is not read in a tick has no sample in it:
 * - always: every tick
 * - used: when the cgroup used CPU time worth a look, and at least every 15 s. What its processes
 *   bring about costs CPU time; memory that is taken back or is written to disk for them does not
 * - setting: every 30 s; people and runtimes change it, or it hardly matters how old it is
 */
type ReadWhen = "always" | "used" | "setting";

const COLLECTOR = "cgroup";
/** Limits from here on mean that there is none: v1 writes 2^63 rounded down to a page. */
const NO_LIMIT_BYTES = 2 ** 62;
const LETTER_M = 109;
const MINUS = 45;

/** A file of a cgroup, and where its numbers go. */
export type CgroupFile = {
  readonly controller: Controller;
  /** The first of these that is there. */
  readonly names: readonly string[];
  readonly when: ReadWhen;
  /** The values that come from it. */
  readonly targets: readonly number[];
  /** Worth comparing with the last read; not where parsing is as cheap. */
  readonly comparesBytes: boolean;
  /** Whether there is anything in it, by what is known of the cgroup; asked between two settings. */
  readonly isOfUse?: (values: Float64Array) => boolean;
  readonly parse: (scan: ByteScanner, values: Float64Array) => void;
};

/** Puts its number into `values[target]`, or also the one behind it. */
type TargetParser = (scan: ByteScanner, values: Float64Array, target: number) => void;

/** A file of one whole number: into `values[target]`. */
const parseNumber: TargetParser = (scan, values, target) => {
  values[target] = scan.count();
};

/** A memory limit in bytes; `max` and what no machine has is 0, which says that there is none. */
export const parseMemoryLimit: TargetParser = (scan, values, target) => {
  values[target] = 0;
  if (scan.length > 0 && scan.bytes[0] === LETTER_M) return;
  const limit = scan.count();
  if (limit < NO_LIMIT_BYTES) values[target] = limit;
};

/**
 * v2's cpu.max, `quota period`, or one of v1's cpu.cfs_*_us: numbers into `values[target]` and the
 * ones behind it. `max` and -1, no quota, are ABSENT.
 */
export const parseCpuLimit: TargetParser = (scan, values, target) => {
  for (let index = target; !scan.isAtLineEnd && index < target + 2; index += 1) {
    const first = scan.bytes[scan.at];
    if (first === LETTER_M || first === MINUS) {
      scan.skipWord();
      values[index] = ABSENT;
    } else {
      values[index] = scan.count();
    }
    scan.skipSpaces();
  }
};

/**
 * v2's cpu.weight, 1 to 10000, as the shares that v1 would have. The runtimes turn shares into
 * weight by weight = 1 + (shares - 2) × 9999 / 262142; this is the way back, so not always exact.
 */
export const parseCpuWeight: TargetParser = (scan, values, target) => {
  const weight = scan.count();
  const isWeight = weight >= 1 && weight <= 10_000;
  values[target] = isWeight ? 2 + Math.floor(((weight - 1) * 262_142) / 9999) : ABSENT;
};

function single(
  controller: Controller,
  name: string,
  when: ReadWhen,
  target: number,
  parser: TargetParser = parseNumber,
): CgroupFile {
  const parse: CgroupFile["parse"] = (scan, values) => parser(scan, values, target);
  const targets = [target];
  return { controller, names: [name], when, targets, comparesBytes: false, parse };
}

function setting(controller: Controller, name: string, target: number, parser: TargetParser) {
  return single(controller, name, "setting", target, parser);
}

function pressure(resource: string, target: number): CgroupFile {
  const file = single("psi", `${resource}.pressure`, "always", target, parsePressure);
  return { ...file, targets: [target, target + 1], comparesBytes: true };
}

function keyed(
  controller: Controller,
  name: string,
  when: ReadWhen,
  keys: readonly (readonly [string, number])[],
): CgroupFile {
  const table = new KeyTable(keys);
  const parse: CgroupFile["parse"] = (scan, values) => parseKeyValues(scan, table, values);
  const targets = keys.map(([, target]) => target);
  return { controller, names: [name], when, targets, comparesBytes: true, parse };
}

const PRESSURE_FILES: readonly CgroupFile[] = [
  pressure("cpu", at.PSI_CPU),
  pressure("memory", at.PSI_MEMORY),
  pressure("io", at.PSI_IO),
];

/** Source: kernel docs, admin-guide/cgroup-v2. */
export const V2_FILES: readonly CgroupFile[] = [
  keyed("cpu", "cpu.stat", "always", [
    ["usage_usec", at.CPU_USAGE],
    ["user_usec", at.CPU_USER],
    ["system_usec", at.CPU_SYSTEM],
    ["nr_periods", at.CFS_PERIODS],
    ["nr_throttled", at.CFS_THROTTLED_PERIODS],
    ["throttled_usec", at.CFS_THROTTLED],
    ["nr_bursts", at.CFS_BURST_PERIODS],
    ["burst_usec", at.CFS_BURST],
  ]),
  single("memory", "memory.current", "used", at.MEMORY_USAGE),
  setting("memory", "memory.max", at.MEMORY_LIMIT, parseMemoryLimit),
  {
    ...setting("cpu", "cpu.max", at.CPU_QUOTA, parseCpuLimit),
    targets: [at.CPU_QUOTA, at.CPU_PERIOD],
  },
  setting("cpu", "cpu.weight", at.CPU_SHARES, parseCpuWeight),
  keyed("memory", "memory.stat", "used", [
    ["anon", at.MEMORY_RSS],
    ["file", at.MEMORY_CACHE],
    ["kernel", at.MEMORY_KERNEL],
    ["file_mapped", at.MEMORY_MAPPED],
    ["active_file", at.MEMORY_ACTIVE_FILE],
    ["inactive_file", at.MEMORY_INACTIVE_FILE],
    ["slab", at.MEMORY_SLAB],
    ["pgfault", at.FAULTS],
    ["pgmajfault", at.MAJOR_FAULTS],
  ]),
  keyed("memory", "memory.events", "used", [
    ["max", at.MEMORY_FAILCNT],
    ["oom_kill", at.OWN_OOM_KILLS],
  ]),
  single("memory", "memory.swap.current", "used", at.MEMORY_SWAP),
  single("memory", "memory.peak", "setting", at.MEMORY_MAX_USAGE),
  setting("memory", "memory.high", at.MEMORY_RESERVATION, parseMemoryLimit),
  setting("memory", "memory.swap.max", at.MEMORY_SWAP_LIMIT, parseMemoryLimit),
  single("pids", "pids.current", "used", at.THREADS),
  setting("pids", "pids.max", at.THREADS_MAX, parseMemoryLimit),
];

/** Without a quota the kernel counts no periods. */
export function hasQuota(values: Float64Array): boolean {
  return (values[at.CPU_QUOTA] ?? ABSENT) >= 0 || (values[at.CFS_PERIODS] ?? 0) > 0;
}

/** Source: kernel docs, admin-guide/cgroup-v1. */
export const V1_FILES: readonly CgroupFile[] = [
  single("cpuacct", "cpuacct.usage", "always", at.CPU_USAGE),
  single("memory", "memory.usage_in_bytes", "used", at.MEMORY_USAGE),
  setting("memory", "memory.limit_in_bytes", at.MEMORY_LIMIT, parseMemoryLimit),
  keyed("cpuacct", "cpuacct.stat", "used", [
    ["user", at.CPU_USER],
    ["system", at.CPU_SYSTEM],
  ]),
  {
    ...keyed("cpu", "cpu.stat", "used", [
      ["nr_periods", at.CFS_PERIODS],
      ["nr_throttled", at.CFS_THROTTLED_PERIODS],
      ["throttled_time", at.CFS_THROTTLED],
      ["nr_bursts", at.CFS_BURST_PERIODS],
      ["burst_time", at.CFS_BURST],
    ]),
    isOfUse: hasQuota,
  },
  setting("cpu", "cpu.cfs_quota_us", at.CPU_QUOTA, parseCpuLimit),
  setting("cpu", "cpu.cfs_period_us", at.CPU_PERIOD, parseCpuLimit),
  setting("cpu", "cpu.shares", at.CPU_SHARES, parseNumber),
  keyed("memory", "memory.stat", "used", [
    ["pgfault", at.OWN_FAULTS],
    ["pgmajfault", at.OWN_MAJOR_FAULTS],
    ["total_cache", at.MEMORY_CACHE],
    ["total_rss", at.MEMORY_RSS],
    ["total_mapped_file", at.MEMORY_MAPPED],
    ["total_swap", at.MEMORY_SWAP],
    ["total_pgfault", at.FAULTS],
    ["total_pgmajfault", at.MAJOR_FAULTS],
    ["total_inactive_file", at.MEMORY_INACTIVE_FILE],
    ["total_active_file", at.MEMORY_ACTIVE_FILE],
  ]),
  single("memory", "memory.failcnt", "used", at.MEMORY_FAILCNT),
  // Its last line counts OOM kills; memory.failcnt and memory.memsw.failcnt do not, on any kernel.
  keyed("memory", "memory.oom_control", "used", [["oom_kill", at.OWN_OOM_KILLS]]),
  single("memory", "memory.max_usage_in_bytes", "setting", at.MEMORY_MAX_USAGE),
  single("memory", "memory.kmem.usage_in_bytes", "setting", at.MEMORY_KERNEL),
  setting("memory", "memory.soft_limit_in_bytes", at.MEMORY_RESERVATION, parseMemoryLimit),
  setting("memory", "memory.memsw.limit_in_bytes", at.MEMORY_SWAP_LIMIT, parseMemoryLimit),
  single("pids", "pids.current", "used", at.THREADS),
  setting("pids", "pids.max", at.THREADS_MAX, parseMemoryLimit),
];

/** What is read of every cgroup, and when. */
export type FilePlan = {
  /** Those that are read in every tick, then those of `used`, then the settings. */
  readonly files: readonly CgroupFile[];
  readonly usedFrom: number;
  readonly settingsFrom: number;
  /** When each value is read, by index; of one that is worked out, when what it comes from is. */
  readonly when: readonly ReadWhen[];
  /** The values that are read in every tick. */
  readonly always: readonly number[];
};

export function planFiles({ byController }: Hierarchies): FilePlan {
  const isOf = (version: number) => (file: CgroupFile) =>
    byController.get(file.controller)?.version === version;
  const offered = [
    ...V1_FILES.filter(isOf(1)),
    ...V2_FILES.filter(isOf(2)),
    ...PRESSURE_FILES.filter(isOf(2)),
  ];
  const [always = [], used = [], settings = []] = (["always", "used", "setting"] as const).map(
    (when) => offered.filter((file) => file.when === when),
  );
  const when = whenRead(offered);
  return {
    files: [...always, ...used, ...settings],
    usedFrom: always.length,
    settingsFrom: always.length + used.length,
    when,
    always: [...when.keys()].filter((index) => when[index] === "always"),
  };
}

function whenRead(files: readonly CgroupFile[]): readonly ReadWhen[] {
  const when = new Array<ReadWhen>(VALUES).fill("setting");
  for (const file of files) for (const target of file.targets) when[target] = file.when;
  for (const index of [at.LAST_SEEN, at.START_TIME, at.CPU_LIMIT_RATIO]) when[index] = "always";
  for (const index of [at.MEMORY_WORKING_SET, at.MEMORY_LIMIT_RATIO, at.OOM_KILLS]) {
    when[index] = "used";
  }
  when[at.THROTTLED_RATIO] = when[at.CFS_PERIODS] ?? "used";
  when[at.OWN_FAULTS] = "used"; // v2 has no file of it
  when[at.OWN_MAJOR_FAULTS] = "used";
  return when;
}

/** Opens the first of the files that is there; null: none is, or there is no directory. */
export function openFirst(
  { buffer, faults }: CollectContext,
  directory: string | null,
  names: readonly string[],
  options: HeldFileOptions,
): HeldFile | null {
  if (directory === null) return null;
  for (const name of names) {
    const held = new HeldFile(`${directory}/${name}`, buffer, options);
    try {
      if (held.open()) return held;
    } catch {
      // Out of descriptors, or not permitted: tried again with the next resolve.
      faults.add(COLLECTOR, "unreadable", 1);
    }
  }
  return null;
}

/** What reading found; a file that cannot be read is let go. */
export function readHeld(entry: { held: HeldFile | null }, { faults }: CollectContext): number {
  if (entry.held === null) return MISSING;
  let outcome = MISSING;
  try {
    outcome = entry.held.read();
  } catch {
    faults.add(COLLECTOR, "unreadable", 1);
  }
  if (outcome === MISSING) entry.held = null;
  return outcome;
}
