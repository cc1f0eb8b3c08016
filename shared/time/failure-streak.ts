import { errorMessage } from "../errors.ts";
import type { Logger } from "../platform/ports.ts";

/** Logs the first of several failures in a row, and the success that ends them. */
export class FailureStreak {
  readonly #logger: Logger;
  readonly #message: string;
  #failures = 0;

  /** @param message what fails, such as "cannot write chunks" */
  constructor(logger: Logger, message: string) {
    this.#logger = logger;
    this.#message = message;
  }

  /** Failures in a row up to now. */
  get failures(): number {
    return this.#failures;
  }

  failed(error: unknown, fields: object = {}): void {
    this.#failures += 1;
    if (this.#failures > 1) return;
    this.#logger.error({ ...fields, error: errorMessage(error) }, this.#message);
  }

  succeeded(): void {
    if (this.#failures === 0) return;
    this.#logger.info({ failures: this.#failures }, `${this.#message}: works again`);
    this.#failures = 0;
  }
}
