/** How often a line is written. */
const EVERY_MS = 5000;

/** Says now and then how far a long run is, and how long the rest will take. */
export class Progress {
  readonly #total: number;
  readonly #what: string;
  readonly #startMs = performance.now();
  #done = 0;
  #saidMs = this.#startMs;

  /** @param what the steps, as in "1,000 seeds" */
  constructor(total: number, what: string) {
    this.#total = total;
    this.#what = what;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** One more is done; `note` is what else there is to say. */
  step(note: string): void {
    this.#done += 1;
    const nowMs = performance.now();
    if (nowMs - this.#saidMs < EVERY_MS && this.#done < this.#total) return;
    this.#saidMs = nowMs;
    const leftS = ((this.elapsedMs / this.#done) * (this.#total - this.#done)) / 1000;
    const time = `${Math.floor(leftS / 60)} min ${Math.round(leftS % 60)} s left`;
    console.log(`${this.#done} of ${this.#total} ${this.#what}, ${note}, ${time}`);
  }
}
