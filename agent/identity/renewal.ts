import { type CertificateLife, isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { certificateGauges } from "../../shared/telemetry/certificate-gauges.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { type Repetition, repeat } from "../../shared/time/repeat.ts";

export type Renewable = {
  /** As they stand now. */
  memberships(): readonly CertificateLife[];
  /** Gets new certificates for those that are due; a process of its own does it. */
  renew(signal: AbortSignal): Promise<void>;
};

export type RenewalDeps = Renewable & {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const LOOK_EVERY_MS = 60_000;
const LOOK_EVERY_MIN_MS = 1000;
const RETRY_MAX_MS = 600_000;

/** Keeps the certificates from ending, until the signal is aborted. */
export async function keepRenewed(deps: RenewalDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, memberships, renew } = deps;
  const measure = certificateGauges(deps.metrics);
  const renewal: Repetition = {
    failure: "the certificate was not renewed",
    run: async () => {
      measureFirstToEnd(measure, memberships());
      if (!memberships().some((one) => isRenewalDue(one, clock.nowMs()))) return;
      await renew(signal);
      measureFirstToEnd(measure, memberships());
      logger.info({}, "the certificate was renewed");
    },
    pauseMs: (failures) => {
      const waitMs = lookAgainMs(memberships());
      return failures === 0 ? waitMs : Math.min(RETRY_MAX_MS, 6 * waitMs);
    },
  };
  await repeat(renewal, deps, signal);
}

function measureFirstToEnd(
  measure: ReturnType<typeof certificateGauges>,
  memberships: readonly CertificateLife[],
): void {
  const [first] = memberships.toSorted((a, b) => a.notAfterMs - b.notAfterMs);
  if (first !== undefined) measure("node", first);
}

/** Certificates that live for seconds are looked at every second, others once a minute. */
function lookAgainMs(memberships: readonly CertificateLife[]): number {
  const livesMs = memberships.map(({ issuedMs, notAfterMs }) => (notAfterMs - issuedMs) / 20);
  return Math.max(LOOK_EVERY_MIN_MS, Math.min(LOOK_EVERY_MS, ...livesMs));
}
