import { SeriesStore } from "../../aggregator/series/series-store.ts";
import type { Stream } from "../../aggregator/series/stream.ts";
import { StreamTable } from "../../aggregator/series/stream-table.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { readFrameHeader } from "../../shared/wire/frame-decoder.ts";

/** Bugs that the simulation can be given, to see that it finds them. None of them is in a product. */
export const PLANT_NAMES = [
  "ack-before-commit",
  "no-dedup",
  "cursor-ahead-of-data",
  "lost-last-batch",
  "resolved-on-missing-data",
] as const;

export type PlantName = (typeof PLANT_NAMES)[number];

/** Where a planted bug takes hold. */
export type Plant = {
  /** The aggregator's store of that name, as the program gets it. */
  readonly store: (name: string, store: KeyValueStore) => KeyValueStore;
  /** What the alert rules say of missing data. */
  readonly noData: "keep" | "resolve";
  /** Changes the program for one run; the returned function changes it back. */
  readonly install: () => () => void;
};

const NONE: Plant = { store: (_name, store) => store, noData: "keep", install: () => () => {} };

export function plantOf(name: PlantName | null): Plant {
  switch (name) {
    case null:
      return NONE;
    case "ack-before-commit":
      return { ...NONE, store: (store, inner) => (store === "series" ? hasty(inner) : inner) };
    case "no-dedup":
      return { ...NONE, install: appendTwice };
    case "cursor-ahead-of-data":
      return { ...NONE, install: hurryCursor };
    case "lost-last-batch":
      return { ...NONE, store: (store, inner) => (store === "series" ? unsynced(inner) : inner) };
    case "resolved-on-missing-data":
      return { ...NONE, noData: "resolve" };
  }
}

/** A frame that is there already is appended once more. */
function appendTwice(): () => void {
  const { find } = StreamTable.prototype;
  const { commit } = SeriesStore.prototype;
  const streams = new Map<string, Stream>();
  StreamTable.prototype.find = function (node, streamId) {
    const stream = find.call(this, node, streamId);
    if (stream !== undefined) streams.set(`${node} ${streamId}`, stream);
    return stream;
  };
  SeriesStore.prototype.commit = async function (items) {
    const outcomes = await commit.call(this, items);
    for (const [index, item] of items.entries()) {
      if (item.kind !== "frame" || outcomes[index]?.kind !== "duplicate") continue;
      const { timeMs } = readFrameHeader(item.bytes);
      const stream = streams.get(`${item.node} ${item.streamId}`);
      for (const lane of stream?.lanes.values() ?? []) lane.appendRow(timeMs, false);
    }
    return outcomes;
  };
  return () => {
    StreamTable.prototype.find = find;
    SeriesStore.prototype.commit = commit;
  };
}

/** The cursor of a stream is written when a frame comes, not when it is safe. */
function hurryCursor(): () => void {
  const { commit, position } = SeriesStore.prototype;
  const cursors = new Map<string, number>();
  SeriesStore.prototype.commit = function (items) {
    for (const item of items) {
      if (item.kind !== "frame") continue;
      const key = `${item.node} ${item.streamId}`;
      const { seq } = readFrameHeader(item.bytes);
      cursors.set(key, Math.max(seq, cursors.get(key) ?? 0));
    }
    return commit.call(this, items);
  };
  SeriesStore.prototype.position = function (node, streamId) {
    const known = position.call(this, node, streamId);
    const cursor = cursors.get(`${node} ${streamId}`) ?? 0;
    return { ...known, lastSeq: Math.max(known.lastSeq, cursor) };
  };
  return () => {
    SeriesStore.prototype.commit = commit;
    SeriesStore.prototype.position = position;
  };
}

/** Says that a batch is on the disk when it is only on its way. */
function hasty(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: async (operations, options) => {
      void store.batch(operations, options).catch(() => undefined);
    },
  };
}

/** Leaves out the sync: the last batches are gone after a power cut. */
function unsynced(store: KeyValueStore): KeyValueStore {
  return {
    ...delegate(store),
    batch: (operations) => store.batch(operations, { sync: false }),
  };
}

function delegate(store: KeyValueStore): KeyValueStore {
  return {
    get: (key) => store.get(key),
    batch: (operations, options) => store.batch(operations, options),
    entries: (range) => store.entries(range),
    clear: (range) => store.clear(range),
    compact: (range) => store.compact(range),
    close: () => store.close(),
  };
}
