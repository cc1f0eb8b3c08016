import { createSocket } from "node:dgram";
import { isIPv6, type Socket } from "node:net";
import type { DnsModule } from "../config/probe-config.ts";
import { type Endpoint, openSocket } from "../net/open-socket.ts";
import type { ProbeRun } from "../probe-run.ts";
import { openSecure } from "../tls/open-secure.ts";

const LENGTH_BYTES = 2;

export type DnsExchange = {
  readonly answer: Buffer;
  /** From the query to the answer. */
  readonly requestMs: number;
};

/** The answer to a query. @throws errors of the system and of TLS */
export async function exchangeDns(
  query: Buffer,
  place: Endpoint & { readonly host: string },
  module: DnsModule,
  run: ProbeRun,
): Promise<DnsExchange> {
  if (module.transport === "udp") return await byDatagram(query, place, run);
  const plain = await openSocket(place, run.signal);
  const wish = { settings: module.tls, host: place.host, protocols: [] };
  const socket = module.usesTls ? await openSecure(plain, wish, run) : plain;
  const beganMs = run.clock.monotonicMs();
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(query.length);
  socket.write(Buffer.concat([length, query]));
  const answer = await readFramed(socket);
  socket.destroy();
  return { answer, requestMs: run.clock.monotonicMs() - beganMs };
}

/** Datagrams that are of another query are passed over: they may be late. */
async function byDatagram(
  query: Buffer,
  { ip, port, sourceAddress }: Endpoint,
  { clock, signal }: ProbeRun,
): Promise<DnsExchange> {
  signal.throwIfAborted();
  const socket = createSocket(isIPv6(ip.split("%")[0] ?? "") ? "udp6" : "udp4");
  const beganMs = clock.monotonicMs();
  let abort = () => {};
  try {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      socket.on("error", reject);
      socket.on("message", (message) => {
        if (message.length >= 2 && message.readUInt16BE(0) === query.readUInt16BE(0)) {
          resolve(message);
        }
      });
      // Connected, so that only this server's answers come, and its refusal is told.
      const connect = () => socket.connect(port, ip, () => socket.send(query));
      if (sourceAddress === null) connect();
      else socket.bind({ address: sourceAddress }, connect);
    });
    return { answer, requestMs: clock.monotonicMs() - beganMs };
  } finally {
    signal.removeEventListener("abort", abort);
    socket.close();
  }
}

/** A message behind its length: at most 64 KiB. */
function readFramed(socket: Socket): Promise<Buffer> {
  let read = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      if (read.length < LENGTH_BYTES) return;
      const end = LENGTH_BYTES + read.readUInt16BE(0);
      if (read.length >= end) resolve(read.subarray(LENGTH_BYTES, end));
    });
    socket.on("error", reject);
    socket.once("close", () => reject(new Error("The connection was closed before an answer")));
  });
}
