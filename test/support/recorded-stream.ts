import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { labelsOf } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { epochOfSeq, FRAME_VERSION } from "../../shared/wire/frame.ts";
import { type EncodedFrame, FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { loadTelltale, PROTOCOL_VERSION } from "../../shared/wire/proto.ts";
import { SeededRandom } from "./random.ts";

export const STREAMS = join(import.meta.dirname, "../fixtures/streams");

/** By series, its samples: Unix milliseconds and a value as text ("stale" where it ended). */
export type RecordedSamples = Readonly<Record<string, readonly (readonly [number, string])[]>>;

/** What an agent sent: one message a line, base64 of its protobuf. */
export function loadMessages(name: string): AgentMessage__Output[] {
  const { requestDeserialize } = loadTelltale().v1.Ingest.service.Stream;
  const lines = readFileSync(join(STREAMS, `${name}.messages.txt`), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => requestDeserialize(Buffer.from(line, "base64")));
}

export function saveMessages(name: string, messages: readonly AgentMessage[]): void {
  const { requestSerialize } = loadTelltale().v1.Ingest.service.Stream;
  const lines = messages.map((message) => requestSerialize(message).toString("base64"));
  writeFileSync(join(STREAMS, `${name}.messages.txt`), `${lines.join("\n")}\n`);
}

/**
 * Samples as a JSON object, compressed: the times of all, then by series a word for each of them: its value,
 * `=` where it is that of the time before, `-` where there is none.
 */
export function loadSamples(name: string): RecordedSamples {
  const text = gunzipSync(readFileSync(join(STREAMS, `${name}.samples.json.gz`))).toString();
  const { times, ...series } = JSON.parse(text) as { times: number[] } & Record<string, string>;
  const samples: Record<string, [number, string][]> = {};
  for (const [name, words] of Object.entries(series)) {
    let value = "-";
    samples[name] = [];
    for (const [index, word] of words.split(" ").entries()) {
      value = word === "=" ? value : word;
      if (value !== "-") samples[name].push([times[index] ?? 0, value]);
    }
  }
  return samples;
}

export function saveSamples(name: string, samples: RecordedSamples): void {
  const all = Object.values(samples).flatMap((list) => list.map(([timeMs]) => timeMs));
  const times = [...new Set(all)].sort((a, b) => a - b);
  const lines = [`"times": ${JSON.stringify(times)}`];
  for (const [series, list] of Object.entries(samples)) {
    const values = new Map(list);
    let before = "-";
    const words = times.map((timeMs) => {
      const value = values.get(timeMs) ?? "-";
      const word = value === before ? "=" : value;
      before = value;
      return word;
    });
    lines.push(`${JSON.stringify(series)}: ${JSON.stringify(words.join(" "))}`);
  }
  const text = `{\n${lines.join(",\n")}\n}\n`;
  writeFileSync(join(STREAMS, `${name}.samples.json.gz`), gzipSync(text, { level: 9 }));
}

const START_MS = 1_790_000_000_000;
const TICKS = 75;
const EPOCH_CHANGE = 41;
const SECOND_GROUP_EVERY = 3;

type Behaviour = {
  readonly scale: number;
  readonly group: number;
  /** The value at a tick; null: there is none. */
  readonly at: (tick: number, random: () => number) => number | null;
};

const steady = (value: number) => () => value;

/** Each does something that a reader can get wrong. */
const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  counter: { scale: 0, group: 0, at: (tick) => tick * 7 },
  fast_counter: {
    scale: 9,
    group: 0,
    at: (tick, random) => tick * 1e9 + Math.floor(random() * 1e6),
  },
  gauge: { scale: 2, group: 0, at: (_, random) => Math.floor(random() * 2e6) - 1e6 },
  pages: { scale: 0, group: 0, at: (_, random) => Math.floor(random() * 1e6) * 4096 },
  same_pages: { scale: 0, group: 0, at: (tick) => (tick % 5) * 40_960_000 },
  twin_of_same_pages: { scale: 0, group: 0, at: (tick) => (tick % 5) * 40_960_000 },
  huge: { scale: 0, group: 0, at: (tick) => Number.MAX_SAFE_INTEGER - (tick % 3) },
  huge_swing: { scale: 0, group: 0, at: (tick) => (tick % 2 === 0 ? 1 : -1) * 2 ** 52 },
  half_swing: { scale: 0, group: 0, at: (tick) => (tick % 2 === 0 ? 1 : -1) * (2 ** 46 - tick) },
  constant: { scale: 3, group: 0, at: steady(-12_345) },
  zero: { scale: 0, group: 0, at: steady(0) },
  ends: { scale: 0, group: 0, at: (tick) => (tick < 13 ? tick : null) },
  comes_and_goes: { scale: 0, group: 0, at: (tick) => (tick % 10 < 5 ? tick * 1000 : null) },
  late: { scale: 0, group: 0, at: (tick) => (tick < 30 ? null : -tick) },
  gone_with_epoch: { scale: 0, group: 0, at: (tick) => (tick < EPOCH_CHANGE ? tick : null) },
  double: { scale: DOUBLE_SCALE, group: 0, at: (_, random) => random() * 1e-3 },
  odd_doubles: {
    scale: DOUBLE_SCALE,
    group: 0,
    at: (tick) => [0, -0, Number.POSITIVE_INFINITY, Number.NaN, -1.5][tick % 5] ?? 0,
  },
  seldom: { scale: 0, group: 1, at: (tick) => tick * tick },
  seldom_double: { scale: DOUBLE_SCALE, group: 1, at: (tick) => tick / 3 },
  seldom_ends: { scale: 0, group: 1, at: (tick) => (tick < 50 ? 5 : null) },
};

export type Played = {
  readonly messages: readonly AgentMessage[];
  /** What was set, without the endings; by `name` of the series. */
  readonly truth: RecordedSamples;
};

/** A stream of this build's encoder with everything in it, the same each time. */
export function playStream(): Played {
  const random = new SeededRandom("recorded stream").next;
  const encoder = new FrameEncoder(1, { keyframeEvery: 20 });
  const names = Object.keys(BEHAVIOURS);
  const slots = names.map((name) => {
    const { group, scale } = BEHAVIOURS[name] ?? { group: 0, scale: 0 };
    return encoder.define(group, scale, labelsOf({ __name__: name }));
  });
  const truth: Record<string, [number, string][]> = {};
  const messages: AgentMessage[] = [helloOf()];
  for (let tick = 0; tick < TICKS; tick += 1) {
    if (tick === EPOCH_CHANGE) encoder.beginEpoch(2);
    const groups = tick % SECOND_GROUP_EVERY === 0 ? [0, 1] : [0];
    const timeMs = START_MS + tick * 1000 + (tick === 7 ? 61 : 0);
    names.forEach((name, index) => {
      const behaviour = BEHAVIOURS[name];
      if (behaviour === undefined || !groups.includes(behaviour.group)) return;
      const value = behaviour.at(tick, random);
      if (value === null) return;
      encoder.set(slots[index] ?? 0, value);
      truth[name] ??= [];
      truth[name].push([timeMs, textOf(value / 10 ** Math.max(0, behaviour.scale))]);
    });
    messages.push(...messagesOf(encoder.encodeTick(timeMs, groups)));
  }
  messages.push({ goodbye: { reason: "the recording ends" } });
  return { messages, truth };
}

function messagesOf({ seq, bytes, definitions }: EncodedFrame): AgentMessage[] {
  const frames = { frames: { frame: [bytes] } };
  if (definitions.length === 0) return [frames];
  const series = definitions.map((one) => ({ ...one, labels: [...one.labels] }));
  return [{ series: { epoch: epochOfSeq(seq), series } }, frames];
}

function helloOf(): AgentMessage {
  return {
    hello: {
      protocolVersion: PROTOCOL_VERSION,
      kind: "KIND_METRICS",
      node: "recorded",
      streamId: "00112233445566778899aabbccddeeff",
      agentVersion: `frames of version ${FRAME_VERSION}`,
      nowMs: START_MS,
      intervalMs: 1000,
      oldestSeq: 0,
      newestSeq: 0,
    },
  };
}

/** A value as text that tells all values apart. */
export function textOf(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
