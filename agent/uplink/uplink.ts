import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { AgentConnection } from "../../shared/wire/ingest-connection.ts";
import { backoffMs } from "./backoff.ts";
import { type Greeting, greet, isForeign } from "./greeting.ts";
import { LONG_PATIENCE } from "./patience.ts";
import type { UplinkDeps, UplinkOptions } from "./ports.ts";
import { UplinkMetrics } from "./uplink-metrics.ts";
import { UplinkSession } from "./uplink-session.ts";

/** A connection that held this long counts as good: the next failure starts from a short wait. */
const STABLE_MS = 10_000;

/**
 * Streams the buffer to the aggregator until the signal is aborted: connects, goes on after what the
 * aggregator holds, reconnects when anything fails. Resolves when it has said goodbye; what was not
 * acked stays in the buffer.
 */
export async function runUplink(
  deps: UplinkDeps,
  options: UplinkOptions,
  signal: AbortSignal,
): Promise<void> {
  const uplink = new Uplink(deps, options);
  let failures = 0;
  while (!signal.aborted) {
    const startedMs = deps.clock.monotonicMs();
    try {
      await uplink.connectOnce(signal);
    } catch (error) {
      if (signal.aborted) break;
      uplink.failed(error);
    }
    failures = deps.clock.monotonicMs() - startedMs >= STABLE_MS ? 1 : failures + 1;
    const waitMs = backoffMs(failures, deps.random());
    await deps.clock.sleep(waitMs, signal).catch(() => {}); // aborted: the loop ends
  }
}

class Uplink {
  readonly #deps: UplinkDeps;
  readonly #options: UplinkOptions;
  readonly #shown: UplinkMetrics;
  /** What was logged last, so that each change is told once. */
  #told = "";

  constructor(deps: UplinkDeps, options: UplinkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#shown = new UplinkMetrics(deps.metrics);
  }

  async connectOnce(signal: AbortSignal): Promise<void> {
    const connection = await this.#deps.connect(signal);
    const abandon = () => connection.close(new OperationalError("UNAVAILABLE", "Agent stops"));
    signal.addEventListener("abort", abandon, { once: true });
    if (signal.aborted) abandon();
    let greeting: Greeting;
    try {
      greeting = await greet(connection, this.#deps, this.#options, LONG_PATIENCE.welcomeMs);
      await this.#checkStream(connection, greeting);
    } catch (error) {
      connection.close(toError(error));
      throw error;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
    await this.#stream(connection, greeting, signal);
  }

  failed(error: unknown): void {
    if (!(error instanceof OperationalError)) throw error;
    this.#shown.errors.add(1, { code: error.code });
    const fields = { code: error.code, error: error.message };
    if (this.#told === error.code) {
      this.#deps.logger.debug(fields, "the aggregator is still away");
      return;
    }
    this.#told = error.code;
    this.#deps.logger.warn(fields, "the aggregator is away: frames wait in the buffer");
  }

  async #checkStream({ peer }: AgentConnection, { welcome }: Greeting): Promise<void> {
    const { buffer, logger } = this.#deps;
    if (!isForeign(welcome, buffer)) return;
    logger.warn(
      { peer, lastSeq: welcome.lastSeq },
      "the aggregator holds frames of this stream that this agent did not send (was an older copy of its data directory put back?): going on as a new stream",
    );
    await buffer.renewStream();
    throw new OperationalError("PROTOCOL", `${peer} knows another life of this stream`);
  }

  async #stream(
    connection: AgentConnection,
    greeting: Greeting,
    signal: AbortSignal,
  ): Promise<void> {
    const { logger } = this.#deps;
    const { lastSeq, aggregatorVersion } = greeting.welcome;
    this.#told = "connected";
    logger.info(
      { peer: connection.peer, lastSeq, aggregatorVersion },
      "connected to the aggregator",
    );
    this.#shown.connects.add();
    this.#shown.connected.set(1);
    try {
      const session = new UplinkSession(this.#deps, this.#shown, connection, greeting, {
        patienceMs: () => LONG_PATIENCE.ackMs,
        onLoad: () => {},
      });
      await session.run(signal);
      logger.info({ peer: connection.peer }, "said goodbye to the aggregator");
    } finally {
      this.#shown.connected.set(0);
    }
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(errorMessage(error));
}
