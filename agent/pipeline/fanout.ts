import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import type { FrameWriter } from "./frame-writer.ts";

type Epochs = {
  /** The epoch that this process begins with. */
  readonly epoch: number;
  nextEpoch(): number;
};

/** A buffer, and what writes to it. */
type Outlet = { readonly buffer: Epochs; readonly writer: FrameWriter };

/**
 * Every frame goes to every outlet: one where the agent sends to one aggregator at a time, one for
 * each where it mirrors. A slow or full one keeps none of the others from the frame.
 */
export class Fanout {
  readonly #outlets: readonly Outlet[];

  constructor(outlets: readonly Outlet[]) {
    this.#outlets = outlets;
  }

  /** The first that was used in none of the buffers. */
  get epoch(): number {
    return Math.max(...this.#outlets.map(({ buffer }) => buffer.epoch));
  }

  nextEpoch(): number {
    return Math.max(...this.#outlets.map(({ buffer }) => buffer.nextEpoch()));
  }

  write(frame: EncodedFrame): void {
    for (const { writer } of this.#outlets) writer.write(frame);
  }

  /** Whether one of them lost frames since the last call: none may build on them. */
  takeFailure(): boolean {
    return this.#outlets.filter(({ writer }) => writer.takeFailure()).length > 0;
  }

  async settled(): Promise<void> {
    for (const { writer } of this.#outlets) await writer.settled();
  }
}
