import { describe, expect, test } from "vitest";
import { definitionKey } from "../../../agent/frames/definitions.ts";
import { isForeign } from "../../../agent/uplink/greeting.ts";
import { seriesTables, TABLE_BYTES_MAX } from "../../../agent/uplink/metrics-kind.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import type { AgentMessage__Output } from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { AgentConnection } from "../../../shared/wire/ingest-connection.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { BufferRig, seqs } from "../buffer/buffer-rig.ts";
import { MemoryConnection } from "../ingest/memory-connection.ts";
import { MemoryIngestStore } from "../ingest/memory-ingest-store.ts";
import { serviceOn, UplinkRun } from "./uplink-rig.ts";

/** An agent's buffer and uplink; each connection goes to `serve`. */
class Link {
  readonly rig: BufferRig;
  readonly connections: MemoryConnection[] = [];
  isDown = false;
  run = undefined as unknown as UplinkRun; // `start` sets it
  readonly #serve: (connection: MemoryConnection) => void;

  constructor(rig: BufferRig, serve: (connection: MemoryConnection) => void) {
    this.rig = rig;
    this.#serve = serve;
  }

  start(): void {
    const connect = () => this.#connect();
    this.run = new UplinkRun(this.rig, [
      { name: "a:7070", connect, probe: async () => !this.isDown },
    ]);
  }

  async startFor(ms: number): Promise<void> {
    this.start();
    await this.rig.clock.advance(ms);
  }

  get last(): MemoryConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error("never connected");
    return connection;
  }

  metric(name: string): number {
    return metricTotal(this.run.metrics, name);
  }

  async #connect(): Promise<AgentConnection> {
    if (this.isDown) throw new OperationalError("UNAVAILABLE", "connection refused");
    const connection = new MemoryConnection(`agent:${this.connections.length}`);
    this.connections.push(connection);
    this.#serve(connection);
    return connection.agent;
  }
}

/** With a real ingest service at the other end. */
async function joined(seed = 1) {
  const rig = await BufferRig.open({}, seed);
  const store = new MemoryIngestStore(rig.clock, new MemoryLogger());
  const service = serviceOn(store, rig);
  const link = new Link(rig, (connection) => void service.serve(connection.aggregator));
  return { link, store, rig };
}

/** With a script at the other end: what the agent says gathers in `heard`. */
async function scripted(welcome: Partial<NonNullable<AggregatorMessage["welcome"]>> = {}) {
  const rig = await BufferRig.open();
  const heard: AgentMessage__Output[] = [];
  const listen = async ({ aggregator }: MemoryConnection) => {
    for await (const message of aggregator.messages) {
      heard.push(message);
      if (!message.hello) continue;
      await aggregator.send({
        welcome: { lastSeq: 0, epoch: 0, seriesKnown: 0, windowFrames: 4, ...welcome },
      });
    }
    aggregator.close();
  };
  const link = new Link(rig, (connection) => {
    listen(connection).catch(() => {}); // the agent went away
  });
  const say = (message: AggregatorMessage) => link.last.aggregator.send(message);
  return { link, rig, heard, say };
}

/** What was said beside reports. */
/** Said beside the content. */
const REPORTS: ReadonlySet<string> = new Set(["accounting", "clockProbe", "targets"]);
const contentOf = (heard: readonly AgentMessage__Output[]) =>
  heard.map(({ message }) => message).filter((one) => !REPORTS.has(one ?? ""));
const framesIn = (heard: readonly AgentMessage__Output[]) =>
  heard.reduce((sum, { frames }) => sum + (frames?.frame.length ?? 0), 0);

describe("an uplink", () => {
  test("brings what waits and what comes, in order, once, and frees the buffer", async () => {
    const { link, store, rig } = await joined();
    await rig.append(40); // more than a window
    await link.startFor(100);
    expect(store.seqsOf("web-1")).toEqual(Array.from({ length: 40 }, (_, i) => seqOf(1, i + 1)));
    await rig.append(1);
    await rig.clock.advance(4);
    expect(store.seqsOf("web-1")).toHaveLength(41);
    expect(rig.books()).toEqual({ made: 41, stored: 41, waiting: 0, dropped: 0 });
    expect(link.metric("telltale_agent_uplink_connected")).toBe(1);
    expect(rig.logger.messages()).toEqual(["connected to the aggregator"]);
  });

  test("serves an aggregator that lost everything from its oldest keyframe", async () => {
    const { link, store, rig } = await joined();
    await rig.append(6);
    await link.startFor(100);
    store.forget();
    link.last.cut();
    await rig.append(1);
    await rig.clock.advance(1000);
    expect(store.seqsOf("web-1").slice(6)).toEqual([5, 6, 7].map((count) => seqOf(1, count)));
    expect(rig.books()).toEqual({ made: 7, stored: 7, waiting: 0, dropped: 0 });
  });

  test("counts what the aggregator refuses and does not send it again", async () => {
    const { link, store, rig } = await joined();
    const frames = await rig.append(4);
    store.futureMs = frames[1]?.timeMs ?? 0;
    await link.startFor(1000);
    expect(rig.books()).toEqual({ made: 4, stored: 2, waiting: 0, dropped: 2 });
    expect(rig.dropped()).toEqual({ future: 2 });
    expect(rig.logger.messages("warn")).toEqual(["the aggregator rejects a frame"]);
  });

  test("drops frames whose definitions are damaged, counted, and brings those after", async () => {
    const { link, store, rig } = await joined();
    await rig.append(3);
    await rig.store.batch([{ type: "del", key: definitionKey(1, 1) }], { sync: true });
    rig.beginEpoch();
    await rig.append(2);
    await link.startFor(1000);
    expect(store.seqsOf("web-1")).toEqual([seqOf(2, 1), seqOf(2, 2)]);
    expect(rig.books()).toEqual({ made: 5, stored: 2, waiting: 0, dropped: 3 });
  });

  test("under a disk that went back in time goes on as a new stream and loses nothing", async () => {
    const { link, store, rig } = await joined();
    await rig.append(3);
    const backup = rig.disk.durableCopy();
    await rig.restart();
    await rig.append(5); // epoch 2: sent, then forgotten with the disk
    await link.startFor(100);
    link.run.stop.abort();
    await rig.clock.advance(3000);
    await link.run.done;

    const other = await BufferRig.open({}, 2, backup); // epoch 2 again
    await other.append(7);
    store.restart(other.clock);
    const service = serviceOn(store, other);
    const again = new Link(other, (connection) => void service.serve(connection.aggregator));
    again.start();
    await other.clock.advance(5000);
    const streams = [...store.stored.values()];
    expect(streams.map((stored) => stored.length)).toEqual([8, 7]);
    expect(other.books()).toEqual({ made: 10, stored: 10, waiting: 0, dropped: 0 });
  });
});

describe("reports", () => {
  const books = (heard: readonly AgentMessage__Output[]) =>
    heard.flatMap(({ accounting }) => (accounting ? [accounting] : []));

  test("of the books come first, every ten seconds, after a drop, and when nothing waits any more", async () => {
    const { link, rig, heard, say } = await scripted();
    await rig.append(3);
    await link.startFor(100);
    expect(Object.keys(heard[1] ?? {})[0]).toBe("accounting");
    expect(books(heard)).toMatchObject([{ made: 3, stored: 0, waiting: 3, settledSeq: 0 }]);
    await say({ ack: { seq: seqOf(1, 1) } });
    await rig.clock.advance(100);
    expect(books(heard)).toHaveLength(1);
    await say({ rejected: { seq: seqOf(1, 2), reason: "REJECT_REASON_FUTURE" } });
    await say({ ack: { seq: seqOf(1, 2) } });
    await rig.clock.advance(100);
    const dropped = [{ reason: "future", frames: 1 }];
    expect(books(heard)[1]).toMatchObject({ made: 3, stored: 1, waiting: 1, dropped });
    await rig.clock.advance(9000);
    await say({ ack: { seq: seqOf(1, 3) } });
    await rig.clock.advance(100);
    expect(books(heard)).toHaveLength(3);
    expect(books(heard)[2]).toMatchObject({ made: 3, stored: 2, waiting: 0, dropped });
    await rig.clock.advance(10_000);
    await rig.append(1);
    await rig.clock.advance(10);
    await say({ ack: { seq: seqOf(1, 4) } });
    await rig.clock.advance(100);
    expect(books(heard)).toHaveLength(4);
    expect(books(heard)[3]).toMatchObject({ made: 4, stored: 3, waiting: 0, dropped });
  });

  test("of a refusal that got lost with its connection come with the next welcome", async () => {
    const refused = [
      { fromSeq: seqOf(1, 2), toSeq: seqOf(1, 3), reason: "REJECT_REASON_FUTURE" as const },
    ];
    const { link, rig } = await scripted({ lastSeq: seqOf(1, 5), refused });
    await rig.append(5);
    await rig.buffer.read(0, 5, 1_000_000); // sent by a session before
    await link.startFor(100);
    expect(rig.books()).toEqual({ made: 5, stored: 3, waiting: 0, dropped: 2 });
  });

  test("of a welcome that refuses everything there could be end", async () => {
    const refused = [{ fromSeq: 1, toSeq: 2 ** 52, reason: "REJECT_REASON_FUTURE" as const }];
    const { link, rig } = await scripted({ lastSeq: 0, refused });
    await rig.append(5);
    await link.startFor(100);
    expect(rig.books()).toEqual({ made: 5, stored: 0, waiting: 5, dropped: 0 });
  });

  test("of the clock are asked for again, and what comes of it is told", async () => {
    const { link, rig, heard, say } = await scripted({ nowMs: 1 });
    const probes = () => heard.flatMap(({ clockProbe }) => (clockProbe ? [clockProbe] : []));
    await rig.append(1);
    await link.startFor(1500);
    const receivedUsec = (rig.clock.nowMs() - 5000) * 1000;
    await say({ clockAnswer: { id: 1, receivedUsec, sentUsec: receivedUsec } });
    await say({ ack: { seq: seqOf(1, 1) } });
    await rig.clock.advance(10);
    expect(probes().map(({ id, isMeasured }) => ({ id, isMeasured }))).toEqual([
      { id: 1, isMeasured: true },
      { id: 2, isMeasured: true },
    ]);
    // The answer took a second and a half: it is known to be about five seconds, and how exactly.
    const { aheadUsec = 0, roundTripUsec = 0 } = probes()[1] ?? {};
    expect(Math.abs(aheadUsec - 5_000_000)).toBeLessThanOrEqual(roundTripUsec / 2);
    expect(link.metric("telltale_agent_clock_offset_seconds")).toBeCloseTo(aheadUsec / 1e6);
    await say({ clockAnswer: { id: 7, receivedUsec, sentUsec: receivedUsec } });
    await rig.clock.advance(10);
    expect(link.metric("telltale_agent_uplink_errors_total")).toBe(1);
  });
});

describe("a backlog", () => {
  test("of under a minute does not keep a fresh tick waiting for two seconds", async () => {
    const { link, store, rig } = await joined();
    link.isDown = true;
    link.start();
    await rig.append(59);
    link.isDown = false;
    while (store.seqsOf("web-1").length === 0) await rig.clock.advance(10);
    for (let tick = 60; tick < 70; tick += 1) {
      await rig.append(1);
      await rig.clock.advance(1000);
      expect(store.seqsOf("web-1")).toHaveLength(tick);
    }
  });
});

describe("the window", () => {
  test("is never exceeded, and acks open it again", async () => {
    const { link, rig, heard, say } = await scripted();
    await rig.append(10);
    await link.startFor(100);
    expect(framesIn(heard)).toBe(4);
    await say({ ack: { seq: seqOf(1, 3) } });
    await rig.clock.advance(100);
    expect(framesIn(heard)).toBe(7);
    expect(rig.buffer.ackedSeq).toBe(seqOf(1, 3));
  });

  test("frames are late whose ack takes more than half a second", async () => {
    const { link, rig, say } = await scripted();
    await rig.append(2);
    await link.startFor(300);
    await say({ ack: { seq: seqOf(1, 1) } });
    await rig.clock.advance(10);
    expect(link.metric("telltale_agent_uplink_late_acks_total")).toBe(0);
    await rig.append(2);
    await rig.clock.advance(400);
    await say({ ack: { seq: seqOf(1, 4) } });
    await rig.clock.advance(10);
    // The second was sent 700 ms ago, the two others 400 ms.
    expect(link.metric("telltale_agent_uplink_late_acks_total")).toBe(1);
    expect(link.metric("telltale_agent_uplink_ack_seconds")).toBeCloseTo(0.7, 1);
  });

  test("definitions go before the first frame that needs them, and only then", async () => {
    const { link, rig, heard, say } = await scripted();
    await rig.append(2);
    await rig.buffer.append(rig.frame(2));
    await link.startFor(100);
    await say({ ack: { seq: seqOf(1, 3) } });
    rig.beginEpoch();
    await rig.append(1);
    await rig.clock.advance(100);
    const order = heard.flatMap(({ hello, series, frames }) => {
      if (hello) return ["hello"];
      if (series) return [`series ${series.epoch}: ${series.series.map(({ id }) => id).join()}`];
      return frames ? [`frames ${frames.frame.length}`] : [];
    });
    expect(order).toEqual([
      "hello",
      "series 1: 0,1,2",
      "frames 2",
      "series 1: 3,4",
      "frames 1",
      "series 2: 0,1,2,3,4",
      "frames 1",
    ]);
  });

  test("what the aggregator knows already is not sent", async () => {
    const { link, rig, heard } = await scripted({ lastSeq: seqOf(1, 2), epoch: 1, seriesKnown: 3 });
    await rig.append(4);
    await rig.restart();
    await link.startFor(100);
    expect(contentOf(heard)).toEqual(["hello", "frames"]);
    expect(framesIn(heard)).toBe(2);
    expect(rig.books()).toEqual({ made: 4, stored: 2, waiting: 2, dropped: 0 });
  });
});

describe("an aggregator that does not keep to the protocol", () => {
  test.each<[string, AggregatorMessage]>([
    ["acks what was not sent", { ack: { seq: seqOf(1, 9) } }],
    ["acks beyond all numbers", { ack: { seq: "9223372036854775807" } }],
    ["rejects what is not in flight", { rejected: { seq: seqOf(1, 9) } }],
    ["welcomes twice", { welcome: { windowFrames: 1 } }],
    ["says nothing at all", {}],
  ])("loses the connection and no frame: it %s", async (_what, message) => {
    const { link, rig, say } = await scripted();
    await rig.append(3);
    await link.startFor(1);
    await say(message);
    await rig.clock.advance(1000);
    expect(link.connections.length).toBeGreaterThan(1);
    expect(rig.books()).toEqual({ made: 3, stored: 0, waiting: 3, dropped: 0 });
    expect(rig.logger.messages("warn")).toEqual([
      "the aggregator is away: frames wait in the buffer",
    ]);
    expect(rig.logger.lines[1]?.fields).toMatchObject({ code: "PROTOCOL" });
  });

  test.each([
    ["no window", { windowFrames: 0 }],
    ["a sequence that is none", { lastSeq: "18446744073709551615" }],
  ])("is left when its welcome has %s", async (_what, welcome) => {
    const { link, rig, heard } = await scripted(welcome);
    await rig.append(3);
    await link.startFor(1000);
    expect(framesIn(heard)).toBe(0);
    expect(rig.books().waiting).toBe(3);
  });
});

describe("an aggregator that is away", () => {
  test("is tried again with growing random waits, and told of once", async () => {
    const { link, rig, store } = await joined();
    link.isDown = true;
    await rig.append(2);
    await link.startFor(60_000);
    expect(rig.logger.messages("warn")).toHaveLength(1);
    expect(link.metric("telltale_agent_uplink_errors_total")).toBeGreaterThan(10);
    expect(link.metric("telltale_agent_uplink_errors_total")).toBeLessThan(60);
    link.isDown = false;
    await rig.clock.advance(6000);
    expect(store.seqsOf("web-1")).toHaveLength(2);
    expect(rig.logger.messages("warn")).toHaveLength(1);
    expect(rig.logger.messages("info")).toEqual(["connected to the aggregator"]);
  });

  test("is given up when it does not answer the hello", async () => {
    const rig = await BufferRig.open();
    const link = new Link(rig, () => {});
    await link.startFor(5000);
    expect(rig.logger.messages("warn")).toHaveLength(1);
    await rig.clock.advance(200);
    expect(link.connections).toHaveLength(2);
  });

  test("is given up when it acks nothing although frames are in flight", async () => {
    const { link, rig } = await scripted();
    await rig.append(1);
    await link.startFor(9_000);
    expect(link.connections).toHaveLength(1);
    await rig.clock.advance(4_000);
    expect(link.connections).toHaveLength(2);
    expect(rig.books().waiting).toBe(1);
  });

  test("does not lose an ack that the full disk cannot take: a later one settles it", async () => {
    const { link, rig, store } = await joined();
    await rig.append(6); // frame 5 is a keyframe: its ack removes the four before it
    rig.disk.isFull = true;
    await link.startFor(100);
    expect(store.seqsOf("web-1")).toHaveLength(6);
    expect(rig.books()).toEqual({ made: 6, stored: 0, waiting: 6, dropped: 0 });
    rig.disk.isFull = false;
    await rig.append(1);
    await rig.clock.advance(100);
    expect(rig.books()).toEqual({ made: 7, stored: 7, waiting: 0, dropped: 0 });
    expect(store.seqsOf("web-1")).toHaveLength(7);
  });
});

describe("an agent that stops", () => {
  test("brings what it has, waits for the acks, says goodbye and ends", async () => {
    const { link, store, rig } = await joined();
    await link.startFor(10);
    await rig.append(3);
    link.run.stop.abort();
    await rig.clock.advance(100);
    expect(link.run.isDone).toBe(true);
    expect(store.seqsOf("web-1")).toHaveLength(3);
    expect(rig.books()).toEqual({ made: 3, stored: 3, waiting: 0, dropped: 0 });
    expect(rig.logger.messages().at(-1)).toBe("said goodbye to the aggregator");
  });

  test("does not wait long for an aggregator that acks nothing, and still says goodbye", async () => {
    const { link, rig, heard } = await scripted();
    await rig.append(1);
    await link.startFor(10);
    link.run.stop.abort();
    await rig.clock.advance(1000);
    expect(heard.at(-1)?.message).toBe("goodbye");
    await rig.clock.advance(1000);
    expect(link.run.isDone).toBe(true);
    expect(rig.books().waiting).toBe(1);
  });

  test.each([
    ["connecting", 0],
    ["waiting for the next attempt", 2_000],
    ["waiting for a welcome", 0],
  ])("ends at once while it is %s", async (what, ms) => {
    const rig = await BufferRig.open();
    const link = new Link(rig, () => {});
    link.isDown = what !== "waiting for a welcome";
    link.start();
    await rig.clock.advance(ms);
    link.run.stop.abort();
    await settle();
    expect(link.run.isDone).toBe(true);
  });
});

test.each([
  [{ lastSeq: 0, epoch: 0, seriesKnown: 0 }, seqOf(3, 0), false],
  [{ lastSeq: seqOf(2, 9), epoch: 2, seriesKnown: 5 }, seqOf(3, 0), false],
  [{ lastSeq: seqOf(3, 1), epoch: 3, seriesKnown: 5 }, seqOf(3, 0), true],
  [{ lastSeq: seqOf(2, 9), epoch: 3, seriesKnown: 5 }, seqOf(3, 0), true], // only its series
  [{ lastSeq: seqOf(3, 2), epoch: 3, seriesKnown: 5 }, seqOf(3, 2), false],
  [{ lastSeq: seqOf(3, 3), epoch: 3, seriesKnown: 5 }, seqOf(3, 2), true],
  [{ lastSeq: seqOf(3, 2), epoch: 4, seriesKnown: 5 }, seqOf(3, 2), true],
])(
  "a welcome of %j when frames up to %d were sent: another life is %s",
  (welcome, handedOutSeq, expected) => {
    expect(isForeign(welcome, { handedOutSeq })).toBe(expected);
  },
);

test("series go in messages of a bounded size, none is left out", () => {
  const long = "x".repeat(4000);
  const definitions = Array.from({ length: 2500 }, (_, id) => {
    const labels = labelsOf({ __name__: "a", ...(id % 7 === 0 ? { long } : {}) });
    return { id, group: 0, scale: 0, labels };
  });
  const tables = seriesTables(definitions);
  expect(seqs(tables.flat().map(({ id }) => ({ seq: id })))).toEqual(
    definitions.map(({ id }) => id),
  );
  for (const table of tables) {
    expect(table.length).toBeLessThanOrEqual(1000);
    expect(JSON.stringify(table).length).toBeLessThan(TABLE_BYTES_MAX * 1.3);
  }
  expect(seriesTables([])).toEqual([]);
});
