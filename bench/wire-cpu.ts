import type { SeriesDefinition } from "../shared/model/series-definition.ts";
import { type GroupReading, parseFrame, StreamDecoder } from "../shared/wire/frame-decoder.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import type { Spoken } from "./wire-capture.ts";
import { openStore } from "./wire-relay.ts";

/** A capture as values: what each series has at each tick. */
export type Ticks = {
  /** Over all epochs; a series that comes again in another epoch is another one here. */
  readonly series: readonly SeriesDefinition[];
  readonly ticks: readonly Tick[];
  readonly samples: number;
};

export type Tick = {
  readonly timeMs: number;
  /** Places in `series`, and the raw value of each. */
  readonly places: Int32Array;
  readonly values: Float64Array;
  readonly readings: readonly GroupReading[];
};

export function ticksOf(spoken: readonly Spoken[]): Ticks {
  const decoder = new StreamDecoder();
  const series: SeriesDefinition[] = [];
  const ticks: Tick[] = [];
  let samples = 0;
  let epoch = 0;
  let base = 0;
  for (const one of spoken) {
    if (one.kind === "series") {
      if (one.epoch !== epoch) base = series.length;
      epoch = one.epoch;
      decoder.define(epoch, one.series);
      for (const definition of one.series) series.push(definition);
    } else if (one.kind === "frame") {
      decoder.apply(parseFrame(one.bytes));
      const ids = decoder.readings.flatMap(({ group }) => [...decoder.aliveOfGroup(group)]);
      samples += ids.length;
      const places = Int32Array.from(ids, (id) => base + id);
      const values = Float64Array.from(ids, (id) => decoder.values[id] ?? 0);
      const { lastTimeMs: timeMs, readings } = decoder;
      ticks.push({ timeMs, places, values, readings });
    }
  }
  return { series, ticks, samples };
}

export type Encoded = {
  /** CPU-seconds per million samples. */
  readonly cpuPerMillion: number;
  readonly bytesPerSample: number;
};

/** Encodes the capture as often as it takes to have samples enough: what an agent does of it. */
export function measureEncoding({ series, ticks, samples }: Ticks, samplesMin: number): Encoded {
  let bytes = 0;
  let cpuUs = 0;
  let done = 0;
  for (let round = 0; done < samplesMin; round += 1) {
    const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
    const groupsMax = Math.max(...series.map(({ group }) => group));
    for (let group = 1; group <= groupsMax; group += 1) encoder.newGroup();
    const slots = series.map(({ group, scale, labels }) => encoder.define(group, scale, labels));
    bytes = 0;
    const before = process.cpuUsage();
    for (const { timeMs, places, values, readings } of ticks) {
      for (const reading of readings) encoder.read(reading.group, reading.timeMs);
      for (let i = 0; i < places.length; i += 1) {
        encoder.set(slots[places[i] ?? 0] ?? 0, values[i] ?? 0);
      }
      bytes += encoder.encodeTick(timeMs).bytes.length;
    }
    const { user, system } = process.cpuUsage(before);
    if (round === 0) continue; // not compiled yet
    cpuUs += user + system;
    done += samples;
  }
  return { cpuPerMillion: cpuUs / done, bytesPerSample: bytes / samples };
}

/** CPU-seconds per million samples of decoding alone: parse and apply. */
export function measureDecoding(
  spoken: readonly Spoken[],
  samples: number,
  samplesMin: number,
): number {
  let cpuUs = 0;
  let done = 0;
  for (let round = 0; done < samplesMin; round += 1) {
    const decoder = new StreamDecoder();
    const before = process.cpuUsage();
    for (const one of spoken) {
      if (one.kind === "series") decoder.define(one.epoch, one.series);
      else if (one.kind === "frame") decoder.apply(parseFrame(one.bytes));
    }
    const { user, system } = process.cpuUsage(before);
    if (round === 0) continue;
    cpuUs += user + system;
    done += samples;
  }
  return cpuUs / done;
}

const NODES = 20;
/** Ticks from one look for what can be cut into chunks to the next, as in the aggregator. */
const CUT_EVERY = 5;

export type Stored = {
  /** CPU-seconds per million samples: decoding, the synced commit, the head. */
  readonly cpuPerMillion: number;
  readonly samples: number;
};

/**
 * Gives the capture to a store as 20 nodes send it: their frames of a tick are one commit. What comes
 * before `fromMs` is not measured: there the series are named.
 */
export async function measureCommit(
  spoken: readonly Spoken[],
  fromMs: number,
  directory: string,
): Promise<Stored> {
  const store = await openStore(directory);
  const streamIds = Array.from({ length: NODES }, (_, i) => i.toString(16).padStart(32, "0"));
  let before = process.cpuUsage();
  let samples = 0;
  let isMeasured = false;
  for (const [place, one] of spoken.entries()) {
    if (place % CUT_EVERY === 0) await store.cutDue();
    if (one.kind === "hello") continue;
    if (!isMeasured && one.kind === "frame" && one.header.timeMs >= fromMs) {
      before = process.cpuUsage();
      isMeasured = true;
    }
    const items = streamIds.map((streamId, i) => ({ ...one, node: `n${i}`, streamId }));
    for (const outcome of await store.commit(items)) {
      if (outcome.kind === "stored" && isMeasured) samples += outcome.samples;
      if (outcome.kind === "rejected") throw new Error(`A frame was refused: ${outcome.detail}`);
    }
  }
  const { user, system } = process.cpuUsage(before);
  await store.close();
  return { cpuPerMillion: (user + system) / samples, samples };
}
