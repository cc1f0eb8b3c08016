import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { AlertTable } from "../../aggregator/notify/alerts.ts";
import { GroupRows } from "../../aggregator/series/group-rows.ts";
import { Recovery } from "../../aggregator/series/recovery.ts";
import { SeriesIndex } from "../../aggregator/series/series-index.ts";
import { SeriesStore } from "../../aggregator/series/series-store.ts";
import { Stream } from "../../aggregator/series/stream.ts";
import { StreamTable } from "../../aggregator/series/stream-table.ts";
import { readFrameHeader, StreamDecoder } from "../../shared/wire/frame-decoder.ts";

/** A frame that is there already is appended once more. */
export function appendTwice(): () => void {
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
      for (const rows of stream?.rows.values() ?? []) rows.appendRow(timeMs, false);
    }
    return outcomes;
  };
  return () => {
    StreamTable.prototype.find = find;
    SeriesStore.prototype.commit = commit;
  };
}

/** The cursor of a stream is written when a frame comes, not when it is safe. */
export function hurryCursor(): () => void {
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

/** An agent that comes back is told that a table is known which came and was never safe. */
export function hurryTable(): () => void {
  const { commit, position } = SeriesStore.prototype;
  const tables = new Map<string, { readonly epoch: number; readonly seriesKnown: number }>();
  SeriesStore.prototype.commit = function (items) {
    for (const item of items) {
      if (item.kind !== "series") continue;
      const seriesKnown = (item.series.at(-1)?.id ?? -1) + 1;
      tables.set(`${item.node} ${item.streamId}`, { epoch: item.epoch, seriesKnown });
    }
    return commit.call(this, items);
  };
  SeriesStore.prototype.position = function (node, streamId) {
    const known = position.call(this, node, streamId);
    return { ...known, ...tables.get(`${node} ${streamId}`) };
  };
  return () => {
    SeriesStore.prototype.commit = commit;
    SeriesStore.prototype.position = position;
  };
}

/** Every ack is for one frame more. */
export function ackOneMore(): () => void {
  const { serve } = IngestService.prototype;
  IngestService.prototype.serve = function (connection) {
    const send: typeof connection.send = (message) => {
      const { ack } = message;
      const seq = ack?.seq;
      return connection.send(typeof seq === "number" ? { ack: { seq: seq + 1 } } : message);
    };
    const { peer, messages } = connection;
    const close: typeof connection.close = (error) => connection.close(error);
    return serve.call(this, { peer, messages, send, close });
  };
  return () => {
    IngestService.prototype.serve = serve;
  };
}

/** Where a stream stood is forgotten when the aggregator starts anew; its samples are not. */
export function forgetStreams(): () => void {
  const { recover } = SeriesStore.prototype;
  const { add } = StreamTable.prototype;
  const streams: Stream[] = [];
  StreamTable.prototype.add = function (stream) {
    streams.push(stream);
    add.call(this, stream);
  };
  SeriesStore.prototype.recover = async function () {
    streams.length = 0;
    await recover.call(this);
    for (const stream of streams) {
      Object.assign(stream, { decoder: new StreamDecoder(), lastSeq: 0, timeEpoch: 0 });
    }
  };
  return () => {
    SeriesStore.prototype.recover = recover;
    StreamTable.prototype.add = add;
  };
}

/** Runs `change` while a store is read at the start, and what it returns afterwards. */
function duringRecovery(change: () => () => void): () => void {
  const { run } = Recovery.prototype;
  let undo: (() => void) | null = null;
  let recoveries = 0; // of two aggregators, perhaps; of one that crashed it never ends
  const end = () => {
    undo?.();
    undo = null;
  };
  Recovery.prototype.run = async function (nowMs) {
    undo ??= change();
    recoveries += 1;
    try {
      await run.call(this, nowMs);
    } finally {
      recoveries -= 1;
      if (recoveries === 0) end();
    }
  };
  return () => {
    end();
    Recovery.prototype.run = run;
  };
}

/** Series that ended before a restart go on after it. */
export function loseEndsInRecovery(): () => void {
  return duringRecovery(() => {
    const { end } = GroupRows.prototype;
    GroupRows.prototype.end = () => {};
    return () => {
      GroupRows.prototype.end = end;
    };
  });
}

/** After a restart the last number of a series is given to the next new one. */
export function giveRefsTwice(): () => void {
  return duringRecovery(() => {
    const { skipTo } = SeriesIndex.prototype;
    SeriesIndex.prototype.skipTo = function (ref) {
      skipTo.call(this, ref - 1);
    };
    return () => {
      SeriesIndex.prototype.skipTo = skipTo;
    };
  });
}

/** Of two frames in one commit the later goes first. */
export function swapItems(): () => void {
  const { commit } = SeriesStore.prototype;
  SeriesStore.prototype.commit = function (items) {
    const [first, second] = items;
    const isMeant = items.length === 2 && first?.kind === "frame" && second?.kind === "frame";
    return commit.call(this, isMeant ? [second, first] : items);
  };
  return () => {
    SeriesStore.prototype.commit = commit;
  };
}

/** The log is cut one frame behind what has become chunks. */
export function cutOneTooMany(): () => void {
  const { mark } = Stream.prototype;
  Stream.prototype.mark = function () {
    const before = this.marks.length;
    mark.call(this);
    const last = this.marks.at(-1);
    if (this.marks.length > before && last !== undefined) {
      this.marks[this.marks.length - 1] = { ...last, seq: last.seq + 1 };
    }
  };
  return () => {
    Stream.prototype.mark = mark;
  };
}

/** A reload takes the rules and leaves the routing of the start. */
export function forgetRouting(): () => void {
  const { configure } = AlertTable.prototype;
  const first = new WeakMap<AlertTable, Parameters<typeof configure>[0]>();
  AlertTable.prototype.configure = function (config, ruleIds) {
    if (!first.has(this)) first.set(this, config);
    return configure.call(this, first.get(this) ?? null, ruleIds);
  };
  return () => {
    AlertTable.prototype.configure = configure;
  };
}
