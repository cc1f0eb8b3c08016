import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { IngestService } from "../../aggregator/ingest/ingest-service.ts";
import { openSeriesStore, type SeriesStore } from "../../aggregator/series/series-store.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { columnBits, isStale } from "../../shared/model/stale.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { FRAME_VERSION } from "../../shared/wire/frame.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { MemoryDisk, MemoryStore } from "../support/memory-store.ts";
import {
  loadMessages,
  loadSamples,
  playStream,
  type RecordedSamples,
  STREAMS,
  saveMessages,
  saveSamples,
  textOf,
} from "../support/recorded-stream.ts";

/**
 * Streams as builds of earlier frame versions sent them, with every sample that they hold. Once
 * recorded they are never changed: an agent may have such frames in its buffer, an aggregator in its
 * log. TELLTALE_RECORD=1 records that of a new version.
 */
const RECORDED = readdirSync(STREAMS)
  .filter((name) => name.endsWith(".messages.txt"))
  .map((name) => name.replace(".messages.txt", ""));
const CURRENT = `v${FRAME_VERSION}`;

type Received = { readonly answers: AggregatorMessage[]; readonly samples: RecordedSamples };

/** What this build's ingest makes of the messages, after closing and opening the store once more. */
async function receive(messages: readonly AgentMessage__Output[]): Promise<Received> {
  const clock = new FakeClock(messages[0]?.hello?.nowMs);
  const disk = new MemoryDisk();
  const deps = { clock, logger: new MemoryLogger(), metrics: new Metrics() };
  const options = {
    retentionMs: 86_400_000,
    futureLimitMs: 600_000,
    chunkMs: 20_000,
    commitDelayMs: 3,
  };
  const open = () => openSeriesStore({ ...deps, store: new MemoryStore(disk) }, options);
  let store = await open();
  const nothing = () => {};
  const events = {
    connected: nothing,
    committed: nothing,
    accounted: nothing,
    droppedRanges: nothing,
    clockMeasured: nothing,
    goodbye: nothing,
    disconnected: nothing,
  };
  const ingest = new IngestService({ ...deps, store, events }, { windowFrames: 512 });
  const answers: AggregatorMessage[] = [];
  let fault: Error | undefined;
  const connection: AggregatorConnection = {
    peer: "recorded",
    send: async (message) => void answers.push(message),
    close: (error) => {
      fault ??= error;
    },
    messages: (async function* () {
      for (const message of messages) {
        yield message;
        await settle();
      }
    })(),
  };
  const served = ingest.serve(connection);
  let isServed = false;
  void served.finally(() => {
    isServed = true;
  });
  while (!isServed) await clock.advance(3);
  await served;
  if (fault !== undefined) throw fault;
  await store.close();
  store = await open();
  const samples = await samplesOf(store);
  await store.close();
  return { answers, samples };
}

async function samplesOf(store: SeriesStore): Promise<RecordedSamples> {
  const samples: Record<string, [number, string][]> = {};
  for (const { labels, times, values } of await store.select([], 0, Number.MAX_SAFE_INTEGER)) {
    const bits = columnBits(values);
    samples[labelValue(labels, "__name__") ?? ""] = [...values].map((value, i) => [
      times[i] ?? 0,
      isStale(bits, i) ? "stale" : textOf(value),
    ]);
  }
  return samples;
}

describe("a recorded stream", () => {
  if (process.env["TELLTALE_RECORD"] === "1") {
    test("is recorded", async () => {
      const { messages, truth } = playStream();
      saveMessages(CURRENT, messages);
      const { samples } = await receive(loadMessages(CURRENT));
      expect(withoutEndings(samples)).toEqual(truth);
      saveSamples(CURRENT, samples);
    });
  }

  test("is there for this build's version", () => {
    expect(RECORDED).toContain(CURRENT);
  });

  test("holds what the agent had set, and endings", () => {
    const samples = loadSamples(CURRENT);
    expect(withoutEndings(samples)).toEqual(playStream().truth);
    const ended = Object.entries(samples).filter(([, list]) =>
      list.some(([, value]) => value === "stale"),
    );
    // The last two are those that did not tick with the first frame of the new epoch.
    expect(new Set(ended.map(([name]) => name))).toEqual(
      new Set([
        ...["ends", "comes_and_goes", "gone_with_epoch", "seldom_ends"],
        ...["seldom", "seldom_double"],
      ]),
    );
  });

  test.each(RECORDED)("%s gives every sample it gave when it was recorded", async (name) => {
    const messages = loadMessages(name);
    const { answers, samples } = await receive(messages);
    expect(answers.filter(({ rejected }) => rejected)).toEqual([]);
    const seqs = answers.flatMap(({ ack }) => (ack ? [Number(ack.seq)] : []));
    expect(Math.max(...seqs)).toBeGreaterThan(2 ** 32);
    expect(samples).toEqual(loadSamples(name));
  });
});

function withoutEndings(samples: RecordedSamples): RecordedSamples {
  return Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [
      name,
      list.filter(([, value]) => value !== "stale"),
    ]),
  );
}
