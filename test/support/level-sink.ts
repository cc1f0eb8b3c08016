import type { Cursor, LineSink, SourcedLine } from "../../agent/logs/tail/ports.ts";
import { type BatchOperation, del, type KeyValueStore, put } from "../../shared/platform/ports.ts";

const CURSORS = "c/";
const BATCHES = "b/";
const NUMBER_DIGITS = 10;

/** Keeps lines as they come, one entry a batch, each with the cursors of its batch. */
export class LevelSink implements LineSink {
  readonly #store: KeyValueStore;
  #last = 0;

  constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** To be called first. */
  async cursors(): Promise<Cursor[]> {
    const cursors: Cursor[] = [];
    for await (const [key, value] of this.#store.entries(rangeOf(CURSORS))) {
      cursors.push({ key: Buffer.from(key).toString().slice(CURSORS.length), value });
    }
    const newest = { ...rangeOf(BATCHES), reverse: true, limit: 1 };
    for await (const [key] of this.#store.entries(newest)) {
      this.#last = Number(Buffer.from(key).toString().slice(BATCHES.length));
    }
    return cursors;
  }

  async append(lines: readonly SourcedLine[], cursors: readonly Cursor[]): Promise<void> {
    const operations: BatchOperation[] = cursors.map(({ key, value }) => {
      const bytes = Buffer.from(CURSORS + key);
      return value === null ? del(bytes) : put(bytes, value);
    });
    if (lines.length > 0) {
      this.#last += 1;
      const number = String(this.#last).padStart(NUMBER_DIGITS, "0");
      const parts = lines.flatMap(({ bytes }) => [bytes, NEWLINE]);
      operations.push(put(Buffer.from(BATCHES + number), Buffer.concat(parts)));
    }
    await this.#store.batch(operations, { sync: true });
  }
}

const NEWLINE = Buffer.from("\n");

/** The lines of each batch that a sink kept, in order. */
export async function* storedBatches(store: KeyValueStore): AsyncGenerator<Buffer> {
  for await (const [, value] of store.entries(rangeOf(BATCHES))) yield Buffer.from(value);
}

function rangeOf(prefix: string) {
  return { gte: Buffer.from(prefix), lt: Buffer.from(`${prefix}\u00ff`) };
}
