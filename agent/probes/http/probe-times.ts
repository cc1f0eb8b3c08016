import type { ProbePage } from "../page/probe-page.ts";

const PHASES = ["resolve", "connect", "tls", "processing", "transfer"] as const;

/** Seconds by phase, of all hops together. */
export class HttpTimes {
  readonly #seconds = new Map<string, number>();
  #hasAddress = false;

  /** From now on it is told of phases that there are none yet. */
  begin(): void {
    this.#hasAddress = true;
  }

  add(phase: (typeof PHASES)[number], seconds: number): void {
    this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + seconds);
  }

  /** Only the lookup's, where that has failed; not that one, where a proxy looks up. */
  set(page: ProbePage): void {
    for (const phase of PHASES) {
      const seconds = this.#seconds.get(phase);
      const isTold = phase === "resolve" ? seconds !== undefined : this.#hasAddress;
      if (isTold) page.set("probe_http_duration_seconds", seconds ?? 0, { phase });
    }
  }
}
