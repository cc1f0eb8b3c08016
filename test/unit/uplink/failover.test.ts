import { describe, expect, test } from "vitest";
import type { ChoicePolicy } from "../../../agent/uplink/choose-state.ts";
import type { Destination } from "../../../agent/uplink/destinations.ts";
import type { IngestService } from "../../../aggregator/ingest/ingest-service.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { countOfSeq } from "../../../shared/model/sequence.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { BufferRig } from "../buffer/buffer-rig.ts";
import { MemoryConnection } from "../ingest/memory-connection.ts";
import { MemoryIngestStore } from "../ingest/memory-ingest-store.ts";
import { serviceOn, UplinkRun } from "./uplink-rig.ts";

/** One aggregator: a real ingest service over a store in memory, that can die or hang. */
class Aggregator {
  readonly name: string;
  readonly store: MemoryIngestStore;
  readonly events: string[] = [];
  readonly connections: MemoryConnection[] = [];
  readonly destination: Destination;
  probes = 0;
  isDown = false;
  isRefusing = false;
  #release: (() => void) | null = null;
  readonly #service: IngestService;

  constructor(name: string, rig: BufferRig) {
    this.name = name;
    this.store = new MemoryIngestStore(rig.clock, new MemoryLogger());
    this.#service = serviceOn(this.store, rig, {
      connected: () => {
        if (this.isRefusing) throw new OperationalError("LIMIT", "too many nodes");
        this.events.push("connected");
      },
      goodbye: () => this.events.push("goodbye"),
      disconnected: () => this.events.push("disconnected"),
    });
    this.destination = {
      name,
      connect: async () => this.#connect(),
      probe: async () => {
        this.probes += 1;
        return !this.isDown && this.#release === null;
      },
    };
  }

  /** Connections break, and no new one is taken until `start`. */
  die(): void {
    this.isDown = true;
    for (const connection of this.connections) connection.cut();
  }

  start(): void {
    this.isDown = false;
  }

  /** Takes everything, says nothing: to a frame, and to a hello. */
  hang(): void {
    const connection = this.connections.at(-1);
    if (connection !== undefined) connection.isStuck = true;
    this.#release = this.store.hang();
  }

  resume(): void {
    this.#release?.();
    this.#release = null;
  }

  /** Counts of the frames it stored, in order. */
  get counts(): number[] {
    return this.store.seqsOf("web-1").map(countOfSeq);
  }

  #connect() {
    if (this.isDown) throw new OperationalError("UNAVAILABLE", `${this.name}: connection refused`);
    const connection = new MemoryConnection("agent:1");
    connection.isStuck = this.#release !== null;
    this.connections.push(connection);
    void this.#service.serve(connection.aggregator);
    return connection.agent;
  }
}

class Fleet {
  readonly rig: BufferRig;
  readonly all: readonly Aggregator[];
  readonly run: UplinkRun;

  private constructor(rig: BufferRig, names: readonly string[], kind: ChoicePolicy["kind"]) {
    this.rig = rig;
    this.all = names.map((name) => new Aggregator(name, rig));
    const destinations = this.all.map(({ destination }) => destination);
    this.run = new UplinkRun(rig, destinations, kind);
  }

  static async start(
    names: string,
    kind: ChoicePolicy["kind"] = "pick_first",
    seed = 1,
  ): Promise<Fleet> {
    return new Fleet(await BufferRig.open({}, seed), [...names], kind);
  }

  /** As an agent does: a frame each second. */
  async live(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 1) {
      await this.rig.append(1);
      await this.rig.clock.advance(1000);
    }
  }

  get connected(): string[] {
    return this.#labelled("telltale_agent_uplink_destination_connected", "destination");
  }

  get failovers(): string[] {
    return this.#labelled("telltale_agent_uplink_failovers_total", "reason");
  }

  #labelled(name: string, label: string): string[] {
    return this.run.metrics
      .samples()
      .filter((sample) => sample.name === name && sample.value > 0)
      .map(({ labels }) => labels[labels.indexOf(label) + 1] ?? "");
  }
}

async function two() {
  const fleet = await Fleet.start("ab");
  const [a, b] = fleet.all as [Aggregator, Aggregator];
  return { fleet, a, b };
}

const fromTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** What each aggregator must be able to say: nothing twice, and in order. */
function expectOnceEach(fleet: Fleet): void {
  const stored = fleet.all.map(({ store }) => store.seqsOf("web-1"));
  for (const seqs of stored) expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  const { made, ...books } = fleet.rig.books();
  expect(books).toEqual({ stored: made, waiting: 0, dropped: 0 });
  expect(new Set(stored.flat()).size).toBe(made);
}

describe("an aggregator that fails, with another at hand", () => {
  test("by dying: the next frame goes to the other at once, from the last keyframe on", async () => {
    const { fleet, a, b } = await two();
    await fleet.live(10);
    expect(fleet.connected).toEqual(["a"]);
    a.die();
    await fleet.rig.append(1);
    await fleet.rig.clock.advance(200);
    expect(a.counts).toEqual(fromTo(1, 10));
    expect(b.counts).toEqual(fromTo(9, 11)); // every fourth is a keyframe
    expect(fleet.connected).toEqual(["b"]);
    expect(fleet.failovers).toEqual(["broken"]);
    expectOnceEach(fleet);
    expect(fleet.rig.logger.messages()).toEqual([
      "connected to the aggregator",
      "the aggregator is away: frames wait in the buffer",
      "connected to the aggregator",
    ]);
  });

  test("by falling silent: frames are at the other within 3 s of the silence", async () => {
    const { fleet, a, b } = await two();
    await fleet.live(10);
    a.hang();
    await fleet.live(3);
    expect(b.counts.at(-1)).toBe(13);
    expect(fleet.failovers).toEqual(["silent"]);
    a.resume(); // what it had taken it commits now: on both, and on each once
    await fleet.live(1);
    expectOnceEach(fleet);
  });

  test("by refusing: who is not taken there is served elsewhere", async () => {
    const { fleet, a, b } = await two();
    a.isRefusing = true;
    await fleet.live(1);
    expect(b.counts).toEqual([1]);
    expect(fleet.failovers).toEqual(["refused"]);
  });

  test("by not answering the hello: it is left after 1.5 s", async () => {
    const { fleet, a, b } = await two();
    a.hang();
    await fleet.live(2);
    expect(b.counts).toEqual([1, 2]);
    expect(fleet.failovers).toEqual(["silent"]);
  });

  test("without another at hand a silent one is given 10 s", async () => {
    const { fleet, a, b } = await two();
    b.die();
    a.die();
    await fleet.live(1);
    a.start();
    await fleet.live(8);
    expect(fleet.connected).toEqual(["a"]);
    const { length } = a.connections;
    a.hang();
    await fleet.live(9);
    expect(a.connections).toHaveLength(length);
    await fleet.live(5);
    expect(a.connections.length).toBeGreaterThan(length);
  });

  test("when all are away they are tried in turn, and each is told of once", async () => {
    const fleet = await Fleet.start("abc");
    for (const one of fleet.all) one.die();
    await fleet.live(60);
    expect(fleet.rig.logger.messages("warn")).toHaveLength(3);
    fleet.all[2]?.start();
    await fleet.live(6);
    expect(fleet.connected).toEqual(["c"]);
    expectOnceEach(fleet);
  });
});

describe("the preferred aggregator", () => {
  test("has the agent back when it has been well for a while, and the other is told goodbye", async () => {
    const { fleet, a, b } = await two();
    await fleet.live(10);
    a.die();
    await fleet.live(30);
    expect(a.probes).toBeGreaterThan(10);
    a.start();
    await fleet.live(4);
    expect(fleet.connected).toEqual(["b"]);
    await fleet.live(16);
    expect(fleet.connected).toEqual(["a"]);
    expect(fleet.failovers).toEqual(["broken", "preferred"]);
    expect(b.events).toEqual(["connected", "goodbye", "disconnected"]);
    expect(a.counts.length + b.counts.length).toBeLessThan(60 + 2 * 4);
    const probes = a.probes + b.probes;
    await fleet.live(20);
    expect(a.probes + b.probes).toBe(probes); // nobody is suspect
    expectOnceEach(fleet);
  });

  test("that answers now and then only does not have it back", async () => {
    const { fleet, a } = await two();
    await fleet.live(3);
    a.die();
    for (let i = 0; i < 20; i += 1) {
      await fleet.live(2);
      a.isDown = !a.isDown;
      await fleet.live(2);
      a.isDown = true;
    }
    expect(a.events.filter((event) => event === "connected")).toHaveLength(1);
    expectOnceEach(fleet);
  });

  test("under another policy there is none: the agent stays where it went", async () => {
    const fleet = await Fleet.start("ab", "round_robin");
    const [first] = fleet.all.filter(({ connections }) => connections.length > 0);
    await fleet.live(3);
    first?.die();
    await fleet.live(3);
    first?.start();
    await fleet.live(30);
    expect(fleet.connected).not.toContain(first?.name);
    expectOnceEach(fleet);
  });
});

test("an agent that has two and stops says goodbye and ends", async () => {
  const fleet = await Fleet.start("ab");
  await fleet.live(3);
  fleet.run.stop.abort();
  await fleet.rig.clock.advance(100);
  await fleet.run.done;
  expect(fleet.all[0]?.events.at(-1)).toBe("disconnected");
  expect(fleet.connected).toEqual([]);
});

test.each(Array.from({ length: 6 }, (_, i) => i + 1))(
  "nothing is lost and nothing is twice on any of three that come and go (seed %i)",
  async (seed) => {
    const kinds = ["pick_first", "round_robin", "random", "weighted"] as const;
    const fleet = await Fleet.start("abc", kinds[seed % 4], seed);
    const { random, clock } = fleet.rig;
    for (let i = 0; i < 60; i += 1) {
      const one = random.pick(fleet.all);
      const fate = random.next();
      if (fate < 0.2) one.die();
      else if (fate < 0.4) one.hang();
      if (random.chance(0.1)) fleet.rig.beginEpoch();
      await fleet.live(random.int(0, 4));
      await clock.advance(random.int(0, 400));
      if (random.chance(0.5)) one.start();
      one.resume();
    }
    for (const one of fleet.all) one.start();
    await fleet.live(30);
    for (const { counts } of fleet.all) expect(counts.length).toBeGreaterThan(0);
    expectOnceEach(fleet);
  },
);
