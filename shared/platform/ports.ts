/**
 * The edges to the world. Everything below `main.ts` gets these as arguments, so that tests and the
 * simulation decide what time it is, what chance says and what the disk does.
 */

export type Clock = {
  /** Unix milliseconds: for timestamps only, it may jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back. For intervals, timeouts and backoff. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** A number in [0, 1). */
export type Random = () => number;

export type KeyRange = {
  readonly gte?: Uint8Array;
  readonly gt?: Uint8Array;
  readonly lt?: Uint8Array;
  readonly lte?: Uint8Array;
};

/** `reverse`: from the end. */
export type EntryRange = KeyRange & { readonly reverse?: boolean; readonly limit?: number };

export type BatchOperation =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };

export function put(key: Uint8Array, value: Uint8Array): BatchOperation {
  return { type: "put", key, value };
}

export function del(key: Uint8Array): BatchOperation {
  return { type: "del", key };
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/**
 * An ordered key-value store; keys compare as bytes. Every method rejects with OperationalError
 * STORAGE when the disk fails. Real: LevelDB (level-store.ts); in memory, with faults: test/support.
 */
export type KeyValueStore = {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * All or nothing. With `sync` it is on the disk when the promise resolves. One that rejects may be
   * there after all until the next write, which undoes it before it writes anything.
   */
  batch(operations: readonly BatchOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** Entries of the range in key order, as they were at the call. */
  entries(range: EntryRange): AsyncIterable<Entry>;
  /** Deletes every key of the range. Not atomic: after a crash a part may remain. */
  clear(range: KeyRange): Promise<void>;
  /** Gives back the disk space of deleted keys in the range. */
  compact(range: { readonly gte: Uint8Array; readonly lt: Uint8Array }): Promise<void>;
  close(): Promise<void>;
};

/** The part of pino we use. */
export type Logger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};
