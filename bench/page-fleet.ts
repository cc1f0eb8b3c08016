import { credentials } from "@grpc/grpc-js";
import { labelsOf } from "../shared/model/labels.ts";
import { FrameEncoder } from "../shared/wire/frame-encoder.ts";
import { loadTelltale, PROTOCOL_VERSION } from "../shared/wire/proto.ts";

const CPUS = 4;
const MOUNTS = ["/", "/var", "/home"];
const GIB = 1024 ** 3;
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
  static async open(port: number, { nodes, tickMs, pastMs }: FleetOptions): Promise<PageFleet> {
    const { Ingest } = loadTelltale().v1;
    let client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure());
    const senders: Sender[] = [];
    const nowMs = Math.floor(Date.now() / tickMs) * tickMs;
    for (let i = 0; i < nodes; i += 1) {
      if (i > 0 && i % STREAMS_PER_CLIENT === 0) {
        const channelOptions = { "grpc.use_local_subchannel_pool": 1 };
        client = new Ingest(`127.0.0.1:${port}`, credentials.createInsecure(), channelOptions);
      }
      const sender = senderOf(client.Stream(), i, tickMs);
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

function senderOf(stream: unknown, index: number, tickMs: number): Sender {
  const call = stream as IngestStream;
  let [lastSeq, ackedSeq] = [0, 0];
  let wake = () => {};
  call.on("data", ({ ack }) => {
    ackedSeq = ack?.seq ?? ackedSeq;
    wake();
  });
  call.on("error", () => {});
  const node = `${KINDS[index % KINDS.length]}-${String(index).padStart(4, "0")}`;
  call.write({
    hello: {
      ...{ protocolVersion: PROTOCOL_VERSION, kind: "KIND_METRICS", node },
      streamId: (index + 1).toString(16).padStart(32, "0"),
      ...{ agentVersion: "bench", intervalMs: tickMs },
    },
  });
  const encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  const set = seriesOf(encoder, index);
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

/** What it gives sets all values for a time. Counters hold hundredths of seconds. */
function seriesOf(encoder: FrameEncoder, index: number): (timeMs: number, tickMs: number) => void {
  const define = (scale: number, labels: Record<string, string>) =>
    encoder.define(0, scale, labelsOf({ job: "node", ...labels }));
  const gauge = (name: string, labels = {}) => define(0, { __name__: name, ...labels });
  const idle = Array.from({ length: CPUS }, (_, cpu) =>
    define(2, { __name__: "node_cpu_seconds_total", cpu: String(cpu), mode: "idle" }),
  );
  const user = Array.from({ length: CPUS }, (_, cpu) =>
    define(2, { __name__: "node_cpu_seconds_total", cpu: String(cpu), mode: "user" }),
  );
  const available = gauge("node_memory_MemAvailable_bytes");
  const total = gauge("node_memory_MemTotal_bytes");
  const free = MOUNTS.map((mountpoint) => {
    const labels = { mountpoint, device: "/dev/vda1", fstype: "ext4" };
    return [
      gauge("node_filesystem_avail_bytes", labels),
      gauge("node_filesystem_size_bytes", labels),
    ] as const;
  });
  const received = gauge("node_network_receive_bytes_total", { device: "eth0" });
  const sent = gauge("node_network_transmit_bytes_total", { device: "eth0" });
  const load = define(2, { __name__: "node_load1" });
  const bytes = { received: 0, sent: 0 };
  const spent = { idle: 0, user: 0 };
  return (timeMs, tickMs) => {
    const busy = busyShare(index, timeMs);
    spent.user += Math.round((busy * tickMs) / 10);
    spent.idle += Math.round(((1 - busy) * tickMs) / 10);
    for (const slot of idle) encoder.set(slot, spent.idle);
    for (const slot of user) encoder.set(slot, spent.user);
    encoder.set(total, 16 * GIB);
    encoder.set(
      available,
      Math.round(16 * GIB * (1 - 0.3 - 0.55 * busyShare(index * 7, timeMs / 9))),
    );
    free.forEach(([avail, size], i) => {
      encoder.set(size, 100 * GIB);
      encoder.set(avail, Math.round(100 * GIB * (1 - ((index * 37 + i * 11) % 97) / 100)));
    });
    bytes.received += Math.round(busy * 3000 * tickMs);
    bytes.sent += Math.round(busy * 900 * tickMs);
    encoder.set(received, bytes.received);
    encoder.set(sent, bytes.sent);
    encoder.set(load, Math.round(busy * CPUS * 100));
  };
}

/** Between 0 and 1; each node has a tide and a swell of its own. */
function busyShare(index: number, timeMs: number): number {
  const base = ((index * 7919) % 60) / 100;
  const tide = Math.sin(timeMs / 900_000 + index) * 0.12;
  const swell = Math.sin(timeMs / 47_000 + index * 3) * 0.06;
  return Math.min(1, Math.max(0.01, base + 0.15 + tide + swell));
}
