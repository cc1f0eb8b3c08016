import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelsFrom } from "../../shared/model/labels.ts";
import type { HttpAnswer } from "../../shared/platform/http-client.ts";
import { never } from "../support/memory-store.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Process, Surroundings } from "./host.ts";

/** One notification, as the receiver got it. */
export type Told = {
  readonly from: string; // the host of the aggregator
  readonly atMs: number; // monotonic
  readonly groupKey: string;
  readonly alerts: readonly {
    readonly labels: Labels;
    readonly status: "firing" | "resolved";
    readonly startsAtMs: number;
  }[];
  /** When the sender got a good answer; null: it never did. */
  answeredAtMs: number | null;
};

type WebhookAlert = {
  readonly status: "firing" | "resolved";
  readonly labels: Record<string, string>;
  readonly startsAt: string;
};

const LATENCY_MAX_MS = 30;

/** A webhook receiver that may be away, fail, or lose its answer. */
export class Receiver {
  #isDown = false;
  readonly told: Told[] = [];
  /** When it was away, or its answer was bad or lost, monotonic. */
  readonly failuresMs: number[] = [];
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

  /** The `request` of one process. */
  async request(process: Process, body: string, signal: AbortSignal): Promise<HttpAnswer> {
    const { clock } = process;
    await clock.sleep(this.#random.next() * LATENCY_MAX_MS, signal);
    const isFailing = this.#random.chance(this.#failure);
    if (this.#isDown || isFailing) this.failuresMs.push(this.#world.clock.monotonicMs());
    if (this.#isDown) {
      const cause = { code: "ECONNREFUSED" };
      throw new OperationalError("UNAVAILABLE", "receiver: connection refused", { cause });
    }
    if (isFailing && this.#random.chance(0.5))
      return { status: 503, text: "away", retryAfterMs: null };
    const told = this.#receive(process.host.name, body);
    await clock.sleep(this.#random.next() * LATENCY_MAX_MS, signal);
    if (isFailing) throw new OperationalError("UNAVAILABLE", "receiver: connection reset");
    if (process.isDead) await never();
    told.answeredAtMs = this.#world.clock.monotonicMs();
    return { status: 200, text: "", retryAfterMs: null };
  }

  #receive(from: string, body: string): Told {
    const message = JSON.parse(body) as { groupKey: string; alerts: WebhookAlert[] };
    const alerts = message.alerts.map(({ status, labels: record, startsAt }) => {
      const labels = labelsFrom(Object.entries(record));
      this.#world.trace.add("notified", "receiver", `${status} ${labels.join(" ")} ${startsAt}`);
      return { labels, status, startsAtMs: Date.parse(startsAt) };
    });
    const atMs = this.#world.clock.monotonicMs();
    const told = { from, atMs, groupKey: message.groupKey, alerts, answeredAtMs: null };
    this.told.push(told);
    return told;
  }
}
