import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import {
  type BatchOperation,
  del,
  type KeyValueStore,
  put,
} from "../../../shared/platform/ports.ts";
import type { CountedStream } from "./open-counts.ts";
import {
  decodeHistory,
  encodeHistory,
  type HistoryPlace,
  historyKey,
  historyRange,
  numberedKey,
  readHistoryKey,
} from "./pattern-records.ts";
import type { PatternTable } from "./pattern-table.ts";

export const HOUR_MINUTES = 60;
const MINUTE_MS = 60_000;
/** History that is older is kept by hours. */
const FINE_MINUTES = 24 * HOUR_MINUTES;
/** Lines that are later are counted in a part of their own. */
const OPEN_MINUTES = 30;
const OPERATIONS_MAX = 1000;

/**
 * Makes hours of the history that is older than a day, drops what is older than the retention, and
 * forgets streams that have none. May run beside commits: it changes only parts that no line is
 * counted in any more, and what it makes of them replaces them in one batch.
 * @throws OperationalError STORAGE
 */
export async function rollUp(
  table: PatternTable,
  store: KeyValueStore,
  times: { readonly nowMs: number; readonly retentionMs: number },
): Promise<void> {
  const nowMin = Math.floor(times.nowMs / MINUTE_MS);
  const oldestMin = Math.max(0, Math.floor((times.nowMs - times.retentionMs) / MINUTE_MS));
  const horizonMin = Math.floor((nowMin - FINE_MINUTES) / HOUR_MINUTES) * HOUR_MINUTES;
  for (const stream of table.counts.streams) {
    table.counts.closeBefore(stream, nowMin - OPEN_MINUTES);
    const openedBefore = stream.opened;
    const isCounted = stream.buckets.some(({ place }) => place.startMin < horizonMin);
    if (!isCounted) await rollUpStream(store, stream, Math.max(0, horizonMin), oldestMin);
    if (stream.buckets.length > 0 || stream.number === 0) continue;
    if (await hasHistory(store, stream)) continue;
    if (stream.opened !== openedBefore) continue; // a line came meanwhile
    table.counts.forget(stream);
    await store.batch([del(numberedKey("labels", stream.number))], { sync: false });
  }
}

/** Parts of one hour. */
type Hour = {
  readonly places: HistoryPlace[];
  readonly counts: Map<number, number>;
  isWhole: boolean;
};

async function rollUpStream(
  store: KeyValueStore,
  { number: stream }: CountedStream,
  horizonMin: number,
  oldestMin: number,
): Promise<void> {
  let operations: BatchOperation[] = [];
  let hour: Hour | null = null;
  let hourMin = -1;
  const finish = async () => {
    if (hour !== null && !hour.isWhole) operations.push(...hourOperations(stream, hourMin, hour));
    hour = null;
    if (operations.length < OPERATIONS_MAX) return;
    await store.batch(operations, { sync: false });
    operations = [];
  };
  for await (const [key, value] of store.entries(historyRange(stream, 0, horizonMin))) {
    const place = readHistoryKey(key);
    const record = decodeHistory(value);
    if (record === null || place.startMin + record.minutes <= oldestMin) {
      operations.push(del(key));
      continue;
    }
    const startMin = Math.floor(place.startMin / HOUR_MINUTES) * HOUR_MINUTES;
    if (hour === null || startMin !== hourMin) {
      await finish();
      hourMin = startMin;
      hour = { places: [], counts: new Map(), isWhole: record.minutes === HOUR_MINUTES };
    } else {
      hour.isWhole = false;
    }
    hour.places.push(place);
    for (const [number, lines] of record.counts) {
      hour.counts.set(number, getOrInsert(hour.counts, number, () => 0) + lines);
    }
  }
  await finish();
  if (operations.length > 0) await store.batch(operations, { sync: false });
}

/** The new part has the number of one that it replaces: no other ever has it. */
function hourOperations(stream: number, startMin: number, hour: Hour): BatchOperation[] {
  const { places, counts } = hour;
  const part = Math.max(...places.map((place) => place.part));
  return [
    ...places.map((place) => del(historyKey(place))),
    put(historyKey({ stream, startMin, part }), encodeHistory({ minutes: HOUR_MINUTES, counts })),
  ];
}

async function hasHistory(store: KeyValueStore, { number }: CountedStream): Promise<boolean> {
  for await (const _ of store.entries({ ...historyRange(number, 0, 2 ** 32 - 1), limit: 1 })) {
    return true;
  }
  return false;
}
