import type { Clock, KeyValueStore } from "../../shared/platform/ports.ts";
import { rangeOf } from "./keys.ts";

/** All that is left of the logs is written anew: that may take a twentieth of the time. */
const REST = 19;

/** What was deleted of the logs, whose space on the disk was not given back. */
export class DeadLog {
  readonly #store: KeyValueStore;
  readonly #clock: Pick<Clock, "monotonicMs">;
  #isThere = true; // a crash may have left some
  /** On the monotonic clock. */
  #nextMs = 0;

  constructor(store: KeyValueStore, clock: Pick<Clock, "monotonicMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  /** A part of a log was deleted. */
  grew(): void {
    this.#isThere = true;
  }

  /** Gives the space back, unless that was done a moment ago. @throws OperationalError STORAGE */
  async reclaim(): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    if (!this.#isThere || startMs < this.#nextMs) return;
    this.#isThere = false;
    try {
      await this.#store.compact(rangeOf("frame"));
      await this.#store.compact(rangeOf("written"));
    } catch (error) {
      this.#isThere = true;
      throw error;
    }
    const endMs = this.#clock.monotonicMs();
    this.#nextMs = endMs + (endMs - startMs) * REST;
  }
}
