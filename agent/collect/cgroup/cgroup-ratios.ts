import { ABSENT } from "../kit/byte-scanner.ts";
import { at, RATIO_SCALE } from "./cgroup-specs.ts";

const RATIO = 10 ** RATIO_SCALE;

/** How much of its own limits a cgroup uses; of one without limits there is nothing to tell. */
export class CgroupRatios {
  /** Units of CPU time in a second. */
  readonly #cpuSecond: number;
  #atMs = Number.NaN;
  #cpu = ABSENT;
  #periods = ABSENT;
  #throttled = ABSENT;

  constructor(cpuScale: number) {
    this.#cpuSecond = 10 ** cpuScale;
  }

  /** Sets the share of the CPU limit used since the last call. */
  updateCpu(values: Float64Array, nowMs: number): void {
    const quota = values[at.CPU_QUOTA] ?? ABSENT;
    values[at.CPU_LIMIT_RATIO] = quota > 0 ? this.#cpuShare(values, quota, nowMs) : ABSENT;
    this.#atMs = quota > 0 ? nowMs : Number.NaN;
    this.#cpu = values[at.CPU_USAGE] ?? ABSENT;
  }

  /** Sets the share of the quota's periods since the last call in which it was used up. */
  updateThrottled(values: Float64Array): void {
    const hasQuota = (values[at.CPU_QUOTA] ?? ABSENT) > 0;
    values[at.THROTTLED_RATIO] = hasQuota ? this.#throttledShare(values) : ABSENT;
    this.#periods = hasQuota ? (values[at.CFS_PERIODS] ?? ABSENT) : ABSENT;
    this.#throttled = values[at.CFS_THROTTLED_PERIODS] ?? ABSENT;
  }

  /** What follows is another cgroup under the same name. */
  forget(): void {
    this.#atMs = Number.NaN;
    this.#periods = ABSENT;
  }

  #cpuShare(values: Float64Array, quota: number, nowMs: number): number {
    const period = values[at.CPU_PERIOD] ?? ABSENT;
    const cpu = values[at.CPU_USAGE] ?? ABSENT;
    const seconds = (nowMs - this.#atMs) / 1000;
    if (period <= 0 || this.#cpu < 0 || cpu < this.#cpu || !(seconds > 0)) return ABSENT;
    const usedSeconds = (cpu - this.#cpu) / this.#cpuSecond;
    return Math.round((usedSeconds / seconds / (quota / period)) * RATIO);
  }

  #throttledShare(values: Float64Array): number {
    const periods = (values[at.CFS_PERIODS] ?? ABSENT) - this.#periods;
    const throttled = (values[at.CFS_THROTTLED_PERIODS] ?? ABSENT) - this.#throttled;
    if (this.#periods < 0 || periods < 0 || throttled < 0) return ABSENT;
    return periods === 0 ? 0 : Math.round((throttled / periods) * RATIO);
  }
}

/** The working set as a share of the memory limit. */
export function memoryRatio(values: Float64Array): number {
  const limit = values[at.MEMORY_LIMIT] ?? ABSENT;
  const used = values[at.MEMORY_WORKING_SET] ?? ABSENT;
  return limit <= 0 || used < 0 ? ABSENT : Math.round((used / limit) * RATIO);
}
