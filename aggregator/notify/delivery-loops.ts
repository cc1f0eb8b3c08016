import { setMaxListeners } from "node:events";
import { Delivery, type DeliveryDeps, type DeliveryOptions } from "./delivery.ts";
import type { Integration } from "./integrations/integration.ts";
import type { Outbox } from "./outbox.ts";

type Loop = {
  readonly delivery: Delivery;
  readonly stop: AbortController;
  readonly done: Promise<void>;
};

/** A loop for each integration that is configured; none waits for another. */
export class DeliveryLoops {
  readonly #outbox: Outbox;
  readonly #deps: DeliveryDeps;
  readonly #options: DeliveryOptions;
  /** By the queue's name. */
  readonly #loops = new Map<string, Loop>();

  constructor(outbox: Outbox, deps: DeliveryDeps, options: DeliveryOptions) {
    this.#outbox = outbox;
    this.#deps = deps;
    this.#options = options;
  }

  /** Ends all loops but those of these; what they were sending is as if it had not been tried. */
  async stopOthers(integrations: readonly Integration[]): Promise<void> {
    const kept = new Map(integrations.map(({ queue, definition }) => [queue, definition]));
    const ended = [...this.#loops].filter(([name, { delivery }]) => {
      return kept.get(name) !== delivery.integration.definition;
    });
    for (const [, { stop }] of ended) stop.abort();
    await Promise.all(ended.map(([, { done }]) => done));
    for (const [name] of ended) this.#loops.delete(name);
  }

  /** Starts a loop for each that has none. */
  start(integrations: readonly Integration[]): void {
    for (const integration of integrations) {
      const { queue: name } = integration;
      if (this.#loops.has(name)) continue;
      const stop = new AbortController();
      setMaxListeners(0, stop.signal); // each request that is under way has some
      const queue = this.#outbox.queue(name);
      const delivery = new Delivery({ queue, integration }, this.#deps, this.#options);
      this.#loops.set(name, { delivery, stop, done: delivery.run(stop.signal) });
    }
  }

  /** There may be something to send. */
  wake(): void {
    for (const { delivery } of this.#loops.values()) delivery.wake();
  }
}
