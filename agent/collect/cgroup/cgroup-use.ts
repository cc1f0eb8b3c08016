import { ABSENT } from "../kit/byte-scanner.ts";
import { READ_AFTER_CPU_MS, type ReadWhen } from "./cgroup-files.ts";
import * as at from "./cgroup-specs.ts";

/** Memory use from this share of the limit on is near it. */
const NEAR_LIMIT = 0.9;
/** A process that is killed at the limit leaves more than this share of it. */
const LIMIT_MOVE = 0.05;
/** The kernel charges memory in advance, 256 KiB for each CPU: less says nothing. */
const MEMORY_NOISE_BYTES = 512 * 1024;

/** What CPU time and memory use were when a file was read. */
export type Read = { cpu: number; memory: number };

export function neverRead(): Read {
  return { cpu: ABSENT, memory: ABSENT };
}

/** What a cgroup uses now, beside what it used when a file was last read. */
export class CgroupUse {
  readonly #values: Float64Array;
  /** CPU time in a millisecond, in the unit of the kernel's count. */
  readonly #cpuMs: number;

  /** @param values the cgroup's, which change under us */
  constructor(values: Float64Array, cpuScale: number) {
    this.#values = values;
    this.#cpuMs = 10 ** (cpuScale - 3);
  }

  /** CPU time so far, in milliseconds; negative: not known. */
  get cpuMs(): number {
    const { cpu } = this;
    return cpu < 0 ? ABSENT : cpu / this.#cpuMs;
  }

  get cpu(): number {
    return this.#values[at.CPU_USAGE] ?? ABSENT;
  }

  get memory(): number {
    return this.#values[at.MEMORY_USAGE] ?? ABSENT;
  }

  get hasQuota(): boolean {
    return (this.#values[at.CPU_QUOTA] ?? ABSENT) >= 0;
  }

  /** Of memory, in bytes; infinite where there is none. */
  get limit(): number {
    const limit = this.#values[at.MEMORY_LIMIT] ?? ABSENT;
    return limit > 0 ? limit : Number.POSITIVE_INFINITY;
  }

  get isNearLimit(): boolean {
    return this.memory >= this.limit * NEAR_LIMIT;
  }

  note(read: Read): void {
    read.cpu = this.cpu;
    read.memory = this.memory;
  }

  /** Where CPU time is not known it counts as used. */
  hasUsedCpu(since: { readonly cpu: number }, ms: number): boolean {
    const { cpu } = this;
    return cpu === ABSENT || cpu - since.cpu >= ms * this.#cpuMs || cpu < since.cpu;
  }

  memoryMoved(since: Read): number {
    return Math.abs(this.memory - since.memory);
  }
}

/** Whether a file has to be read again; what is due by the clock is the caller's to know. */
export function isReadDue(when: ReadWhen, now: CgroupUse, last: Read): boolean {
  switch (when) {
    case "always":
      return true;
    case "setting":
      return false;
    case "took":
      return now.hasUsedCpu(last, READ_AFTER_CPU_MS.took) || now.isNearLimit;
    case "quota":
      return now.hasQuota;
    case "jiffies":
    case "started":
      return now.hasUsedCpu(last, READ_AFTER_CPU_MS[when]);
    case "memory":
      return (
        now.memoryMoved(last) > MEMORY_NOISE_BYTES ||
        now.isNearLimit ||
        now.hasUsedCpu(last, READ_AFTER_CPU_MS.memory)
      );
    case "limit":
      return now.isNearLimit || now.memoryMoved(last) > now.limit * LIMIT_MOVE;
  }
}

/** Whether the least of what makes a file due has happened since; spares asking for each of them. */
export function mayAnyBeDue(now: CgroupUse, since: Read): boolean {
  const moved = now.memoryMoved(since);
  return (
    now.hasUsedCpu(since, READ_AFTER_CPU_MS.started) ||
    now.hasQuota ||
    moved > MEMORY_NOISE_BYTES ||
    moved > now.limit * LIMIT_MOVE ||
    now.isNearLimit
  );
}
