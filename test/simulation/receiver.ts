import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsFrom, labelsKey } from "../../shared/model/labels.ts";
import type { PostAnswer } from "../../shared/platform/post-json.ts";
import { never } from "../support/memory-store.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Process, Surroundings } from "./host.ts";

/** One alert of one notification, as the receiver got it. */
export type Delivery = {
  readonly from: string; // the host of the aggregator
  readonly atMs: number; // monotonic
  readonly alert: string; // key of the labels
  readonly labels: Labels;
  readonly status: "firing" | "resolved";
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  /** When the sender got a good answer; null: it never did. */
  answeredAtMs: number | null;
};

type WebhookAlert = {
  readonly status: "firing" | "resolved";
  readonly labels: Record<string, string>;
  readonly startsAt: string;
  readonly endsAt: string;
};

const LATENCY_MAX_MS = 30;

/** A webhook receiver that may be away, fail, or lose its answer. */
export class Receiver {
  #isDown = false;
  readonly deliveries: Delivery[] = [];
  readonly #world: Surroundings;
  readonly #random: SeededRandom;
  #failure: number;

  constructor(world: Surroundings, failure: number) {
    this.#world = world;
    this.#random = world.random.fork("receiver");
    this.#failure = failure;
  }

  setDown(isDown: boolean): void {
    this.#isDown = isDown;
  }

  mend(): void {
    this.#isDown = false;
    this.#failure = 0;
  }

  /** The `post` of one process. */
  async post(process: Process, body: string, signal: AbortSignal): Promise<PostAnswer> {
    const { clock } = process;
    await clock.sleep(this.#random.next() * LATENCY_MAX_MS, signal);
    if (this.#isDown) throw new OperationalError("UNAVAILABLE", "receiver: connection refused");
    const isFailing = this.#random.chance(this.#failure);
    if (isFailing && this.#random.chance(0.5))
      return { status: 503, text: "away", retryAfterMs: null };
    const received = this.#receive(process.host.name, body);
    await clock.sleep(this.#random.next() * LATENCY_MAX_MS, signal);
    if (isFailing) throw new OperationalError("UNAVAILABLE", "receiver: connection reset");
    if (process.isDead) await never();
    for (const delivery of received) delivery.answeredAtMs = this.#world.clock.monotonicMs();
    return { status: 200, text: "", retryAfterMs: null };
  }

  #receive(from: string, body: string): Delivery[] {
    const { alerts } = JSON.parse(body) as { alerts: WebhookAlert[] };
    const received = alerts.map(({ status, labels: record, startsAt, endsAt }): Delivery => {
      const labels = labelsFrom(Object.entries(record));
      this.#world.trace.add("notified", "receiver", `${status} ${labels.join(" ")} ${startsAt}`);
      return {
        from,
        atMs: this.#world.clock.monotonicMs(),
        alert: labelsKey(labels),
        labels,
        status,
        startsAtMs: Date.parse(startsAt),
        endsAtMs: Date.parse(endsAt),
        answeredAtMs: null,
      };
    });
    this.deliveries.push(...received);
    return received;
  }
}
