/** Lets several wait until something has changed. Nothing is kept: look first, then wait. */
export class ChangeSignal {
  #wake = () => {};
  #next = this.#renew();

  /** Wakes all who wait now. */
  notify(): void {
    const wake = this.#wake;
    this.#next = this.#renew();
    wake();
  }

  /** Resolves at the next `notify`; rejects with the signal's reason when it is aborted first. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return await this.#next;
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      void this.#next.then(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  }

  #renew(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
