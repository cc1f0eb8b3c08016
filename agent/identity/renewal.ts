import { errorMessage } from "../../shared/errors.ts";
import { isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
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

/** Keeps the certificates from ending, until disposed. */
export function startRenewal(deps: RenewalDeps): AsyncDisposable {
  const stop = new AbortController();
  const running = run(deps, stop.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

async function run(deps: RenewalDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps;
  let isFailing = false;
  while (!signal.aborted) {
    const memberships = deps.memberships();
    const waitMs = lookAgainMs(memberships);
    if (memberships.some((one) => isRenewalDue(one, clock.nowMs()))) {
      try {
        await deps.renew(signal);
        isFailing = false;
        logger.info({}, "the certificate was renewed");
      } catch (error) {
        const fields = { error: errorMessage(error) };
        if (!signal.aborted && !isFailing) logger.warn(fields, "the certificate was not renewed");
        isFailing = true;
        await clock.sleep(Math.min(RETRY_MAX_MS, 5 * waitMs), signal).catch(() => undefined); // ends
      }
    }
    await clock.sleep(waitMs, signal).catch(() => undefined); // stopping ends the loop
  }
}

/** Certificates that live for seconds are looked at every second, others once a minute. */
function lookAgainMs(memberships: readonly Membership[]): number {
  const livesMs = memberships.map(({ issuedMs, notAfterMs }) => (notAfterMs - issuedMs) / 20);
  return Math.max(LOOK_EVERY_MIN_MS, Math.min(LOOK_EVERY_MS, ...livesMs));
}
