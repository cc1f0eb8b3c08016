import type { Clock } from "../../shared/platform/ports.ts";
import type { BodyLease } from "../model/body-room.ts";
import type { ProbePage } from "./page/probe-page.ts";
import type { SecureContexts } from "./tls/secure-contexts.ts";

/** What a prober works with. The signal is aborted when its time is over. */
export type ProbeRun = {
  readonly page: ProbePage;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly lease: BodyLease;
  readonly contexts: SecureContexts;
  /**
   * The text of a file that the module names: a secret or certificates.
   * @throws OperationalError UNAVAILABLE; its text is never in the message
   */
  readFile(path: string): Promise<string>;
};

/**
 * Probes the address, and says in the page what it finds.
 * @throws OperationalError, or an error of the system or of TLS, why the probe failed
 */
export type Prober<Module> = (address: string, module: Module, run: ProbeRun) => Promise<void>;
