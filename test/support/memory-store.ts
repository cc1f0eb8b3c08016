import { OperationalError } from "../../shared/errors.ts";
import type {
  BatchOperation,
  Clock,
  Entry,
  KeyRange,
  KeyValueStore,
  Random,
} from "../../shared/platform/ports.ts";

/** A key as text, one code unit a byte: orders as the bytes do and can be looked up in a Map. */
type KeyText = string;

type EntryRange = Parameters<KeyValueStore["entries"]>[0];

/** What one write changed: the values before it. */
type Undo = readonly (readonly [key: KeyText, before: Uint8Array | undefined])[];

/** Keys that `clear` deletes in one write; a crash falls between two of them. */
const CLEAR_KEYS = 8;
/** How often a write whose sync failed is found whole in the log: mostly, the kernel still has it. */
const IN_DOUBT_FOUND = 0.75;

/** A process is gone without a word, or the machine is and takes what was not synced with it. */
export type CrashKind = "kill" | "power-cut";

/**
 * What lies on a disk, over the crashes of the processes that write to it. It behaves as LevelDB's
 * log does: writes are in order, each is there whole or not at all (a torn record is dropped at
 * recovery), a power cut takes a suffix of those that were not synced, and a sync makes all before
 * it safe. A write whose sync failed may or may not be there when the disk is opened the next time.
 */
export class MemoryDisk {
  /** Every write fails with ENOSPC. */
  isFull = false;
  /** Every sync fails with EIO. */
  doesSyncFail = false;
  readonly name: string;
  readonly #values = new Map<KeyText, Uint8Array>();
  readonly #keys: KeyText[] = [];
  readonly #unsynced: Undo[] = [];
  #inDoubt: readonly BatchOperation[] | null = null;
  #holder: object | null = null;
  readonly #syncGates = new Set<Promise<void>>();

  constructor(name = "memory") {
    this.name = name;
  }

  /** From now on syncs wait until the returned function is called, of each call its own. */
  hangSync(): () => void {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = () => {
        this.#syncGates.delete(gate);
        resolve();
      };
    });
    this.#syncGates.add(gate);
    return release;
  }

  /**
   * The process that has this disk open dies at once: its calls never come back. After a "kill" all
   * that was written is there, and the write that was on its way may be; after a "power-cut" a
   * random number of the last writes that were not synced is gone as well.
   */
  crash(random: Random, kind: CrashKind = "power-cut"): void {
    this.#holder = null;
    const inDoubt = this.#inDoubt;
    const written = this.#unsynced.length;
    const doubtful = inDoubt === null ? 0 : 1;
    const oldest = kind === "kill" ? written : 0;
    const kept = oldest + Math.floor(random() * (written + doubtful - oldest + 1));
    while (this.#unsynced.length > kept) this.#undo(this.#unsynced.pop() ?? []);
    if (kept > written && inDoubt !== null) this.#apply(inDoubt);
    this.#settle();
  }

  /** The entries that would be there after the worst power cut at this moment, in key order. */
  durableEntries(): Entry[] {
    const values = new Map<KeyText, Uint8Array | undefined>(this.#values);
    for (const undo of this.#unsynced.toReversed()) {
      for (const [key, before] of undo) values.set(key, before);
    }
    const entries: [KeyText, Uint8Array][] = [];
    for (const [key, value] of values) if (value !== undefined) entries.push([key, value]);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return entries.map(([key, value]) => [keyBytes(key), value]);
  }

  /** Another disk with what would be left of this one after the worst power cut at this moment. */
  durableCopy(): MemoryDisk {
    const copy = new MemoryDisk(`${this.name} (copy)`);
    copy.#apply(this.durableEntries().map(([key, value]) => ({ type: "put", key, value })));
    copy.#settle();
    return copy;
  }

  /** @internal For MemoryStore: takes the lock. */
  hold(holder: object): void {
    if (this.#holder !== null) {
      throw new OperationalError("IN_USE", `${this.name} is in use by another process`);
    }
    this.#holder = holder;
    this.#recover(true);
  }

  /** @internal What undoes the write that failed, should it be there after all. */
  undoOfDoubtful(): BatchOperation[] {
    return (this.#inDoubt ?? []).map(({ key }): BatchOperation => {
      const value = this.value(key);
      return value === undefined ? { type: "del", key } : { type: "put", key, value };
    });
  }

  /** @internal Opens anew after a write that failed; of that one, all is there or nothing. */
  reopen(random: Random): void {
    if (this.isFull) throw storageError(this.name, "ENOSPC", "no space left on device");
    if (this.doesSyncFail) throw storageError(this.name, "EIO", "fsync failed");
    this.#recover(random() < IN_DOUBT_FOUND);
  }

  /** @internal */
  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  /** @internal */
  release(): void {
    this.#holder = null;
  }

  /** @internal The first half of a write: in the log, not yet safe. */
  log(operations: readonly BatchOperation[]): void {
    if (this.isFull) throw storageError(this.name, "ENOSPC", "no space left on device");
    this.#inDoubt = operations;
  }

  /** @internal */
  async awaitSync(): Promise<void> {
    while (this.#syncGates.size > 0) await Promise.all(this.#syncGates);
    if (this.doesSyncFail) throw storageError(this.name, "EIO", "fsync failed");
  }

  /** @internal The second half: it can be read, and with `isSynced` all up to here is safe. */
  commit(isSynced: boolean): void {
    if (this.#inDoubt !== null) this.#apply(this.#inDoubt);
    this.#inDoubt = null;
    if (isSynced) this.#unsynced.length = 0;
  }

  /** @internal */
  value(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(keyText(key))?.slice();
  }

  /** @internal */
  slice(range: EntryRange): Entry[] {
    const keys = this.keysOf(range);
    if (range.reverse === true) keys.reverse();
    const limit = range.limit ?? -1; // as in LevelDB: -1 is no limit
    if (limit >= 0 && keys.length > limit) keys.length = limit;
    return keys.map((key) => [keyBytes(key), this.#values.get(key)?.slice() ?? new Uint8Array()]);
  }

  /** @internal */
  keysOf(range: KeyRange): KeyText[] {
    let low = 0;
    let high = this.#keys.length;
    if (range.gte !== undefined) low = Math.max(low, this.#indexOf(keyText(range.gte)));
    if (range.gt !== undefined) low = Math.max(low, this.#indexOf(`${keyText(range.gt)}\u0000`));
    if (range.lt !== undefined) high = Math.min(high, this.#indexOf(keyText(range.lt)));
    if (range.lte !== undefined) {
      high = Math.min(high, this.#indexOf(`${keyText(range.lte)}\u0000`));
    }
    return this.#keys.slice(low, Math.max(low, high));
  }

  /** Opening writes what it finds in the log to a table, and syncs it. */
  #recover(isInDoubtFound: boolean): void {
    if (isInDoubtFound && this.#inDoubt !== null) this.#apply(this.#inDoubt);
    this.#settle();
  }

  #apply(operations: readonly BatchOperation[]): void {
    const undo: [KeyText, Uint8Array | undefined][] = [];
    for (const operation of operations) {
      const key = keyText(operation.key);
      undo.unshift([key, this.#values.get(key)]);
      this.#set(key, operation.type === "put" ? operation.value : undefined);
    }
    this.#unsynced.push(undo);
  }

  #undo(undo: Undo): void {
    for (const [key, before] of undo) this.#set(key, before);
  }

  #set(key: KeyText, value: Uint8Array | undefined): void {
    const isKnown = this.#values.has(key);
    if (value === undefined) {
      if (isKnown) this.#keys.splice(this.#indexOf(key), 1);
      this.#values.delete(key);
      return;
    }
    if (!isKnown) this.#keys.splice(this.#indexOf(key), 0, key);
    this.#values.set(key, value);
  }

  #settle(): void {
    this.#unsynced.length = 0;
    this.#inDoubt = null;
  }

  /** Where the key stands, or would have to be put. */
  #indexOf(key: KeyText): number {
    const last = this.#keys.at(-1);
    if (last === undefined || last < key) return this.#keys.length;
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? "") < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export type MemoryStoreOptions = {
  /** With a clock every operation takes time; without, only turns of the promise queue. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Longest read, write and sync. A duration is drawn from the square of `random`: most are short. */
  readonly latencyMaxMs?: { readonly read: number; readonly write: number; readonly sync: number };
  /**
   * Called in the course of each write: "begin", nothing is written yet; "logged", it is in the log
   * and not yet safe; "done", it is on the disk and the caller does not know yet. May crash the disk.
   */
  readonly onWriteStep?: (step: "begin" | "logged" | "done") => void;
};

/**
 * What a process has of a disk between opening it and closing it or dying. As the store over
 * LevelDB does, after a write that failed it opens the disk anew and undoes it, before the next.
 */
export class MemoryStore implements KeyValueStore {
  readonly #disk: MemoryDisk;
  readonly #options: MemoryStoreOptions;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  /** A write failed: this is written once the disk was opened anew, before anything else. */
  #undo: readonly BatchOperation[] | null = null;
  /** It was closed to be opened anew, and could not be. */
  #isDown = false;

  /** @throws OperationalError IN_USE when the disk is open and its process lives */
  constructor(disk: MemoryDisk = new MemoryDisk(), options: MemoryStoreOptions = {}) {
    disk.hold(this);
    this.#disk = disk;
    this.#options = options;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#take("read");
    this.#checkUp();
    return this.#disk.value(key);
  }

  async batch(
    operations: readonly BatchOperation[],
    options: { readonly sync: boolean },
  ): Promise<void> {
    const copy = operations.map(copyOperation);
    await this.#enqueue(() => this.#write(copy, options.sync));
  }

  entries(range: EntryRange): AsyncIterable<Entry> {
    return this.#iterate(this.#isClosed ? [] : this.#disk.slice(range));
  }

  async clear(range: KeyRange): Promise<void> {
    await this.#enqueue(async () => {
      if (this.#undo !== null) await this.#reopen(this.#undo);
      const keys = this.#disk.keysOf(range);
      for (let i = 0; i < keys.length; i += CLEAR_KEYS) {
        const deletions = keys.slice(i, i + CLEAR_KEYS).map((key): BatchOperation => {
          return { type: "del", key: keyBytes(key) };
        });
        await this.#write(deletions, false);
      }
    });
  }

  async compact(): Promise<void> {
    await this.#take("read");
  }

  async close(): Promise<void> {
    await this.#enqueue(async () => {
      if (this.#disk.isHeldBy(this)) this.#disk.release();
      this.#isClosed = true;
    });
  }

  async *#iterate(entries: readonly Entry[]): AsyncGenerator<Entry> {
    await this.#take("read");
    this.#checkUp();
    for (const entry of entries) {
      if (!this.#isAlive()) await never();
      yield entry;
    }
  }

  /** Writes go one after the other, in the order of their calls. */
  async #enqueue(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(work);
    this.#tail = turn.catch(() => {}); // it is the caller's to handle
    await turn;
  }

  async #write(operations: readonly BatchOperation[], isSynced: boolean): Promise<void> {
    if (this.#undo !== null) await this.#reopen(this.#undo);
    try {
      await this.#put(operations, isSynced);
    } catch (error) {
      this.#undo = this.#disk.undoOfDoubtful();
      throw error;
    }
  }

  async #put(operations: readonly BatchOperation[], isSynced: boolean): Promise<void> {
    await this.#take("write");
    await this.#step("begin");
    this.#disk.log(operations);
    await this.#step("logged");
    if (isSynced) {
      await this.#take("sync");
      await this.#disk.awaitSync();
      if (!this.#isAlive()) await never();
    }
    this.#disk.commit(isSynced);
    await this.#step("done");
  }

  async #reopen(undo: readonly BatchOperation[]): Promise<void> {
    this.#isDown = !this.#disk.isFull; // on a full disk it is not tried
    await this.#take("sync");
    this.#disk.reopen(this.#options.random ?? (() => 0));
    await this.#put(undo, true);
    this.#isDown = false;
    this.#undo = null;
  }

  async #step(step: "begin" | "logged" | "done"): Promise<void> {
    this.#options.onWriteStep?.(step);
    if (!this.#isAlive()) await never();
  }

  async #take(kind: "read" | "write" | "sync"): Promise<void> {
    const { clock, random, latencyMaxMs } = this.#options;
    if (clock !== undefined && random !== undefined && latencyMaxMs !== undefined) {
      await clock.sleep(random() ** 2 * latencyMaxMs[kind]);
    } else {
      await null; // no operation is done when its call returns
    }
    if (!this.#isAlive()) await never();
  }

  #checkUp(): void {
    if (this.#isDown) throw storageError(this.#disk.name, "LEVEL_DATABASE_NOT_OPEN", "not open");
  }

  /** Whether this process lives. */
  #isAlive(): boolean {
    if (this.#isClosed) throw storageError(this.#disk.name, "LEVEL_DATABASE_NOT_OPEN", "not open");
    return this.#disk.isHeldBy(this);
  }
}

/** How long a dead process waits. */
export function never(): Promise<never> {
  return new Promise(() => {});
}

function copyOperation(operation: BatchOperation): BatchOperation {
  const key = operation.key.slice();
  return operation.type === "put"
    ? { type: "put", key, value: operation.value.slice() }
    : { type: "del", key };
}

function keyText(key: Uint8Array): KeyText {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

function keyBytes(key: KeyText): Uint8Array {
  return new Uint8Array(Buffer.from(key, "latin1"));
}

function storageError(name: string, code: string, text: string): OperationalError {
  const cause = Object.assign(new Error(`IO error: ${text}`), { code });
  return new OperationalError("STORAGE", `${name}: ${cause.message}`, { cause });
}
