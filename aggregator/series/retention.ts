import type { KeyValueStore } from "../../shared/platform/ports.ts";
import type { SerialQueue } from "../../shared/time/serial-queue.ts";
import { checkpointKey, rangeOf, seriesKey, streamKey } from "./keys.ts";
import { OWN_NODE } from "./own-writer.ts";
import { Partitions } from "./partitions.ts";
import type { SeriesIndex } from "./series-index.ts";
import type { Stream } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** Series forgotten in one turn; ingest waits for it. */
const SERIES_PER_TURN = 5000;

/** Drops what is too old: chunks by whole partitions, then streams and series that have nothing left. */
export class Retention {
  readonly #store: KeyValueStore;
  readonly #index: SeriesIndex;
  readonly #streams: StreamTable;
  readonly #partitions: Partitions;
  #doneMs = 0;

  constructor(
    store: KeyValueStore,
    index: SeriesIndex,
    streams: StreamTable,
    partitions: Partitions,
  ) {
    this.#store = store;
    this.#index = index;
    this.#streams = streams;
    this.#partitions = partitions;
  }

  /**
   * Samples before this time are too old. Age counts from the newest tick of any node, if that is
   * before the clock: a clock that jumps ahead must not wipe the store.
   */
  horizon(nowMs: number, retentionMs: number): number {
    let newestMs = 0;
    for (const { node, lastTimeMs } of this.#streams.all()) {
      if (node !== OWN_NODE) newestMs = Math.max(newestMs, lastTimeMs);
    }
    return Partitions.startOf((newestMs === 0 ? nowMs : Math.min(nowMs, newestMs)) - retentionMs);
  }

  /** @param horizonMs the start of a partition */
  async apply(
    horizonMs: number,
    turns: SerialQueue,
    forgotten: (stream: Stream) => void,
  ): Promise<void> {
    if (horizonMs <= this.#doneMs) return;
    await this.#partitions.dropBefore(this.#store, horizonMs);
    for (const stream of [...this.#streams.all()]) {
      if (stream.lastTimeMs === 0 || stream.lastTimeMs >= horizonMs) continue;
      await turns.run(() => this.#forgetStream(stream, horizonMs));
      forgotten(stream);
    }
    const dead: number[] = [];
    for (const { ref, head, lastMs } of this.#index.all()) {
      if (head.length === 0 && lastMs < horizonMs) dead.push(ref);
    }
    for (let i = 0; i < dead.length; i += SERIES_PER_TURN) {
      await turns.run(() => this.#forgetSeries(dead.slice(i, i + SERIES_PER_TURN)));
    }
    this.#doneMs = horizonMs;
  }

  /** Its record goes last: while that is there, its number is not given to another. */
  async #forgetStream(stream: Stream, horizonMs: number): Promise<void> {
    if (stream.lastTimeMs >= horizonMs) return; // written to in the meantime
    await this.#store.clear(rangeOf("frame", stream.number));
    await this.#store.clear(rangeOf("definitions", stream.number));
    await this.#store.batch(
      [
        { type: "del", key: checkpointKey(stream.number) },
        { type: "del", key: streamKey(stream.number) },
      ],
      { sync: true },
    );
    stream.detachAll(this.#index);
    this.#streams.remove(stream);
  }

  async #forgetSeries(refs: readonly number[]): Promise<void> {
    const dead = refs.filter((ref) => this.#index.get(ref)?.head.length === 0);
    await this.#store.batch(
      dead.map((ref) => ({ type: "del", key: seriesKey(ref) })),
      { sync: false },
    );
    this.#index.remove(dead);
  }
}
