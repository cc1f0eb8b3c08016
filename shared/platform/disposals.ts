import { errorMessage } from "../errors.ts";
import type { Logger } from "./ports.ts";

/** What was started, to be stopped in reverse order. One that fails to stop does not keep the others. */
export class Disposals implements AsyncDisposable {
  readonly #logger: Logger;
  readonly #stops: (() => void | Promise<void>)[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  defer(stop: () => void | Promise<void>): void {
    this.#stops.push(stop);
  }

  use(part: AsyncDisposable): void {
    this.defer(() => part[Symbol.asyncDispose]() as Promise<void>);
  }

  /** Starts work that goes on until its signal is aborted; stopping waits for its end. */
  run(work: (signal: AbortSignal) => Promise<void>): void {
    const stop = new AbortController();
    const running = work(stop.signal);
    this.defer(async () => {
      stop.abort();
      await running;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      try {
        await stop();
      } catch (error) {
        this.#logger.error({ error: errorMessage(error) }, "a part did not stop cleanly");
      }
    }
  }
}

/** Runs `start`; if it fails, what it had started is stopped again. */
export async function startParts(
  logger: Logger,
  start: (parts: Disposals) => Promise<void>,
): Promise<AsyncDisposable> {
  const parts = new Disposals(logger);
  try {
    await start(parts);
    return parts;
  } catch (error) {
    await parts[Symbol.asyncDispose]();
    throw error;
  }
}
