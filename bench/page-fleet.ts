import { credentials } from "@grpc/grpc-js";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { loadTelltale, PROTOCOL_VERSION } from "../shared/wire/proto.ts";
import { seriesOf } from "./page-series.ts";

/** Streams that share a connection. */
const STREAMS_PER_CLIENT = 100;
/** Nodes that send their past at the same time. */
const BATCH = 20;
const KINDS = ["web", "db", "cache", "worker", "build"];

export type FleetOptions = {
  readonly nodes: number;
  readonly tickMs: number;
  /** Of this every node has samples at the start. */
  readonly pastMs: number;
  /** Of each node. */
  readonly containers: number;
  /** Number of the first node. */
  readonly first?: number;
};

type Sender = {
  readonly tick: (timeMs: number) => void;
  /** Resolves once all that was sent is stored. */
  readonly stored: () => Promise<void>;
  readonly end: () => void;
};

/** Nodes that send what the page shows of them, as agents do; no two are equally busy. */
export class PageFleet {
  readonly #senders: readonly Sender[];
  readonly #tickMs: number;

  private constructor(senders: readonly Sender[], tickMs: number) {
    this.#senders = senders;
    this.#tickMs = tickMs;
  }

  /** With all of the past sent. */
  static async open(port: number, options: FleetOptions): Promise<PageFleet> {
    const { nodes, tickMs, pastMs, containers, first = 0 } = options;
    const { Ingest } = loadTelltale().v1;
    let client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure());
    const senders: Sender[] = [];
    const nowMs = Math.floor(Date.now() / tickMs) * tickMs;
    for (let i = 0; i < nodes; i += 1) {
      if (i > 0 && i % STREAMS_PER_CLIENT === 0) {
        const channelOptions = { "grpc.use_local_subchannel_pool": 1 };
        client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure(), channelOptions);
      }
      const sender = senderOf(client.Stream(), first + i, { tickMs, containers });
      for (let timeMs = nowMs - pastMs; timeMs < nowMs; timeMs += tickMs) sender.tick(timeMs);
      senders.push(sender);
      if (senders.length % BATCH === 0)
        await Promise.all(senders.slice(-BATCH).map((one) => one.stored()));
    }
    return new PageFleet(senders, tickMs);
  }

  /** Goes on ticking until the signal is aborted; `silent` nodes say nothing any more. */
  async run(signal: AbortSignal, silent = 0): Promise<void> {
    for (const sender of this.#senders.slice(0, silent)) sender.end();
    while (!signal.aborted) {
      const nowMs = Date.now();
      const timeMs = Math.floor(nowMs / this.#tickMs) * this.#tickMs;
      for (const sender of this.#senders.slice(silent)) sender.tick(timeMs);
      await new Promise((resolve) => setTimeout(resolve, timeMs + this.#tickMs - Date.now()));
    }
    for (const sender of this.#senders) sender.end();
  }
}

type Answer = { readonly ack?: { readonly seq: number } };

type IngestStream = {
  write(message: object): void;
  on(event: string, listener: (answer: Answer) => void): void;
  cancel(): void;
};

/** As it is called, so that a page of it can be opened. */
export function nodeName(index: number): string {
  return `${KINDS[index % KINDS.length]}-${String(index).padStart(4, "0")}`;
}

function senderOf(
  stream: unknown,
  index: number,
  { tickMs, containers }: { readonly tickMs: number; readonly containers: number },
): Sender {
  const call = stream as IngestStream;
  let [lastSeq, ackedSeq] = [0, 0];
  let wake = () => {};
  call.on("data", ({ ack }) => {
    ackedSeq = ack?.seq ?? ackedSeq;
    wake();
  });
  call.on("error", () => {});
  const node = nodeName(index);
  call.write({
    hello: {
      ...{ protocolVersion: PROTOCOL_VERSION, kind: "KIND_METRICS", node },
      streamId: (index + 1).toString(16).padStart(32, "0"),
      ...{ agentVersion: "bench", intervalMs: tickMs },
    },
  });
  const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  const set = seriesOf(encoder, index, containers);
  let isDefined = false;
  return {
    tick: (timeMs) => {
      set(timeMs, tickMs);
      const { bytes, definitions, seq } = encoder.encodeTick(timeMs);
      if (!isDefined) {
        const series = definitions.map((one) => ({ ...one, labels: [...one.labels] }));
        call.write({ series: { epoch: 1, series } });
      }
      isDefined = true;
      lastSeq = seq;
      call.write({ frames: { frame: [Buffer.from(bytes)] } });
    },
    stored: async () => {
      while (ackedSeq < lastSeq) await new Promise<void>((resolve) => (wake = resolve));
    },
    end: () => call.cancel(),
  };
}
