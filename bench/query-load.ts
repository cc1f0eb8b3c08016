import { once } from "node:events";
import { Agent, request } from "node:http";
import { credentials } from "@grpc/grpc-js";
import { compress } from "snappy";
import { getOrInsert } from "../shared/model/get-or-insert.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { loadTelltale, PROTOCOL_VERSION } from "../shared/wire/proto.ts";
import { labelsOfSet, type Reading } from "./query-data.ts";
import { WriteRequests } from "./remote-write.ts";

/** Frames on their way at a time. */
const FRAMES_AHEAD = 64;
/** Series of one agent. */
const SERIES_PER_STREAM = 5000;
/** Series of one remote write request. */
const SERIES_PER_REQUEST = 2000;

type Wire = {
  write(message: object): void;
  on(event: string, listener: (message: { readonly ack?: { readonly seq: number } }) => void): void;
  end(): void;
};

/** Sends all readings as agents do; returns their samples. */
export async function loadByStream(port: number, readings: Iterable<Reading>): Promise<number> {
  const { Ingest } = loadTelltale().v1;
  const client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure());
  const streams = new Map<string, SetStream>();
  let samples = 0;
  for (const { set, timeMs, values } of readings) {
    for (let from = 0; from < values.length; from += SERIES_PER_STREAM) {
      const key = `${set}${from / SERIES_PER_STREAM}`;
      const stream = getOrInsert(streams, key, () => {
        const labels = labelsOfSet(set).slice(from, from + SERIES_PER_STREAM);
        return new SetStream(() => client.Stream() as unknown as Wire, key, labels);
      });
      await stream.send(timeMs, values.subarray(from, from + SERIES_PER_STREAM));
    }
    samples += values.length;
  }
  for (const stream of streams.values()) await stream.end();
  client.close();
  return samples;
}

class SetStream {
  readonly #wire: Wire;
  readonly #encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  readonly #slots: readonly number[];
  #lastSeq = 0;
  #ackedSeq = 0;
  #isEnded = false;
  #wake = () => {};

  /** @param open only once all is ready: a stream that says nothing is closed */
  constructor(open: () => Wire, node: string, series: readonly string[][]) {
    this.#slots = series.map((labels) => this.#encoder.define(0, 0, labels));
    const wire = open();
    this.#wire = wire;
    wire.on("data", ({ ack }) => {
      this.#ackedSeq = ack?.seq ?? this.#ackedSeq;
      this.#wake();
    });
    wire.on("error", (error) => {
      if (!this.#isEnded) throw error; // the server may close what was ended without a status
    });
    const id = Buffer.from(node).toString("hex").padStart(32, "0");
    const versions = { protocolVersion: PROTOCOL_VERSION, agentVersion: "bench" };
    wire.write({
      hello: { ...versions, kind: "KIND_METRICS", node, streamId: id, intervalMs: 10_000 },
    });
  }

  async send(timeMs: number, values: Float64Array): Promise<void> {
    for (const [i, slot] of this.#slots.entries()) this.#encoder.set(slot, values[i] ?? 0);
    const { bytes, definitions, seq } = this.#encoder.encodeTick(timeMs);
    for (let from = 0; from < definitions.length; from += 5000) {
      const part = definitions.slice(from, from + 5000);
      const series = part.map((one) => ({ ...one, labels: [...one.labels] }));
      this.#wire.write({ series: { epoch: 1, series } });
    }
    this.#lastSeq = seq;
    this.#wire.write({ frames: { frame: [Buffer.from(bytes)] } });
    await this.#acked(FRAMES_AHEAD);
  }

  async end(): Promise<void> {
    await this.#acked(0);
    this.#isEnded = true;
    this.#wire.end();
  }

  async #acked(ahead: number): Promise<void> {
    while (this.#lastSeq - this.#ackedSeq > ahead) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** Sends all readings by remote write, one after the other; returns their samples. */
export async function loadByWrite(port: number, readings: Iterable<Reading>): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const requests = new WriteRequests();
  const labels = { x: labelsOfSet("x"), y: labelsOfSet("y"), z: labelsOfSet("z") };
  let samples = 0;
  for (const { set, timeMs, values } of readings) {
    for (let from = 0; from < values.length; from += SERIES_PER_REQUEST) {
      const part = labels[set].slice(from, from + SERIES_PER_REQUEST);
      const series = part.map((one, i) => {
        return { labels: one, samples: [{ value: values[from + i] ?? 0, timeMs }] };
      });
      await post(agent, port, await compress(requests.encode(series)));
    }
    samples += values.length;
  }
  agent.destroy();
  return samples;
}

async function post(agent: Agent, port: number, body: Buffer): Promise<void> {
  const headers = {
    "content-length": body.length,
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
  };
  const url = `http://127.0.0.1:${port}/api/v1/write`;
  const outgoing = request(url, { method: "POST", agent, headers });
  outgoing.end(body);
  const [answer] = await once(outgoing, "response");
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode >= 300) throw new Error(`Remote write was answered ${answer.statusCode}`);
}
