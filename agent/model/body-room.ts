import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";

const MEBIBYTE = 1024 ** 2;

/** How large a body may become, and how many of an agent's bodies may be that large at a time. */
const STEPS = [
  { bytes: MEBIBYTE, bodies: Number.POSITIVE_INFINITY },
  { bytes: 8 * MEBIBYTE, bodies: 4 },
  { bytes: 64 * MEBIBYTE, bodies: 1 },
] as const;

/** What a lease calls when the place is its own. */
type Granted = () => void;

/**
 * Room for the bodies that the agent reads, all together: a body that grows over a step waits until
 * one of the step's places is free, and then keeps it. Whoever has a place of the last step waits for
 * nothing more, so there is always one that gets on.
 */
export class BodyRoom {
  readonly #places = STEPS.map(({ bodies }) => new Places(bodies));

  /** Of one body, which ends with it; to be disposed of by whoever uses the body. */
  lease(): BodyLease {
    return new BodyLease(this.#places);
  }
}

/** What a body may have. It is given back when it is disposed, whatever becomes of the body's reader. */
export class BodyLease implements Disposable {
  readonly #places: readonly Places[];
  #step = 0;
  #refuse: ((reason: OperationalError) => void) | null = null;
  #granted: Granted | null = null;
  #isOver = false;

  constructor(places: readonly Places[]) {
    this.#places = places;
  }

  /** How large the body may be now. */
  get bytes(): number {
    return STEPS[this.#step]?.bytes ?? 0;
  }

  get isWaiting(): boolean {
    return this.#granted !== null;
  }

  /**
   * Resolves when the body may have the bytes of the next step.
   * @throws OperationalError LIMIT when there is none, UNAVAILABLE when the lease is over
   */
  async grow(): Promise<void> {
    assert(this.#granted === null, "a body grows by one step after another");
    if (this.#isOver) throw leaseOver();
    const next = this.#places[this.#step + 1];
    if (next === undefined) {
      throw new OperationalError("LIMIT", `The body is larger than ${this.bytes} bytes`);
    }
    await new Promise<void>((resolve, reject) => {
      this.#refuse = reject;
      this.#granted = () => {
        this.#step += 1;
        this.#granted = null;
        resolve();
      };
      next.take(this.#granted);
    });
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#granted !== null) this.#places[this.#step + 1]?.forget(this.#granted);
    this.#granted = null;
    this.#refuse?.(leaseOver());
    for (let step = this.#step; step > 0; step -= 1) this.#places[step]?.giveBack();
  }
}

function leaseOver(): OperationalError {
  return new OperationalError("UNAVAILABLE", "The body is not wanted any more");
}

/** Taken in the order in which they were asked for. */
class Places {
  readonly #waiting = new Set<Granted>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  take(granted: Granted): void {
    if (this.#free === 0) {
      this.#waiting.add(granted);
      return;
    }
    this.#free -= 1;
    granted();
  }

  forget(granted: Granted): void {
    this.#waiting.delete(granted);
  }

  giveBack(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(first);
    first();
  }
}
