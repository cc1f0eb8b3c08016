import { isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { type Repetition, repeat } from "../../shared/time/repeat.ts";
import type { Membership } from "./identity-file.ts";

export type RenewalDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** As they stand now. */
  memberships(): readonly Membership[];
  /** Gets new certificates for those that are due; a process of its own does it. */
  renew(signal: AbortSignal): Promise<void>;
};

const LOOK_EVERY_MS = 60_000;
const LOOK_EVERY_MIN_MS = 1000;
const RETRY_MAX_MS = 600_000;

/** Keeps the certificates from ending, until the signal is aborted. */
export async function keepRenewed(deps: RenewalDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, memberships, renew } = deps;
  const renewal: Repetition = {
    failure: "the certificate was not renewed",
    run: async () => {
      if (!memberships().some((one) => isRenewalDue(one, clock.nowMs()))) return;
      await renew(signal);
      logger.info({}, "the certificate was renewed");
    },
    pauseMs: (failures) => {
      const waitMs = lookAgainMs(memberships());
      return failures === 0 ? waitMs : Math.min(RETRY_MAX_MS, 6 * waitMs);
    },
  };
  await repeat(renewal, deps, signal);
}

/** Certificates that live for seconds are looked at every second, others once a minute. */
function lookAgainMs(memberships: readonly Membership[]): number {
  const livesMs = memberships.map(({ issuedMs, notAfterMs }) => (notAfterMs - issuedMs) / 20);
  return Math.max(LOOK_EVERY_MIN_MS, Math.min(LOOK_EVERY_MS, ...livesMs));
}
