import { del, type KeyValueStore } from "../../../shared/platform/ports.ts";
import { DAY_US, rangesOfDay, streamKey } from "./keys.ts";
import type { Stream, Streams } from "./streams.ts";

/**
 * Days to drop, the oldest first: those that ended before the retention, then as many as the bytes
 * need, but not the last one. Age counts from the newest line, if that is before the clock: a
 * clock that jumps ahead must not wipe the store.
 */
export function expiredDays(
  streams: Iterable<Stream>,
  nowUs: number,
  limits: { readonly retentionUs: number; readonly bytesMax: number },
): number[] {
  const bytesOf = new Map<number, number>();
  let newestUs = 0;
  for (const { blocks } of streams) {
    for (const { day, bytes, lastUs } of blocks) {
      bytesOf.set(day, (bytesOf.get(day) ?? 0) + bytes);
      newestUs = Math.max(newestUs, lastUs);
    }
  }
  const horizonUs = Math.min(nowUs, newestUs) - limits.retentionUs;
  const days = [...bytesOf.keys()].sort((a, b) => a - b);
  let left = [...bytesOf.values()].reduce((sum, bytes) => sum + bytes, 0);
  return days.filter((day, i) => {
    const isTooOld = (day + 1) * DAY_US <= horizonUs;
    const isTooMuch = left > limits.bytesMax && i < days.length - 1;
    if (!isTooOld && !isTooMuch) return false;
    left -= bytesOf.get(day) ?? 0;
    return true;
  });
}

/** @returns how many lines it had */
export async function forgetDay(
  store: KeyValueStore,
  streams: Streams,
  day: number,
): Promise<number> {
  let lines = 0;
  const empty: Stream[] = [];
  for (const stream of streams.all()) {
    for (const block of [...stream.blocks]) {
      if (block.day !== day) continue;
      stream.blocks.delete(block);
      lines += block.lineCount;
    }
    if (stream.blocks.size === 0) empty.push(stream);
  }
  for (const range of rangesOfDay(day)) {
    await store.clear(range);
    await store.compact(range);
  }
  for (const stream of empty) streams.remove(stream);
  await store.batch(
    empty.map(({ ref }) => del(streamKey(ref))),
    { sync: false },
  );
  return lines;
}
