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

  /** Sets the ratios among the values; those of CPU time say what was since the last call. */
  update(values: Float64Array, nowMs: number): void {
    values[at.MEMORY_LIMIT_RATIO] = shareOf(values, at.MEMORY_WORKING_SET, at.MEMORY_LIMIT);
    const quota = values[at.CPU_QUOTA] ?? ABSENT;
    if (quota <= 0) {
      values[at.CPU_LIMIT_RATIO] = ABSENT;
      values[at.THROTTLED_RATIO] = ABSENT;
      if (!Number.isNaN(this.#atMs)) this.forget();
      return;
    }
    values[at.CPU_LIMIT_RATIO] = this.#cpuShare(values, quota, nowMs);
    values[at.THROTTLED_RATIO] = this.#throttledShare(values);
    this.#atMs = nowMs;
    this.#cpu = values[at.CPU_USAGE] ?? ABSENT;
    this.#periods = values[at.CFS_PERIODS] ?? ABSENT;
    this.#throttled = values[at.CFS_THROTTLED_PERIODS] ?? ABSENT;
  }

  /** What follows is another cgroup under the same name. */
  forget(): void {
    this.#atMs = Number.NaN;
    this.#cpu = ABSENT;
    this.#periods = ABSENT;
    this.#throttled = ABSENT;
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

function shareOf(values: Float64Array, part: number, whole: number): number {
  const limit = values[whole] ?? ABSENT;
  const used = values[part] ?? ABSENT;
  return limit <= 0 || used < 0 ? ABSENT : Math.round((used / limit) * RATIO);
}
