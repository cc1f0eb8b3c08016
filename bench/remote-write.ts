import { once } from "node:events";
import { Agent, createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { compress, uncompress } from "snappy";
import { Relay } from "./relay.ts";
import type { Certificate } from "./self-signed.ts";

/** One series of a request: its labels, sorted by name, and samples, oldest first. */
export type WrittenSeries = {
  /** name, value, name, value, … */
  readonly labels: readonly string[];
  readonly samples: readonly { readonly value: number; readonly timeMs: number }[];
};

/** A Prometheus remote write 1.0 `WriteRequest`, as protobuf; labels are encoded once each. */
export class WriteRequests {
  readonly #labels = new WeakMap<readonly string[], Buffer>();

  encode(series: readonly WrittenSeries[]): Buffer {
    const parts: Buffer[] = [];
    for (const { labels, samples } of series) {
      const body = [this.#labelFields(labels)];
      for (const { value, timeMs } of samples) body.push(field(0x12, sample(value, timeMs)));
      parts.push(field(0x0a, Buffer.concat(body)));
    }
    return Buffer.concat(parts);
  }

  #labelFields(labels: readonly string[]): Buffer {
    const known = this.#labels.get(labels);
    if (known !== undefined) return known;
    const fields: Buffer[] = [];
    for (let i = 0; i < labels.length; i += 2) {
      const name = field(0x0a, Buffer.from(labels[i] ?? ""));
      const value = field(0x12, Buffer.from(labels[i + 1] ?? ""));
      fields.push(field(0x0a, Buffer.concat([name, value])));
    }
    const encoded = Buffer.concat(fields);
    this.#labels.set(labels, encoded);
    return encoded;
  }
}

function field(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...varint(body.length)]), body]);
}

function sample(value: number, timeMs: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x09;
  bytes.writeDoubleLE(value, 1);
  return Buffer.concat([bytes, Buffer.from([0x10, ...varint(timeMs)])]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}

export type Carried = { readonly up: number; readonly down: number };

/**
 * Posts requests one after the other as Prometheus does: HTTP/1.1 over TLS 1.3, one connection.
 * Returns what TCP carried, the handshake left out.
 */
export async function carryRemoteWrite(
  certificate: Certificate,
  bodies: Iterable<Buffer>,
): Promise<Carried> {
  const server = createServer({ ...certificate, minVersion: "TLSv1.3" }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk) => chunks.push(chunk));
    incoming.on("end", async () => {
      await uncompress(Buffer.concat(chunks)); // throws on what no receiver would take
      outgoing.writeHead(204).end();
    });
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using proxy = await Relay.open((server.address() as AddressInfo).port);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: certificate.cert });
  const before = { up: 0, down: 0 };
  try {
    await post(agent, proxy.port, await compress(Buffer.alloc(0)));
    before.up = proxy.bytesUp;
    before.down = proxy.bytesDown;
    for (const body of bodies) await post(agent, proxy.port, await compress(body));
    return { up: proxy.bytesUp - before.up, down: proxy.bytesDown - before.down };
  } finally {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  }
}

async function post(agent: Agent, port: number, body: Buffer): Promise<void> {
  const headers = {
    "user-agent": "Prometheus/3.0.0",
    "content-length": body.length,
    "content-encoding": "snappy",
    "content-type": "application/x-protobuf",
    "x-prometheus-remote-write-version": "0.1.0",
  };
  const url = `https://localhost:${port}/api/v1/write`;
  const outgoing = request(url, { method: "POST", agent, headers });
  outgoing.end(body);
  const [answer] = await once(outgoing, "response");
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode !== 204) throw new Error(`Remote write was answered ${answer.statusCode}`);
}
