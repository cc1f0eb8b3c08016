import { errorMessage, OperationalError } from "../errors.ts";
import type { Gauge } from "../telemetry/metrics.ts";
import type { PartDeps } from "../telemetry/part-deps.ts";
import { SerialQueue } from "../time/serial-queue.ts";

/** Null: everything is in force. Else why nothing has changed. */
export type ReloadOutcome = OperationalError | null;

/** Reloads of the configuration: one after the other, each whole or not at all. */
export class Reloads {
  readonly #deps: PartDeps;
  readonly #apply: () => Promise<object>;
  readonly #successful: Gauge;
  readonly #successTime: Gauge;
  readonly #turns = new SerialQueue();
  /** The one that was asked for and has not begun. */
  #next: Promise<ReloadOutcome> | null = null;

  /**
   * What is in force at the start counts as the first reload.
   * @param apply reads, checks and applies everything, and returns what the log says of it; one that
   *   throws an OperationalError has changed nothing
   */
  constructor(deps: PartDeps, apply: () => Promise<object>) {
    this.#deps = deps;
    this.#apply = apply;
    this.#successful = deps.metrics.gauge(
      "telltale_config_last_reload_successful",
      "Whether the last reload of the configuration succeeded.",
    );
    this.#successTime = deps.metrics.gauge(
      "telltale_config_last_reload_success_timestamp_seconds",
      "When the configuration was last reloaded successfully.",
    );
    this.#succeeded();
  }

  /** Resolves after it. Several that are asked for while one runs are one. */
  reload(): Promise<ReloadOutcome> {
    this.#next ??= this.#turns.run(() => this.#run());
    return this.#next;
  }

  /** Resolves after all that were asked for. */
  ended(): Promise<void> {
    return this.#turns.settled();
  }

  async #run(): Promise<ReloadOutcome> {
    this.#next = null;
    try {
      const fields = await this.#apply();
      this.#succeeded();
      this.#deps.logger.info(fields, "configuration reloaded");
      return null;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#successful.set(0);
      const fields = { code: error.code, error: errorMessage(error) };
      this.#deps.logger.error(fields, "reload failed, the old configuration stays in force");
      return error;
    }
  }

  #succeeded(): void {
    this.#successful.set(1);
    this.#successTime.set(this.#deps.clock.nowMs() / 1000);
  }
}
