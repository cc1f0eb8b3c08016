import type { ProbePage } from "../page/probe-page.ts";

const PHASES = ["resolve", "connect", "tls", "processing", "transfer"] as const;

/** Seconds by phase, of all hops together. */
export class HttpTimes {
  readonly #seconds = new Map<string, number>();
  #hasAddress = false;

  add(phase: (typeof PHASES)[number], seconds: number): void {
    if (phase === "resolve") this.#hasAddress = true;
    this.#seconds.set(phase, (this.#seconds.get(phase) ?? 0) + seconds);
  }

  /** Only the lookup's, where that has failed. */
  set(page: ProbePage): void {
    for (const phase of this.#hasAddress ? PHASES : (["resolve"] as const)) {
      page.set("probe_http_duration_seconds", this.#seconds.get(phase) ?? 0, { phase });
    }
  }
}
