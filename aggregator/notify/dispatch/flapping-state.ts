/** Which alerts begin again and again. Pure. */

import { formatDuration } from "../../../shared/model/duration.ts";

/** An alert flaps that begins `begins` times within `withinMs`. */
export type FlappingOptions = {
  readonly begins: number;
  readonly withinMs: number;
  /** Its end is told when it has not fired for so long. */
  readonly calmMs: number;
};

export function flappingText({ begins, withinMs, calmMs }: FlappingOptions): string {
  const [within, calm] = [formatDuration(withinMs), formatDuration(calmMs)];
  return `began ${begins} times or more within ${within}; that it ended is told after ${calm} of calm`;
}

const ALERTS_MAX = 100_000;

/** When alerts began, by their keys. Times are monotonic milliseconds. */
export class Begins {
  /** The newest of each; what began last is last. */
  readonly #times = new Map<string, readonly number[]>();

  add(key: string, nowMs: number, { begins }: FlappingOptions): void {
    const times = [...(this.#times.get(key) ?? []), nowMs].slice(-begins);
    this.#times.delete(key);
    this.#times.set(key, times);
    const [oldest] = this.#times.keys();
    if (oldest !== undefined && this.#times.size > ALERTS_MAX) this.#times.delete(oldest);
  }

  /** How often it began, as far as that counts. */
  count(key: string, nowMs: number, { withinMs }: FlappingOptions): number {
    return (this.#times.get(key) ?? []).filter((ms) => ms > nowMs - withinMs).length;
  }

  /** Forgets what began too long ago. */
  prune(nowMs: number, { withinMs }: FlappingOptions): void {
    for (const [key, times] of this.#times) {
      if ((times.at(-1) ?? 0) > nowMs - withinMs) return;
      this.#times.delete(key);
    }
  }
}
