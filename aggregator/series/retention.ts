import { del } from "../../shared/platform/ports.ts";
import type { SerialQueue } from "../../shared/time/serial-queue.ts";
import { checkpointKey, PARTITION_MS, partitionOf, rangeOf, seriesKey, streamKey } from "./keys.ts";
import { OWN_NODE } from "./own-writer.ts";
import type { StoreParts } from "./parts.ts";
import type { Stream } from "./stream.ts";

/** Series forgotten in one turn; ingest waits for it. */
const SERIES_PER_TURN = 5000;

/** Drops what is too old: chunks by whole partitions, then streams and series that have nothing left. */
export class Retention {
  readonly #parts: StoreParts;
  #doneMs = 0;

  constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  /**
   * Samples before this time are too old. Age counts from the newest tick of any node, if that is
   * before the clock: a clock that jumps ahead must not wipe the store. The start of a partition.
   */
  horizon(nowMs: number, retentionMs: number): number {
    let newestMs = 0;
    for (const { node, lastTimeMs } of this.#parts.streams.all()) {
      if (node !== OWN_NODE) newestMs = Math.max(newestMs, lastTimeMs);
    }
    const ageFromMs = newestMs === 0 ? nowMs : Math.min(nowMs, newestMs);
    return partitionOf(ageFromMs - retentionMs) * PARTITION_MS;
  }

  /** @param horizonMs the start of a partition */
  async apply(
    horizonMs: number,
    turns: SerialQueue,
    forgotten: (stream: Stream) => void,
  ): Promise<void> {
    if (horizonMs <= this.#doneMs) return;
    const { store, index, streams, partitions } = this.#parts;
    await partitions.dropBefore(store, horizonMs);
    for (const stream of [...streams.all()]) {
      if (stream.lastTimeMs === 0 || stream.lastTimeMs >= horizonMs) continue;
      await turns.run(() => this.#forgetStream(stream, horizonMs));
      forgotten(stream);
    }
    const dead: number[] = [];
    for (const { ref, head, written, lastMs } of index.all()) {
      if (head.length === 0 && written < 0 && lastMs < horizonMs) dead.push(ref);
    }
    for (let i = 0; i < dead.length; i += SERIES_PER_TURN) {
      await turns.run(() => this.#forgetSeries(dead.slice(i, i + SERIES_PER_TURN)));
    }
    this.#doneMs = horizonMs;
  }

  /** Its record goes last: while that is there, its number is not given to another. */
  async #forgetStream(stream: Stream, horizonMs: number): Promise<void> {
    if (stream.lastTimeMs >= horizonMs) return; // written to in the meantime
    const { store, index, streams } = this.#parts;
    const { number } = stream;
    await store.clear(rangeOf("frame", number));
    await store.clear(rangeOf("definitions", number));
    await store.batch([del(checkpointKey(number)), del(streamKey(number))], { sync: true });
    stream.detachAll(index);
    streams.remove(stream);
  }

  async #forgetSeries(refs: readonly number[]): Promise<void> {
    const { store, index } = this.#parts;
    const isDead = (ref: number) => {
      const series = index.get(ref);
      return series?.head.length === 0 && series.written < 0;
    };
    const dead = refs.filter(isDead);
    const operations = dead.map((ref) => del(seriesKey(ref)));
    await store.batch(operations, { sync: false });
    index.remove(dead);
  }
}
