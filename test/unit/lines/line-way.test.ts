import { expect, test } from "vitest";
import { type LineQueue, openLineQueue } from "../../../agent/lines/line-queue.ts";
import { type LineLog, openLineLog } from "../../../aggregator/logs/line-log.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";

const LIMITS = {
  bytesMax: 2 ** 30,
  ageMaxMs: 2 ** 50,
  whenFull: "drop_oldest",
  freeBytesMin: 0,
} as const;
const CURSOR = "file 1";
const LABELS = labelsOf({ filename: "/var/log/a", job: "files" });

/** A node that reads numbered lines, and the aggregator that it hands them to; both may crash. */
class Way {
  readonly agentDisk = new MemoryDisk("agent");
  readonly hubDisk = new MemoryDisk("hub");
  readonly clock = new FakeClock();
  readonly random = new SeededRandom(7).next;
  queue = undefined as unknown as LineQueue; // `open` sets these
  log = undefined as unknown as LineLog;
  agentStore = undefined as unknown as MemoryStore;
  hubStore = undefined as unknown as MemoryStore;

  async openAgent(): Promise<void> {
    this.agentStore = new MemoryStore(this.agentDisk);
    this.queue = await openLineQueue(
      { ...this.#deps(), store: this.agentStore, freeBytes: async () => 2 ** 40 },
      LIMITS,
    );
  }

  async openHub(): Promise<void> {
    this.hubStore = new MemoryStore(this.hubDisk);
    this.log = await openLineLog({ ...this.#deps(), store: this.hubStore });
  }

  /** The line that the node would read next. */
  async next(): Promise<number> {
    const cursor = (await this.queue.cursors()).get(CURSOR);
    return cursor === undefined ? 0 : Number(Buffer.from(cursor).toString());
  }

  async append(count: number): Promise<void> {
    const from = await this.next();
    const lines = Array.from({ length: count }, (_, i) => ({
      labels: LABELS,
      timeUs: (from + i) * 1000,
      bytes: Buffer.from(`line ${from + i}`),
      isCut: false,
    }));
    await this.queue.append(lines, [{ key: CURSOR, value: Buffer.from(String(from + count)) }]);
  }

  /** As a session does: from where the hub stands or stood, then its ack. */
  async ship(): Promise<void> {
    const { queue, log } = this;
    const { lastSeq } = log.position("web-1", queue.streamId);
    const isAgain = this.random() < 0.2;
    const blocks = await queue.read(isAgain ? 0 : lastSeq, 3, 2 ** 20);
    const items = blocks.map(({ bytes }) => {
      return { kind: "block", node: "web-1", streamId: queue.streamId, bytes } as const;
    });
    const committed = log.commit(items, this);
    await this.clock.advance(10);
    await committed;
    await queue.ack(Math.min(log.position("web-1", queue.streamId).lastSeq, queue.newestSeq));
  }

  async stored(): Promise<string[]> {
    const lines: string[] = [];
    for (const block of this.log.blocks) {
      const read = await this.log.read(block);
      for (const { labels, lines: own } of read?.sources ?? []) {
        expect(labels).toEqual(LABELS);
        for (const { bytes } of own) lines.push(Buffer.from(bytes).toString());
      }
    }
    return lines;
  }

  #deps() {
    const { clock, random } = this;
    return { clock, random, logger: new MemoryLogger(), metrics: new Metrics() };
  }
}

test("every line is stored once and in order, whoever crashes when", async () => {
  const way = new Way();
  await way.openAgent();
  await way.openHub();
  const crashes = { kill: 0, "power-cut": 0 };
  for (let turn = 0; turn < 400; turn += 1) {
    const dice = way.random();
    try {
      if (dice < 0.5) await way.append(1 + Math.floor(way.random() * 5));
      else if (dice < 0.8) await way.ship();
      else {
        const kind = way.random() < 0.5 ? "kill" : "power-cut";
        crashes[kind] += 1;
        const isAgent = way.random() < 0.5;
        (isAgent ? way.agentDisk : way.hubDisk).crash(way.random, kind);
        if (isAgent) await way.openAgent();
        else await way.openHub();
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
    }
  }
  while (way.log.position("web-1", way.queue.streamId).lastSeq < way.queue.newestSeq) {
    await way.ship();
  }
  const made = await way.next();
  expect(made).toBeGreaterThan(300);
  expect(Math.min(...Object.values(crashes))).toBeGreaterThan(20);
  expect(await way.stored()).toEqual(Array.from({ length: made }, (_, i) => `line ${i}`));
});

test("a disk that is full loses nothing: the same lines are appended again", async () => {
  const way = new Way();
  await way.openAgent();
  await way.openHub();
  await way.append(2);
  way.agentDisk.isFull = true;
  await expect(way.append(2)).rejects.toMatchObject({ code: "STORAGE" });
  expect(await way.next()).toBe(2);
  way.agentDisk.isFull = false;
  await way.append(2);
  await way.ship();
  expect(await way.stored()).toEqual(["line 0", "line 1", "line 2", "line 3"]);
});

test("a damaged block is rejected or left out, and the rest goes on", async () => {
  const way = new Way();
  await way.openAgent();
  await way.openHub();
  await way.append(1);
  const { streamId } = way.queue;
  const [good] = await way.queue.read(0, 1, 2 ** 20);
  const bad = Uint8Array.from(good?.bytes ?? []);
  bad[bad.length - 10] = (bad[bad.length - 10] ?? 0) ^ 1;
  const committed = way.log.commit([{ kind: "block", node: "web-1", streamId, bytes: bad }], way);
  await way.clock.advance(10);
  expect(await committed).toEqual([
    { kind: "rejected", seq: 0, reason: "corrupt", detail: "block fails its checksum" },
  ]);
  await way.ship();
  expect(await way.stored()).toEqual(["line 0"]);
});
