import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { eitherSignal } from "../../shared/time/either-signal.ts";
import { type Destination, Destinations } from "./destinations.ts";
import { type Greeting, greet, isForeign } from "./greeting.ts";
import { SilenceError } from "./patience.ts";
import type { UplinkDeps, UplinkOptions, WaitingEntry } from "./ports.ts";
import { type UplinkMetrics, uplinkMetrics } from "./uplink-metrics.ts";
import { UplinkSession } from "./uplink-session.ts";

/**
 * Streams the buffer to one of the aggregators until the signal is aborted: connects, goes on after
 * what that one holds, reconnects there or elsewhere when anything fails. Resolves when it has said
 * goodbye; what was not acked stays in the buffer.
 *
 * Each aggregator gets the one stream as it is, with a gap where the frames went elsewhere. After a
 * gap the stream begins at the last keyframe before the oldest frame that waits, since only from
 * there it can be read: an aggregator that takes over also gets up to a keyframe's distance of
 * frames that another has. No aggregator gets a frame twice.
 */
export async function runUplink<E extends WaitingEntry>(
  deps: UplinkDeps<E>,
  options: UplinkOptions,
  signal: AbortSignal,
): Promise<void> {
  await new Uplink(deps, options).run(signal);
}

/** Why the agent sends elsewhere than it did, or than it would. */
type LeaveReason = "broken" | "preferred" | "refused" | "silent";

class Uplink<E extends WaitingEntry> {
  readonly #deps: UplinkDeps<E>;
  readonly #options: UplinkOptions;
  readonly #destinations: Destinations;
  readonly #shown: UplinkMetrics;
  /** By destination what was logged last, so that each change is logged once. */
  readonly #logged = new Map<number, string>();
  /** The first that was left since a connection stood. */
  #left: { readonly index: number; readonly reason: LeaveReason } | null = null;

  constructor(deps: UplinkDeps<E>, options: UplinkOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#destinations = new Destinations(deps.destinations, options.policy, deps);
    this.#shown = uplinkMetrics(deps.metrics);
    for (const { name } of deps.destinations) this.#shown.reached(name, false);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#connect(signal), this.#destinations.watch(signal)]);
  }

  async #connect(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#connectOnce(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** Rejects with the signal's reason, or with what is no expected failure. */
  async #connectOnce(signal: AbortSignal): Promise<void> {
    const { index, destination } = await this.#destinations.next(signal);
    const startedMs = this.#deps.clock.monotonicMs();
    let reason: LeaveReason = "refused";
    try {
      const greeting = await this.#greet(index, destination, signal);
      reason = "broken";
      await this.#stream(index, greeting, signal);
      reason = "preferred";
      this.#destinations.left(index);
    } catch (error) {
      if (signal.aborted || !(error instanceof OperationalError)) throw error;
      if (error instanceof SilenceError) reason = "silent";
      this.#destinations.failed(index, this.#deps.clock.monotonicMs() - startedMs);
      this.#tellFailure(index, error);
    }
    this.#left ??= { index, reason };
  }

  async #greet(index: number, { connect }: Destination, signal: AbortSignal): Promise<Greeting> {
    const connection = await connect(signal);
    const abandon = () => connection.close(new OperationalError("UNAVAILABLE", "Agent stops"));
    signal.addEventListener("abort", abandon, { once: true });
    if (signal.aborted) abandon();
    try {
      const { welcomeMs } = this.#destinations.patience(index);
      const greeting = await greet(connection, this.#deps, this.#options, welcomeMs);
      await this.#checkStream(greeting);
      return greeting;
    } catch (error) {
      connection.close(error instanceof Error ? error : new Error(errorMessage(error)));
      throw error;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  async #checkStream({ connection: { peer }, welcome }: Greeting): Promise<void> {
    const { buffer, logger } = this.#deps;
    if (!isForeign(welcome, buffer)) return;
    logger.warn(
      { peer, lastSeq: welcome.lastSeq },
      "the aggregator holds frames of this stream that this agent did not send (was an older copy of its data directory put back?): going on as a new stream",
    );
    await buffer.renewStream();
    throw new OperationalError("PROTOCOL", `${peer} knows another life of this stream`);
  }

  async #stream(index: number, greeting: Greeting, signal: AbortSignal): Promise<void> {
    const { logger, destinations } = this.#deps;
    const name = destinations[index]?.name ?? "";
    const { peer } = greeting.connection;
    const { lastSeq, aggregatorVersion, load } = greeting.welcome;
    this.#logged.delete(index);
    logger.info({ peer, lastSeq, aggregatorVersion }, "connected to the aggregator");
    const left = this.#left;
    this.#left = null;
    if (left !== null && left.index !== index)
      this.#shown.failovers.add(1, { reason: left.reason });
    const leave = this.#destinations.welcomed(index);
    this.#destinations.saidLoad(index, load);
    this.#shown.connects.add();
    this.#shown.reached(name, true);
    const session = new UplinkSession(this.#deps, this.#shown, greeting, {
      patienceMs: () => this.#destinations.patience(index).ackMs,
      onLoad: (said) => this.#destinations.saidLoad(index, said),
    });
    using either = eitherSignal(signal, leave);
    try {
      await session.run(either.signal);
      logger.info({ peer }, "said goodbye to the aggregator");
    } finally {
      this.#shown.reached(name, false);
    }
  }

  #tellFailure(index: number, { code, message }: OperationalError): void {
    const { logger, destinations } = this.#deps;
    this.#shown.errors.add(1, { code });
    const fields = { aggregator: destinations[index]?.name, code, error: message };
    if (this.#logged.get(index) === code) {
      logger.debug(fields, "the aggregator is still away");
      return;
    }
    this.#logged.set(index, code);
    logger.warn(fields, "the aggregator is away: frames wait in the buffer");
  }
}
