import type { Clock } from "../../shared/platform/ports.ts";
import type { SeededRandom } from "./random.ts";

export type PipeOptions = {
  readonly clock: Clock;
  /** Resolves when the way is open. */
  readonly open: () => Promise<void>;
  readonly latencyMs: () => number;
  /** Items on their way or not yet taken, before `write` waits. */
  readonly roomItems: number;
};

type Ending = { readonly error: Error | null };
type Parcel<T> = { readonly dueMs: number; readonly content: { readonly item: T } | Ending };

/** One direction of a connection: what is written comes out in order, later, or not at all. */
export class Pipe<T> {
  readonly #options: PipeOptions;
  #onWay: Parcel<T>[] = [];
  #arrived: T[] = [];
  #isPumping = false;
  #lastDueMs = 0;
  #readerEnd: Ending | null = null;
  #writerEnd: Ending | null = null;
  #wakeReader = () => {};
  #wakeWriters: (() => void)[] = [];

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  async write(item: T): Promise<void> {
    this.#checkWriter();
    this.#post({ item });
    while (this.#onWay.length + this.#arrived.length >= this.#options.roomItems) {
      await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
      this.#checkWriter();
    }
  }

  /** The last thing to arrive: the reader ends, or with an error fails. */
  end(error: Error | null): void {
    if (this.#writerEnd !== null) return;
    this.#writerEnd = { error };
    this.#post({ error });
    this.#wakeAll();
  }

  /** The writing side finds the connection gone; what is on its way may still arrive. */
  breakWriter(error: Error): void {
    this.#writerEnd ??= { error };
    this.#wakeAll();
  }

  /** The reading side finds the connection gone. Returns whether it had not known. */
  breakReader(error: Error): boolean {
    if (this.#readerEnd !== null) return false;
    this.#readerEnd = { error };
    this.#arrived = [];
    this.#onWay = [];
    this.#wakeAll();
    return true;
  }

  /** The writer died: a random part of what is on its way never arrives. */
  truncate(random: SeededRandom): void {
    this.#onWay.length = random.int(0, this.#onWay.length);
  }

  async *read(): AsyncGenerator<T> {
    for (;;) {
      const item = this.#arrived.shift();
      if (item !== undefined) {
        this.#wakeAll();
        yield item;
        continue;
      }
      if (this.#readerEnd !== null) {
        if (this.#readerEnd.error !== null) throw this.#readerEnd.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  #checkWriter(): void {
    if (this.#writerEnd !== null) throw this.#writerEnd.error ?? new Error("write after end");
  }

  #post(content: Parcel<T>["content"]): void {
    if (this.#readerEnd !== null) return;
    const { clock, latencyMs } = this.#options;
    this.#lastDueMs = Math.max(this.#lastDueMs, clock.monotonicMs() + latencyMs());
    this.#onWay.push({ dueMs: this.#lastDueMs, content });
    if (!this.#isPumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    const { clock, open } = this.#options;
    this.#isPumping = true;
    for (let parcel = this.#onWay[0]; parcel !== undefined; parcel = this.#onWay[0]) {
      const waitMs = parcel.dueMs - clock.monotonicMs();
      if (waitMs > 0) await clock.sleep(waitMs);
      await open();
      if (this.#onWay[0] !== parcel) continue; // dropped meanwhile
      this.#onWay.shift();
      if ("item" in parcel.content) this.#arrived.push(parcel.content.item);
      else this.#readerEnd ??= parcel.content;
      this.#wakeAll();
    }
    this.#isPumping = false;
  }

  #wakeAll(): void {
    this.#wakeReader();
    const writers = this.#wakeWriters;
    this.#wakeWriters = [];
    for (const wake of writers) wake();
  }
}
