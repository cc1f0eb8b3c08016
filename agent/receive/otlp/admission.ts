/** Bytes of requests that are read and taken apart at the same time, and requests that wait. */
export type AdmissionLimits = { readonly bytes: number; readonly requests: number };

/** What one request may take; to be given back. */
export type Lease = {
  /** Less or more than before. False: so much is not there, and nothing changes. */
  resize(bytes: number): boolean;
  end(): void;
};

/** Keeps all requests together within bounds. */
export class Admission {
  readonly #limits: AdmissionLimits;
  #bytes = 0;
  #requests = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Null: there is too much already. */
  enter(bytes: number): Lease | null {
    if (this.#requests >= this.#limits.requests) return null;
    let held = 0;
    const resize = (next: number) => {
      if (this.#bytes - held + next > this.#limits.bytes) return false;
      this.#bytes += next - held;
      held = next;
      return true;
    };
    if (!resize(bytes)) return null;
    this.#requests += 1;
    return {
      resize,
      end: () => {
        this.#bytes -= held;
        this.#requests -= 1;
      },
    };
  }
}
