import type { Clock } from "../../../shared/platform/ports.ts";
import { eitherSignal } from "../../../shared/time/either-signal.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";

type Arrived = { readonly bytes: Uint8Array | null; readonly error: unknown };

/**
 * What a program prints, piece by piece, for one who has other things to do while there is none. Each
 * piece is asked for once and awaited by nobody else: of a promise that is raced again and again
 * while it is pending, each race would stay in memory.
 */
export class Pieces {
  readonly #clock: Clock;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #arrived: Arrived | null = null;
  /** Of the piece that was asked for and not taken; never rejects. */
  #asked: Promise<void> | null = null;
  #wake = new AbortController();

  constructor(clock: Clock, pieces: AsyncIterable<Uint8Array>) {
    this.#clock = clock;
    this.#iterator = pieces[Symbol.asyncIterator]();
  }

  /**
   * The next piece, null at the end; "none" when there is none within `ms`, or by the time that the
   * signal is aborted.
   * @throws what the program fails with
   */
  async take(ms: number, signal: AbortSignal): Promise<Uint8Array | null | "none"> {
    this.#asked ??= this.#ask();
    if (this.#arrived === null) {
      this.#wake = new AbortController();
      using either = eitherSignal(signal, this.#wake.signal);
      await sleepUnlessAborted(this.#clock, ms, either.signal);
    }
    if (this.#arrived === null) return "none";
    const { bytes, error } = this.#arrived;
    this.#arrived = null;
    this.#asked = null;
    if (error !== undefined) throw error;
    return bytes;
  }

  /** Resolves when nothing is being waited for. */
  async settled(): Promise<void> {
    await this.#asked;
  }

  async #ask(): Promise<void> {
    try {
      const next = await this.#iterator.next();
      this.#arrived = { bytes: next.done === true ? null : next.value, error: undefined };
    } catch (error) {
      this.#arrived = { bytes: null, error };
    }
    this.#wake.abort();
  }
}
