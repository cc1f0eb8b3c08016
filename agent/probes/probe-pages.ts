import { OperationalError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/platform/ports.ts";
import type { SystemAuthorities } from "../../shared/platform/system-authorities.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import type { BodyLease } from "../model/body-room.ts";
import type { ProbeConfig } from "./config/probe-config.ts";
import { type ProbePorts, runProbe } from "./run-probe.ts";
import { SecureContexts } from "./tls/secure-contexts.ts";

type PagePorts = Omit<ProbePorts, "lease"> & {
  /** Tells which target it is. */
  readonly logger: Logger;
};

/** Probes one target each time it is asked, and logs why that fails, once for each streak. */
export class ProbePages {
  readonly #config: ProbeConfig;
  readonly #ports: PagePorts;
  readonly #streak: FailureStreak;

  constructor(config: ProbeConfig, ports: PagePorts) {
    this.#config = config;
    this.#ports = ports;
    this.#streak = new FailureStreak(ports.logger, "probe failed");
  }

  /** The page of a probe that is made now, and why it failed, "" for not. @throws the signal's reason */
  async page(
    lease: BodyLease,
    signal: AbortSignal,
  ): Promise<{ readonly page: Uint8Array; readonly finding: string }> {
    const { page, failure } = await runProbe(this.#config, { ...this.#ports, lease }, signal);
    if (failure === null) this.#streak.succeeded();
    else this.#streak.failed(new OperationalError("UNAVAILABLE", failure));
    return { page: Buffer.from(page), finding: failure ?? "" };
  }
}

/** Of all probes together. */
export function probeContexts(authorities: SystemAuthorities): SecureContexts {
  return new SecureContexts(authorities);
}
