import { expect, test } from "vitest";
import {
  openSeriesStore,
  type SeriesStore,
  type SeriesStoreOptions,
} from "../../../aggregator/series/series-store.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";
import { takenColumns } from "../../support/taken-columns.ts";
import {
  asMap,
  between,
  type Expected,
  everything,
  ModelAgent,
  type ModelFrame,
  type TickValue,
  withoutLoneMarkers,
} from "./model.ts";

const OPTIONS: SeriesStoreOptions = {
  retentionMs: 30 * 86_400_000,
  futureLimitMs: 60_000,
  chunkMs: 2000,
  commitDelayMs: 0,
  pause: async () => {},
};
const FUTURE_MS = FAKE_START_MS + 86_400_000;
const SEEDS = Number(process.env["SERIES_SEEDS"] ?? 4);
const FIRST_SEED = Number(process.env["SERIES_SEED"] ?? 1);

/** A store on a disk that may crash in the middle of any write. */
class Bed {
  readonly random: SeededRandom;
  readonly disk = new MemoryDisk();
  readonly clock: FakeClock;
  store: SeriesStore | null = null;
  #stepsToCrash = -1;
  #crashed: () => void = () => {};

  constructor(random: SeededRandom, startMs: number) {
    this.random = random;
    this.clock = new FakeClock(startMs);
  }

  async open(): Promise<SeriesStore> {
    if (this.store !== null) return this.store;
    const onWriteStep = () => {
      if (this.#stepsToCrash < 0) return;
      this.#stepsToCrash -= 1;
      if (this.#stepsToCrash < 0) this.crash();
    };
    const store = new MemoryStore(this.disk, { onWriteStep });
    const { clock } = this;
    const logger = new MemoryLogger();
    this.store = await openSeriesStore({ store, clock, logger, metrics: new Metrics() }, OPTIONS);
    return this.store;
  }

  /** Runs `work`, and may crash in the middle of it: then the result is null. */
  async run<T>(work: (store: SeriesStore) => Promise<T>): Promise<T | null> {
    const store = await this.open();
    if (this.random.chance(0.1)) this.#stepsToCrash = this.random.int(0, 8);
    const crashed = new Promise<null>((resolve) => {
      this.#crashed = () => resolve(null);
    });
    const result = await Promise.race([work(store), crashed]);
    this.#stepsToCrash = -1;
    return result;
  }

  crash(): void {
    this.disk.crash(this.random.next, this.random.chance(0.5) ? "kill" : "power-cut");
    this.store = null;
    this.#crashed();
  }
}

/** What one agent has of series, and how they come and go. */
class Host {
  readonly agent: ModelAgent;
  readonly random: SeededRandom;
  readonly unacked: ModelFrame[] = [];
  #lastSeq = 0;
  #values: { value: TickValue; isOn: boolean; step: number }[];

  constructor(agent: ModelAgent, random: SeededRandom) {
    this.agent = agent;
    this.random = random;
    this.#values = Array.from({ length: random.int(1, 40) }, (_, i) => ({
      value: {
        labels: labelsOf({ __name__: `metric_${i}`, job: "node" }),
        group: i % 2,
        scale: i % 5 === 0 ? -1 : i % 3,
        raw: random.int(-1000, 1000),
      },
      isOn: random.chance(0.8),
      step: random.int(0, 3),
    }));
  }

  /** What the store should say of a frame that comes next. */
  verdict({ frame }: ModelFrame): "stored" | "duplicate" | "no-base" | "future" {
    if (frame.seq <= this.#lastSeq) return "duplicate";
    if (!frame.isKeyframe && frame.seq !== this.#lastSeq + 1) return "no-base";
    return frame.timeMs >= FUTURE_MS ? "future" : "stored";
  }

  take(frame: ModelFrame, verdict: string, expected: Expected): void {
    this.unacked.splice(this.unacked.indexOf(frame), 1);
    if (verdict === "stored") this.agent.expect(expected, frame);
    if (verdict === "stored" || verdict === "future") this.#lastSeq = frame.frame.seq;
    if (this.random.chance(0.05)) this.unacked.unshift(frame); // the ack was lost
  }

  tick(timeMs: number): void {
    const { random } = this;
    const groups = random.chance(0.3) ? [0, 1] : [random.int(0, 1)];
    const ticked: TickValue[] = [];
    for (const series of this.#values) {
      if (random.chance(0.02)) series.isOn = !series.isOn;
      if (!groups.includes(series.value.group) || !series.isOn) continue;
      let raw = series.value.raw;
      if (series.step === 1) raw += random.int(0, 3);
      if (series.step === 2) raw += random.chance(0.1) ? 1_000_000_007 : 0;
      if (series.step === 3) raw = series.value.scale === -1 ? random.next() : raw + 100;
      series.value = { ...series.value, raw };
      ticked.push(series.value);
    }
    const isAhead = random.chance(0.03); // its clock is wrong for a moment
    const frame = this.agent.tick(isAhead ? FUTURE_MS + timeMs : timeMs, groups, ticked);
    if (random.chance(0.97)) this.unacked.push(frame); // else it is lost for good
  }
}

async function send(bed: Bed, hosts: readonly Host[], expected: Expected): Promise<void> {
  const sent: { host: Host; frame: ModelFrame }[] = [];
  const outcomes = await bed.run(async (store) => {
    const items = hosts.flatMap((host) => {
      const { agent } = host;
      const position = store.position(agent.node, agent.streamId);
      return host.unacked.flatMap((frame) => {
        sent.push({ host, frame });
        // Definitions that are known are not sent again, unless it happens to.
        const isKnown = position.epoch === frame.epoch && bed.random.chance(0.5);
        return agent.items(frame, isKnown ? position.seriesKnown : 0);
      });
    });
    const result = await store.commit(items);
    return result.filter((outcome) => outcome.kind !== "defined");
  });
  const store = await bed.open();
  sent.forEach(({ host, frame }, i) => {
    const { node, streamId } = host.agent;
    // After a crash what is on the disk is known by the position only.
    if (outcomes === null && frame.frame.seq > store.position(node, streamId).lastSeq) return;
    const verdict = host.verdict(frame);
    const outcome = outcomes?.[i];
    if (outcome?.kind === "rejected") expect(outcome.reason).toBe(verdict);
    else if (outcome !== undefined) expect(outcome.kind).toBe(verdict);
    host.take(frame, verdict, expected);
  });
}

function expectSame(actual: Expected, expected: Expected): void {
  const [given, wanted] = [withoutLoneMarkers(actual), withoutLoneMarkers(expected)];
  // Texts are compared much faster; the maps show where they differ.
  if (asText(given) !== asText(wanted)) expect(given).toEqual(wanted);
}

function asText(samples: Expected): string {
  return JSON.stringify(
    [...samples].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, all]) => [key, ...all]),
  );
}

async function runSeed(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  let timeMs = FAKE_START_MS + (random.chance(0.5) ? 7_190_000 : 0);
  const bed = new Bed(random.fork("bed"), timeMs);
  const expected: Expected = new Map();
  const hosts = ["alpha", "beta", "gamma"].map(
    (node) => new Host(new ModelAgent(node, random.int(2, 7)), random.fork(node)),
  );
  for (let step = 0; step < 50; step += 1) {
    const stepMs = random.chance(0.9) ? 1000 : random.int(1, 5000);
    timeMs += stepMs;
    await bed.clock.advance(stepMs);
    for (const host of hosts) {
      if (random.chance(0.02) && host.unacked.length === 0) host.agent.restart();
      host.tick(timeMs);
    }
    if (random.chance(0.7)) {
      const sending = hosts.filter(() => random.chance(0.8));
      await send(bed, sending, expected);
    }
    if (random.chance(0.3)) {
      await bed.run(async (store) => {
        await store.cutDue();
        await store.compactDue();
        await store.reclaimLog();
        await store.dropExpired();
      });
    }
    if (random.chance(0.05)) bed.crash();
    if (random.chance(0.1)) {
      const store = await bed.open();
      const from = random.int(timeMs - 30_000, timeMs);
      const to = random.int(from, timeMs);
      expectSame(
        asMap(await takenColumns(await store.select([], from, to))),
        between(expected, from, to),
      );
    }
  }
  bed.crash();
  expectSame(await everything(await bed.open()), between(expected, -1, timeMs));
}

test("gives what was committed, no less and nothing twice, over crashes in any write", async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    await runSeed(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}: SERIES_SEED=${seed} SERIES_SEEDS=1`, { cause: error });
    });
  }
});
