import { describe, expect, test } from "vitest";
import { seqOf } from "../../../shared/model/sequence.ts";
import type { EncodedFrame } from "../../../shared/wire/frame-encoder.ts";
import type { AgentMessage } from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { settle } from "../../support/fake-clock.ts";
import { hello, STREAM, table } from "../../support/ingest-messages.ts";
import { Aggregator, WINDOW, welcomed } from "./ingest-rig.ts";
import { DELAY_MS } from "./memory-ingest-store.ts";

describe("a stream", () => {
  test("is welcomed with what is safe of it and the window", async () => {
    const { aggregator, agent } = await welcomed();
    const nothing = { lastSeq: 0, epoch: 0, seriesKnown: 0, windowFrames: WINDOW };
    expect(agent.answers[0]?.welcome).toMatchObject(nothing);
    await aggregator.commit(agent, agent.frame(), agent.frame());
    expect(agent.acks()).toEqual([seqOf(1, 2)]);
    agent.connection.cut();
    await agent.served;
    const again = await aggregator.welcome();
    const safe = { lastSeq: seqOf(1, 2), epoch: 1, seriesKnown: 1 };
    expect(again.answers[0]?.welcome).toMatchObject(safe);
    expect(aggregator.events).toEqual([
      "connected web-1",
      "stored web-1",
      "stored web-1",
      "disconnected web-1",
      "connected web-1",
    ]);
  });

  test("is acked only when the store has it on the disk", async () => {
    const { aggregator, agent } = await welcomed();
    const release = aggregator.store.hang();
    await agent.sendFrames(agent.frame());
    await aggregator.clock.advance(60_000);
    expect(agent.acks()).toEqual([]);
    expect(aggregator.events).toEqual(["connected web-1"]);
    release();
    await settle();
    expect(agent.acks()).toEqual([seqOf(1, 1)]);
  });

  test("that sends again what is stored is acked and nothing is stored twice", async () => {
    const { aggregator, agent } = await welcomed();
    const frames = [agent.frame(), agent.frame(), agent.frame()];
    await aggregator.commit(agent, ...frames);
    await agent.send({ frames: { frame: frames.slice(1).map(({ bytes }) => bytes) } });
    await aggregator.clock.advance(DELAY_MS);
    expect(aggregator.store.seqsOf("web-1")).toEqual([1, 2, 3].map((count) => seqOf(1, count)));
    expect(agent.acks().at(-1)).toBe(seqOf(1, 3));
    expect(aggregator.events.filter((event) => event === "duplicate web-1")).toHaveLength(2);
  });

  test("hears of each frame that is refused before the ack that covers it", async () => {
    const { aggregator, agent } = await welcomed();
    const [first, , third, fourth, fifth] = Array.from({ length: 5 }, () => agent.frame());
    if (!first || !third || !fourth || !fifth) throw new Error("five frames");
    await agent.sendFrames(first);
    await agent.send({ frames: { frame: [third.bytes, fourth.bytes, fifth.bytes] } });
    await aggregator.clock.advance(DELAY_MS);
    const told = agent.answers.slice(1).map(({ ack, rejected }) => {
      return ack ? `ack ${ack.seq % 100}` : `${rejected?.reason} ${(rejected?.seq ?? 0) % 100}`;
    });
    const refused = "REJECT_REASON_NO_BASE";
    const at = (frame: EncodedFrame) => frame.seq % 100;
    expect(told).toEqual([
      `${refused} ${at(third)}`,
      `${refused} ${at(fourth)}`,
      `ack ${at(fifth)}`,
    ]);
    expect(aggregator.count("telltale_ingest_frames_missing_total")).toBe(3);
  });

  test("says goodbye after its last frame is acked", async () => {
    const { aggregator, agent } = await welcomed();
    await agent.sendFrames(agent.frame());
    await agent.send({ goodbye: { reason: "SIGTERM" } });
    await aggregator.clock.advance(DELAY_MS);
    await agent.served;
    expect(agent.acks()).toEqual([seqOf(1, 1)]);
    expect(agent.connection.closedWith).toBeNull();
    expect(aggregator.events.slice(-3)).toEqual([
      "stored web-1",
      "goodbye web-1",
      "disconnected web-1",
    ]);
  });
});

test("the agent is told how busy the aggregator is, with the welcome and with acks", async () => {
  const { aggregator, agent } = await welcomed();
  expect(agent.answers[0]?.welcome?.load).toBe(0);
  const release = aggregator.store.hang();
  await agent.sendFrames(agent.frame());
  await aggregator.clock.advance(10_000);
  const other = await aggregator.welcome("web-2");
  expect(other.answers[0]?.welcome?.load).toBeGreaterThan(600);
  release();
  await aggregator.clock.advance(10);
  expect(agent.answers.at(-1)?.ack?.load).toBeGreaterThan(600);
  await aggregator.clock.advance(30_000);
  await agent.sendFrames(agent.frame());
  await aggregator.clock.advance(10);
  expect(agent.answers.at(-1)?.ack?.load).toBeLessThan(50);
});

describe("a store that fails", () => {
  test("sends everyone who waits away, acks nothing, is logged once, and works again", async () => {
    const aggregator = new Aggregator();
    const one = await aggregator.welcome("one");
    const two = await aggregator.welcome("two");
    const idle = await aggregator.welcome("idle");
    aggregator.store.failures = 1;
    await one.sendFrames(one.frame());
    await aggregator.commit(two, two.frame());
    await Promise.all([one.served, two.served]);
    expect(one.refusal()).toBe(
      "UNAVAILABLE: The aggregator cannot write to its store at the moment",
    );
    expect([...one.acks(), ...two.acks()]).toEqual([]);
    expect(idle.connection.closedWith).toBeUndefined();
    expect(aggregator.logger.messages("error")).toHaveLength(1);
    await aggregator.commit(idle, idle.frame());
    expect(idle.acks()).toEqual([seqOf(1, 1)]);
  });
});

test("after a commit that failed nothing is taken that the same session sent behind it", async () => {
  const { aggregator, agent } = await welcomed();
  const release = aggregator.store.hang();
  await aggregator.commit(agent, agent.frame());
  await agent.sendFrames(agent.frame(), agent.frame());
  await settle();
  aggregator.store.failures = 1;
  release();
  await aggregator.clock.advance(1000);
  expect(aggregator.store.commits).toEqual([]);
  expect(agent.refusal()).toContain("UNAVAILABLE");
});

test("a message that only a newer agent knows is left out", async () => {
  const { aggregator, agent } = await welcomed();
  await agent.send({}); // what a field that is not known comes to
  await aggregator.commit(agent, agent.frame());
  expect(agent.acks()).toEqual([seqOf(1, 1)]);
});

describe("two connections of one node", () => {
  test("with the same buffer: the newer one takes over, after the last commit of the old", async () => {
    const aggregator = new Aggregator();
    const old = await aggregator.welcome();
    const release = aggregator.store.hang();
    await aggregator.commit(old, old.frame());
    await old.sendFrames(old.frame()); // never gets into a commit
    await settle();
    const next = aggregator.open("10.0.0.1:6");
    await next.send({ hello: hello() });
    await aggregator.clock.advance(1000);
    expect(old.refusal()).toContain("A newer connection from 10.0.0.1:6 took over");
    expect(next.answers).toEqual([]);
    release();
    await aggregator.clock.advance(10);
    expect(next.answers[0]?.welcome?.lastSeq).toBe(seqOf(1, 1));
    expect(aggregator.store.seqsOf("web-1")).toEqual([seqOf(1, 1)]);
    expect(aggregator.events).toEqual([
      "connected web-1",
      "stored web-1",
      "disconnected web-1",
      "connected web-1",
    ]);
  });

  test("with another buffer: the second is refused and the first is not disturbed", async () => {
    const aggregator = new Aggregator();
    const first = await aggregator.welcome("web-1", STREAM, "10.0.0.1:5");
    for (const peer of ["10.0.0.2:7", "10.0.0.2:8"]) {
      const second = aggregator.open(peer);
      await second.send({ hello: hello({ streamId: "f".repeat(32) }) });
      await second.served;
      expect(second.refusal()).toContain(
        'IN_USE: Node "web-1" is already connected from 10.0.0.1:5 with another buffer',
      );
    }
    expect(aggregator.logger.messages("warn")).toHaveLength(1);
    await aggregator.commit(first, first.frame());
    expect(first.acks()).toEqual([seqOf(1, 1)]);
    first.connection.cut();
    await first.served;
    await aggregator.welcome("web-1", "f".repeat(32));
  });
});

describe("an agent that does not keep to the protocol", () => {
  const good = { id: 0, group: 0, scale: 0, labels: ["__name__", "a"] };
  const labelled = (labels: string[]) => table(1, [{ ...good, labels }]);
  test.each<[string, AgentMessage, string]>([
    ["a second hello", { hello: hello() }, "PROTOCOL: Node web-1 at 10.0.0.1:5 sends something"],
    [
      "an id that does not follow",
      table(1, [{ ...good, id: 1 }]),
      "PROTOCOL: Node web-1: Series 1 of epoch 1 where 0",
    ],
    ["an epoch 0", table(0, [good]), "PROTOCOL: Node web-1: Series of epoch 0"],
    [
      "an epoch beyond the sequences",
      table(2 ** 21, [good]),
      "PROTOCOL: Node web-1: Series of epoch 2097152",
    ],
    ["an empty table", table(1, []), "LIMIT: A table of 0 series"],
    [
      "a group too high",
      table(1, [{ ...good, group: 65_536 }]),
      "PROTOCOL: Series 0 has group 65536",
    ],
    ["a scale too low", table(1, [{ ...good, scale: -2 }]), "PROTOCOL: Series 0 has scale -2"],
    ["a label without value", labelled(["a"]), "PROTOCOL: Series 0 has a"],
    [
      "labels out of order",
      labelled(["b", "1", "__name__", "x"]),
      'PROTOCOL: Series 0 has label "__name__" out of order',
    ],
    [
      "a label twice",
      labelled(["__name__", "x", "__name__", "y"]),
      'PROTOCOL: Series 0 has label "__name__" out of order',
    ],
    [
      "an empty value",
      labelled(["__name__", "x", "b", ""]),
      'PROTOCOL: Series 0 has no value for label "b"',
    ],
    ["a NUL", labelled(["__name__", "x\u0000y"]), "PROTOCOL: Series 0 has a NUL"],
    ["no name", labelled(["b", "1"]), "PROTOCOL: Series 0 has no metric"],
    ["a value too long", labelled(["__name__", "x".repeat(4097)]), "LIMIT: Series 0: label"],
    [
      "too many labels",
      labelled(Array.from({ length: 130 }, (_, i) => `a${i}`)),
      "LIMIT: Series 0 has 65 labels",
    ],
    [
      "more frames than its window",
      { frames: { frame: Array.from({ length: WINDOW + 1 }, () => new Uint8Array(9)) } },
      "PROTOCOL: Node web-1 at 10.0.0.1:5 has 9 frames in flight, its window is 8",
    ],
    [
      "a frame that is too large",
      { frames: { frame: [new Uint8Array(2 * 1024 * 1024 + 1)] } },
      "LIMIT: Node web-1 sends a frame of 2097153 bytes",
    ],
    [
      "a frame that is none",
      { frames: { frame: [new Uint8Array(9)] } },
      "PROTOCOL: Node web-1: fails its checksum",
    ],
  ])("is told what is wrong and sent away: %s", async (_what, message, expected) => {
    const aggregator = new Aggregator();
    const other = await aggregator.welcome("other");
    const agent = await aggregator.welcome();
    await agent.send(message);
    await aggregator.clock.advance(DELAY_MS);
    await agent.served;
    expect(agent.refusal()).toContain(expected);
    expect(aggregator.events.at(-1)).toBe("disconnected web-1");
    await aggregator.commit(other, other.frame());
    expect(other.acks()).toEqual([seqOf(1, 1)]);
  });

  test.each<[string, Partial<ReturnType<typeof hello>>, string]>([
    [
      "an unknown version",
      { protocolVersion: 3 },
      "speaks protocol version 3, this aggregator version 2",
    ],
    [
      "a kind that is not taken",
      { kind: "KIND_UNSPECIFIED" },
      "wants to send KIND_UNSPECIFIED, which is not taken here",
    ],
    ["no node name", { node: "" }, "has a node name of 0 bytes"],
    ["a long node name", { node: "x".repeat(254) }, "has a node name of 254 bytes"],
    ["a node name with a line break", { node: "a\nb" }, "has a node name of 3 bytes"],
    ["a node name that turns the text", { node: "a\u202eb" }, "has a node name of 5 bytes"],
    ["a stream id that is none", { streamId: "../../etc" }, 'has the stream id "../../etc"'],
    ["a version that is none", { agentVersion: "\u001b[31m" }, "has an agent version"],
    ["no interval", { intervalMs: 0 }, "has an interval of 0 ms"],
  ])("a hello with %s is refused", async (_what, fields, expected) => {
    const aggregator = new Aggregator();
    const agent = aggregator.open();
    await agent.send({ hello: hello(fields) });
    await agent.served;
    expect(agent.refusal()).toContain(`PROTOCOL: Agent at 10.0.0.1:5 ${expected}`);
    expect(aggregator.events).toEqual([]);
  });

  test("who says nothing is sent away after a while, who begins otherwise at once", async () => {
    const aggregator = new Aggregator();
    const silent = aggregator.open();
    const other = aggregator.open();
    await other.send({ goodbye: { reason: "" } });
    await aggregator.clock.advance(4999);
    expect(other.refusal()).toContain("PROTOCOL");
    expect(silent.connection.closedWith).toBeUndefined();
    await aggregator.clock.advance(1);
    await silent.served;
    expect(silent.refusal()).toContain("UNAVAILABLE: 10.0.0.1:5 said no hello in time");
  });

  test("who reads no acks is cut off at its window", async () => {
    const { aggregator, agent } = await welcomed();
    agent.connection.isStuck = true;
    for (let i = 0; i < 2 * WINDOW; i += 1) {
      await agent.sendFrames(agent.frame()).catch(() => {}); // it may be gone by then
      await aggregator.clock.advance(DELAY_MS);
    }
    await agent.served;
    expect(agent.refusal()).toContain("frames in flight, its window is 8");
  });

  test("who has frames in an unfinished commit may send only the rest of its window", async () => {
    const { aggregator, agent } = await welcomed();
    const frames = Array.from({ length: 15 }, () => agent.frame());
    const release = aggregator.store.hang();
    await aggregator.commit(agent, ...frames.slice(0, 6));
    await agent.sendFrames(...frames.slice(6, 8));
    await settle();
    release();
    aggregator.store.hang();
    await settle();
    expect(agent.acks()).toEqual([seqOf(1, 6)]);
    await agent.sendFrames(...frames.slice(8, 14));
    await settle();
    expect(agent.connection.closedWith).toBeUndefined();
    await agent.sendFrames(...frames.slice(14));
    await settle();
    expect(agent.refusal()).toContain("has 9 frames in flight");
  });

  test("a node that the fleet has no place for is refused", async () => {
    const aggregator = new Aggregator();
    aggregator.isNodeRefused = true;
    const agent = aggregator.open();
    await agent.send({ hello: hello() });
    await agent.served;
    expect(agent.refusal()).toBe("LIMIT: too many nodes");
    expect(aggregator.events).toEqual([]);
  });
});

describe("an aggregator that stops", () => {
  test("sends its agents away and waits for the commit that runs", async () => {
    const { aggregator, agent } = await welcomed();
    const silent = aggregator.open();
    const release = aggregator.store.hang();
    await aggregator.commit(agent, agent.frame());
    let isStopped = false;
    const stopped = aggregator.service[Symbol.asyncDispose]().then(() => {
      isStopped = true;
    });
    await settle();
    expect(isStopped).toBe(false);
    expect(agent.refusal()).toBe("UNAVAILABLE: The aggregator stops");
    release();
    await stopped;
    await silent.served;
    expect(aggregator.store.seqsOf("web-1")).toHaveLength(1);
    const late = aggregator.open();
    await late.served;
    expect(late.refusal()).toBe("UNAVAILABLE: The aggregator stops");
  });
});

describe("what an agent reports", () => {
  const accounting = (fields = {}) => ({
    made: 3,
    stored: 2,
    waiting: 1,
    dropped: [],
    settledSeq: seqOf(1, 2),
    isShared: false,
    ...fields,
  });

  test("of its accounts is passed on with what was stored at the ack that they are as of", async () => {
    const { aggregator, agent } = await welcomed();
    expect(agent.answers[0]?.welcome).toMatchObject({ lastSeq: 0, refused: [] });
    await agent.send({ accounting: accounting({ stored: 0, waiting: 3, settledSeq: 0 }) });
    await aggregator.commit(agent, agent.frame(), agent.frame());
    await aggregator.commit(agent, agent.frame());
    await agent.send({ accounting: accounting() });
    await settle();
    expect(aggregator.reports).toMatchObject([
      { framesStored: 0, isNewHere: true },
      { framesStored: 2, isNewHere: false, reported: { stored: 2 } },
    ]);
  });

  test("of what it dropped and of its clock is passed on, and its probe is answered", async () => {
    const { aggregator, agent } = await welcomed();
    const range = { id: 1, fromSeq: 5, toSeq: 9, fromMs: 1, toMs: 2, reason: "disk_full" };
    await agent.send({ dropped: { range: [{ ...range, frames: 5, samples: 50 }] } });
    await agent.send({ clockProbe: { id: 4, isMeasured: false } });
    await settle();
    await agent.send({ clockProbe: { id: 5, aheadUsec: -2500, isMeasured: true } });
    await settle();
    expect(aggregator.events).toEqual(["connected web-1", "1 ranges web-1", "clock -2.5 web-1"]);
    const sentUsec = aggregator.clock.nowMs() * 1000;
    expect(agent.answers.slice(1).map(({ clockAnswer }) => clockAnswer)).toEqual([
      { id: 4, receivedUsec: sentUsec, sentUsec },
      { id: 5, receivedUsec: sentUsec, sentUsec },
    ]);
  });

  const range = { id: 1, fromSeq: 5, toSeq: 9, reason: "x" };
  test.each<[string, AgentMessage]>([
    ["frames that do not add up", { accounting: accounting({ made: 9 }) }],
    ["a count beyond all counts", { accounting: accounting({ made: 2 ** 60, stored: 2 ** 60 }) }],
    [
      "a reason that is none",
      { accounting: accounting({ made: 4, dropped: [{ reason: "<b>", frames: 1, samples: 0 }] }) },
    ],
    [
      "more reasons than there can be",
      { accounting: accounting({ dropped: new Array(65).fill({ reason: "a", frames: 0 }) }) },
    ],
    ["a range that ends before it begins", { dropped: { range: [{ ...range, toSeq: 4 }] } }],
    ["too many ranges", { dropped: { range: new Array(101).fill(range) } }],
    ["a clock of another era", { clockProbe: { id: 1, aheadUsec: 2 ** 62, isMeasured: true } }],
  ])("is refused where it is %s", async (_what, message) => {
    const { aggregator, agent } = await welcomed();
    await agent.send(message);
    await agent.served;
    expect(agent.refusal()).toMatch(/^PROTOCOL: It reports /);
    expect(aggregator.reports).toEqual([]);
  });
});
