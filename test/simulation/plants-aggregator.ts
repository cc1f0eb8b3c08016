import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { AlertTable } from "../../aggregator/notify/alerts.ts";
import { GroupRows } from "../../aggregator/series/group-rows.ts";
import { Recovery } from "../../aggregator/series/recovery.ts";
import { SeriesIndex } from "../../aggregator/series/series-index.ts";
import { SeriesStore } from "../../aggregator/series/series-store.ts";
import { Stream } from "../../aggregator/series/stream.ts";
import { StreamTable } from "../../aggregator/series/stream-table.ts";
import { readFrameHeader, StreamDecoder } from "../../shared/wire/frame-decoder.ts";
import { inMethod, type Plant } from "./plant.ts";
import { replaced } from "./replaced.ts";

export const AGGREGATOR_PLANTS = {
  /** A frame that is there already is appended once more. */
  "no-dedup": {
    install: () => {
      const streams = new Map<string, Stream>();
      const find = replaced(StreamTable.prototype, "find", (own, _table, node, streamId) => {
        const stream = own(node, streamId);
        if (stream !== undefined) streams.set(`${node} ${streamId}`, stream);
        return stream;
      });
      const commit = replaced(
        SeriesStore.prototype,
        "commit",
        async (own, _store, items, owner) => {
          const outcomes = await own(items, owner);
          for (const [index, item] of items.entries()) {
            if (item.kind !== "frame" || outcomes[index]?.kind !== "duplicate") continue;
            const { timeMs } = readFrameHeader(item.bytes);
            const stream = streams.get(`${item.node} ${item.streamId}`);
            for (const rows of stream?.rows.values() ?? []) rows.appendRow(timeMs, false);
          }
          return outcomes;
        },
      );
      return [find, commit];
    },
  },

  /** The cursor of a stream is written when a frame comes, not when it is safe. */
  "cursor-ahead-of-data": {
    install: () => {
      const cursors = new Map<string, number>();
      const commit = replaced(SeriesStore.prototype, "commit", (own, _store, items, owner) => {
        for (const item of items) {
          if (item.kind !== "frame") continue;
          const key = `${item.node} ${item.streamId}`;
          const { seq } = readFrameHeader(item.bytes);
          cursors.set(key, Math.max(seq, cursors.get(key) ?? 0));
        }
        return own(items, owner);
      });
      const position = replaced(
        SeriesStore.prototype,
        "position",
        (own, _store, node, streamId) => {
          const known = own(node, streamId);
          const cursor = cursors.get(`${node} ${streamId}`) ?? 0;
          return { ...known, lastSeq: Math.max(known.lastSeq, cursor) };
        },
      );
      return [commit, position];
    },
  },

  /** An agent that comes back is told that a table is known which came and was never safe. */
  "series-table-not-resent": {
    install: () => {
      const tables = new Map<string, { readonly epoch: number; readonly seriesKnown: number }>();
      const commit = replaced(SeriesStore.prototype, "commit", (own, _store, items, owner) => {
        for (const item of items) {
          if (item.kind !== "series") continue;
          const seriesKnown = (item.series.at(-1)?.id ?? -1) + 1;
          tables.set(`${item.node} ${item.streamId}`, { epoch: item.epoch, seriesKnown });
        }
        return own(items, owner);
      });
      const position = replaced(
        SeriesStore.prototype,
        "position",
        (own, _store, node, streamId) => {
          return { ...own(node, streamId), ...tables.get(`${node} ${streamId}`) };
        },
      );
      return [commit, position];
    },
  },

  /** Every ack is for one frame more. */
  "ack-off-by-one": inMethod(IngestService.prototype, "serve", (serve, _service, connection) => {
    const { peer, messages } = connection;
    return serve({
      ...{ peer, messages, close: (error) => connection.close(error) },
      send: (message) => {
        const seq = message.ack?.seq;
        return connection.send(typeof seq === "number" ? { ack: { seq: seq + 1 } } : message);
      },
    });
  }),

  /** Where a stream stood is forgotten when the aggregator starts anew; its samples are not. */
  "dedup-forgets-on-restart": {
    install: () => {
      const streams: Stream[] = [];
      const add = replaced(StreamTable.prototype, "add", (own, _table, stream) => {
        streams.push(stream);
        own(stream);
      });
      const recover = replaced(SeriesStore.prototype, "recover", async (own) => {
        streams.length = 0;
        await own();
        for (const stream of streams) {
          Object.assign(stream, { decoder: new StreamDecoder(), lastSeq: 0, timeEpoch: 0 });
        }
      });
      return [add, recover];
    },
  },

  /** Series that ended before a restart go on after it. */
  "ends-lost-in-recovery": duringRecovery(() => replaced(GroupRows.prototype, "end", () => {})),

  /** After a restart the last number of a series is given to the next new one. */
  "series-number-given-twice": duringRecovery(() =>
    replaced(SeriesIndex.prototype, "skipTo", (skipTo, _index, ref) => skipTo(ref - 1)),
  ),

  /** Of two frames in one commit the later goes first. */
  "batch-reordered": inMethod(SeriesStore.prototype, "commit", (commit, _store, items, owner) => {
    const [first, second] = items;
    const isMeant = items.length === 2 && first?.kind === "frame" && second?.kind === "frame";
    return commit(isMeant ? [second, first] : items, owner);
  }),

  /** The log is cut one frame behind what has become chunks. */
  "log-cut-too-far": inMethod(Stream.prototype, "mark", (mark, { marks }) => {
    const before = marks.length;
    mark();
    const last = marks.at(-1);
    if (marks.length > before && last !== undefined) {
      marks[marks.length - 1] = { ...last, seq: last.seq + 1 };
    }
  }),

  /** A reload takes the rules and leaves the routing of the start. */
  "reload-forgets-routing": {
    install: () => {
      const first = new WeakMap<AlertTable, Parameters<AlertTable["configure"]>[0]>();
      const configure = replaced(
        AlertTable.prototype,
        "configure",
        (own, table, config, ruleIds) => {
          if (!first.has(table)) first.set(table, config);
          return own(first.get(table) ?? null, ruleIds);
        },
      );
      return [configure];
    },
  },
} satisfies Record<string, Partial<Plant>>;

/** A bug that is there while a store is read at the start. */
function duringRecovery(change: () => () => void): Partial<Plant> {
  let undo: (() => void) | null = null;
  let recoveries = 0; // of two aggregators, perhaps; of one that crashed it never ends
  const end = () => {
    undo?.();
    undo = null;
  };
  const install = () => {
    recoveries = 0;
    const run = replaced(Recovery.prototype, "run", async (own, _recovery, nowMs) => {
      undo ??= change();
      recoveries += 1;
      try {
        await own(nowMs);
      } finally {
        recoveries -= 1;
        if (recoveries === 0) end();
      }
    });
    return [end, run];
  };
  return { install };
}
