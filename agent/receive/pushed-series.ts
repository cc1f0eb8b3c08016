/**
 * Series that other programs push, among those of the agent.
 *
 * A receiver (OTLP, StatsD) has an instance of this. It asks for a sender (`sender`), for each of its
 * series (`Sender.series`), and gives it readings: values that were read at one time (`Sender.take`).
 * Before a tick's frame is made, `tick` reads the groups of what was taken since the tick before.
 *
 * A group of the frame has one time and at most one reading a tick, and a member that is not in the
 * reading ends with it. So series that come with the same time are a *cohort*, which is a group. Who is
 * missing from a reading of its cohort ends there: an exporter that says all it has did not say it. When
 * it comes again it parts from the cohort, because it has times of its own; it joins those that come back
 * with it, and when it parts once more it stays alone. Whoever is alone has no sample when it is not
 * sent, as in Prometheus, until it is retired. A *held* series does not end so: what is not sent of it
 * has not changed (a counter of which only increases are sent), and counts as read with its cohort.
 *
 * Series outlive the agent's encoder: with another one (`useSink`) all are defined anew, each with the
 * sample that it had last.
 */
import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import type { GroupSink } from "../model/group-sink.ts";
import { type LeftOutReason, type PushLimits, Sender, type SenderDeps } from "./pushed-sender.ts";

export type PushDeps = {
  readonly clock: Pick<Clock, "nowMs" | "monotonicMs">;
  readonly metrics: Metrics;
};

/** How often it is looked who was not heard of for long. */
const SWEEP_MS = 10_000;
/** Of all senders of a receiver: other readings of the agent need room, too. */
const SERIES_MAX = 100_000;
const GROUPS_MAX = 10_000;
/** Senders that are counted by name; the rest are one. */
const NAMED_SENDERS_MAX = 200;
const SENDER_NAME_LENGTH_MAX = 200;

export class PushedSeries {
  readonly #receiver: string;
  readonly #limits: PushLimits;
  readonly #clock: PushDeps["clock"];
  readonly #leftOut: Counter;
  readonly #shown: Gauge;
  readonly #named = new Set<string>();
  readonly #senders = new Map<string, Sender>();
  readonly #ticked = new ChangeSignal();
  #sink: GroupSink;
  #ticks = 0;
  #lastTickMs = 0;
  #sweptAtMs = 0;
  #clockEra = 0;
  #series = 0;
  #groups = 0;

  /** @param receiver names it in the agent's own metrics, such as "otlp" */
  constructor(receiver: string, sink: GroupSink, limits: PushLimits, deps: PushDeps) {
    this.#receiver = receiver;
    this.#sink = sink;
    this.#limits = limits;
    this.#clock = deps.clock;
    this.#leftOut = deps.metrics.counter(
      "telltale_agent_push_samples_left_out_total",
      "Samples that were pushed and not taken, by receiver, sender and reason.",
    );
    this.#shown = deps.metrics.gauge(
      "telltale_agent_push_series",
      "Series that are pushed to the agent, by receiver.",
    );
  }

  /** Null: there are as many as there may be. Who has no series for a while is forgotten. */
  sender(name: string): Sender | null {
    const known = this.#senders.get(name);
    if (known !== undefined) return known;
    if (this.#senders.size >= this.#limits.senders) return null;
    const sender: Sender = new Sender(
      this.#limits,
      this.#senderDeps(name, () => {
        if (!this.#senders.has(name)) this.#senders.set(name, sender); // it had been forgotten
      }),
    );
    this.#senders.set(name, sender);
    return sender;
  }

  /** Another number when the clock was set back: times that were are no measure any more. */
  get clockEra(): number {
    return this.#clockEra;
  }

  /** Counts samples that are not taken. */
  leaveOut(sender: string, reason: LeftOutReason, count = 1): void {
    const named = sender.slice(0, SENDER_NAME_LENGTH_MAX);
    const isNamed = this.#named.has(named) || this.#named.size < NAMED_SENDERS_MAX;
    if (isNamed) this.#named.add(named);
    const labels = { receiver: this.#receiver, sender: isNamed ? named : "other", reason };
    this.#leftOut.add(count, labels);
  }

  /** To be called before a tick's frame is made, with its time. */
  tick(timeMs: number): void {
    const isClockBack = timeMs < this.#lastTickMs;
    if (isClockBack) this.#clockEra += 1;
    this.#lastTickMs = timeMs;
    const atMs = this.#clock.monotonicMs();
    const isSwept = atMs - this.#sweptAtMs >= SWEEP_MS;
    if (isSwept) this.#sweptAtMs = atMs;
    for (const [name, sender] of this.#senders) {
      if (isClockBack) sender.forgetTimes();
      sender.read(timeMs);
      if (isSwept && sender.sweep(atMs) === 0) this.#senders.delete(name);
    }
    this.#shown.set(this.#series, { receiver: this.#receiver });
    this.#ticks += 1;
    this.#ticked.notify();
  }

  /** Resolves at the next tick; rejects with the signal's reason. */
  async nextTick(signal?: AbortSignal): Promise<void> {
    await this.#ticked.wait(signal);
  }

  /** From now on all series go into another encoder; in the one before they stay as they are. */
  useSink(sink: GroupSink): void {
    this.#sink = sink;
    for (const sender of this.#senders.values()) sender.defineAnew();
  }

  #senderDeps(name: string, remember: () => void): SenderDeps {
    return {
      clock: this.#clock,
      sink: () => this.#sink,
      ticks: () => this.#ticks,
      leaveOut: (reason, count) => this.leaveOut(name, reason, count),
      claim: () => {
        if (this.#series >= SERIES_MAX) return false;
        remember();
        this.#series += 1;
        return true;
      },
      release: () => {
        this.#series -= 1;
      },
      newGroup: () => {
        if (this.#groups >= GROUPS_MAX) {
          throw new OperationalError("LIMIT", `More than ${GROUPS_MAX} groups of pushed series`);
        }
        const group = this.#sink.newGroup();
        this.#groups += 1;
        return group;
      },
      dropGroup: () => {
        this.#groups -= 1;
      },
    };
  }
}
