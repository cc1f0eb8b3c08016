import type { Stream } from "./stream.ts";

/** All streams, by node and stream id. */
export class StreamTable {
  readonly #streams = new Map<string, Stream>();
  readonly #byNumber = new Map<number, Stream>();
  #nextNumber = 1;

  /** The number that the next new stream gets. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  find(node: string, streamId: string): Stream | undefined {
    return this.#streams.get(`${node}\u0000${streamId}`);
  }

  byNumber(number: number): Stream | undefined {
    return this.#byNumber.get(number);
  }

  add(stream: Stream): void {
    this.#byNumber.set(stream.number, stream);
    this.#streams.set(`${stream.node}\u0000${stream.streamId}`, stream);
    this.skipTo(stream.number + 1);
  }

  /** Numbers below `number` are taken. */
  skipTo(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number);
  }

  remove(stream: Stream): void {
    this.#byNumber.delete(stream.number);
    this.#streams.delete(`${stream.node}\u0000${stream.streamId}`);
  }

  all(): Iterable<Stream> {
    return this.#streams.values();
  }
}
