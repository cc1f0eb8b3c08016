import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";

/**
 * What one step changes: memory at once, the store in one synced batch. When the batch fails, memory is
 * as before. One at a time, and nothing may be sent before `commit` has resolved.
 */
export class ChangeSet {
  readonly operations: BatchOperation[] = [];
  readonly #undo: (() => void)[] = [];
  readonly #done: (() => void)[] = [];

  /** `value` undefined: deletes it. */
  set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key);
    const write = (one: V | undefined) => {
      if (one === undefined) map.delete(key);
      else map.set(key, one);
    };
    write(value);
    this.#undo.push(() => write(before));
  }

  onFailure(undo: () => void): void {
    this.#undo.push(undo);
  }

  onDone(done: () => void): void {
    this.#done.push(done);
  }

  /** @throws OperationalError STORAGE; everything is as before then */
  async commit(store: KeyValueStore): Promise<void> {
    try {
      if (this.operations.length > 0) await store.batch(this.operations, { sync: true });
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo();
      throw error;
    }
    for (const done of this.#done) done();
  }
}
