import { OperationalError } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import type { BodyLease } from "../model/body-room.ts";
import type { ProbeConfig } from "./config/probe-config.ts";
import { runProbe } from "./run-probe.ts";

/** Probes one target each time it is asked, and logs why that fails, once for each streak. */
export class ProbePages {
  readonly #config: ProbeConfig;
  readonly #clock: Clock;
  readonly #streak: FailureStreak;

  /** @param logger tells which target it is */
  constructor(config: ProbeConfig, clock: Clock, logger: Logger) {
    this.#config = config;
    this.#clock = clock;
    this.#streak = new FailureStreak(logger, "probe failed");
  }

  /** The page of a probe that is made now, and why it failed, "" for not. @throws the signal's reason */
  async page(
    lease: BodyLease,
    signal: AbortSignal,
  ): Promise<{ readonly page: Uint8Array; readonly finding: string }> {
    const { page, failure } = await runProbe(this.#config, { clock: this.#clock, lease }, signal);
    if (failure === null) this.#streak.succeeded();
    else this.#streak.failed(new OperationalError("UNAVAILABLE", failure));
    return { page: Buffer.from(page), finding: failure ?? "" };
  }
}
