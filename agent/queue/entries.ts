import { OperationalError, systemCode } from "../../shared/errors.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { ALL_ENTRIES, entryKey, seqOfKey } from "./records.ts";

/** What a queue carries: bytes that hold their own sequence and checksum. */
export type QueueEntry = {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly timeMs: number;
  readonly bytes: Uint8Array;
  /** Whether a reader that has nothing before it can begin with it. */
  readonly isStart: boolean;
};

/** What a queue has to know of what it carries. */
export type Content<E extends QueueEntry> = {
  /** Larger ones are refused. */
  readonly entryBytesMax: number;
  /** An entry as it was appended; null when the bytes are damaged. */
  parse(bytes: Uint8Array): E | null;
  /** No entry from `fromSeq` to before `oldestSeq` is left: what only they needed may go. */
  forget(fromSeq: number, oldestSeq: number): Promise<void>;
};

/** Which entries to read. */
type Span = {
  readonly afterSeq: number;
  /** Inclusive. */
  readonly toSeq: number;
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** The entry of the queue that follows `seq`. */
  readonly next: (seq: number) => number;
};

/**
 * Entries of the span in order, as many as fit and at least one, and sequences that should be there
 * and are not. Where a damaged block hides what lies behind it from an iteration, each entry is
 * looked for by its own key.
 */
export async function readSpan<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  span: Span,
): Promise<{ readonly entries: readonly E[]; readonly missing: readonly number[] }> {
  const entries: E[] = [];
  const missing: number[] = [];
  let bytes = 0;
  let lastSeq = span.afterSeq;
  /** False when no more fits. */
  const take = (seq: number, entry: E | null): boolean => {
    const size = entry?.bytes.length ?? 0;
    const isFull = entries.length >= span.entriesMax || bytes + size > span.bytesMax;
    if (isFull && entries.length > 0) return false;
    if (entry === null) missing.push(seq);
    else entries.push(entry);
    bytes += size;
    lastSeq = seq;
    return true;
  };
  /** Takes those before `seq` that the iteration passed over. */
  const reach = async (seq: number): Promise<boolean> => {
    for (let at = span.next(lastSeq); at < seq; at = span.next(at)) {
      if (!take(at, await readEntry(store, content, at))) return false;
    }
    return true;
  };
  const range = { gt: entryKey(span.afterSeq), lte: entryKey(span.toSeq) };
  const isFull = await ifReadable(async () => {
    for await (const [key, value] of store.entries(range)) {
      const seq = seqOfKey(key);
      if (seq === null || seq <= lastSeq || seq > span.toSeq) continue;
      if (!(await reach(seq)) || !take(seq, entryOf(content, seq, value))) return true;
    }
    return false;
  });
  if (isFull !== true) await reach(span.toSeq + 1);
  return { entries, missing };
}

/** Null where the entry is missing or damaged. */
export async function readEntry<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  seq: number,
): Promise<E | null> {
  const bytes = await ifReadable(() => store.get(entryKey(seq)));
  return bytes === undefined ? null : entryOf(content, seq, bytes);
}

/** All that lies in the store after `afterSeq`, in order; null for what is damaged. */
export async function* allEntries<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  afterSeq = 0,
): AsyncGenerator<{ readonly seq: number | null; readonly entry: E | null }> {
  const range = { gt: entryKey(afterSeq), lt: ALL_ENTRIES.lt };
  for await (const [key, bytes] of store.entries(range)) {
    const seq = seqOfKey(key);
    yield { seq, entry: seq === null ? null : entryOf(content, seq, bytes) };
  }
}

/** Undefined when what is to be read lies in a damaged part of the store. */
export async function ifReadable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (systemCode(error.cause) !== "LEVEL_CORRUPTION") throw error;
    return undefined;
  }
}

function entryOf<E extends QueueEntry>(content: Content<E>, seq: number, bytes: Uint8Array) {
  const entry = content.parse(bytes);
  return entry?.seq === seq ? entry : null; // another one is as bad as none
}
