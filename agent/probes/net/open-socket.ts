import { connect, type Socket } from "node:net";

export type Endpoint = {
  readonly ip: string;
  readonly port: number;
  /** Null: the system chooses. */
  readonly sourceAddress: string | null;
};

/**
 * A connection of TCP. It is destroyed when the signal is aborted, whenever that is.
 * @throws the system's error; the signal's reason
 */
export async function openSocket(
  { ip, port, sourceAddress }: Endpoint,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const local = sourceAddress === null ? {} : { localAddress: sourceAddress };
  const socket = connect({ host: ip, port, ...local });
  destroyOnAbort(socket, signal);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.on("error", reject); // stays: one that fails later is told of by whoever reads
  });
  return socket;
}

type Destroyable = {
  destroy(error?: Error): unknown;
  once(event: "close", listener: () => void): unknown;
};

/** What is open, by the signal that ends it. */
const OPEN = new WeakMap<AbortSignal, Set<Destroyable>>();

/**
 * With the signal's reason as its error. What was made last is destroyed first: Node 20 crashes where a
 * connection goes before the session of HTTP/2 that was just made on it.
 */
export function destroyOnAbort(stream: Destroyable, signal: AbortSignal): void {
  const open = OPEN.get(signal) ?? openUntil(signal);
  open.add(stream);
  stream.once("close", () => open.delete(stream));
  if (signal.aborted) stream.destroy(signal.reason);
}

function openUntil(signal: AbortSignal): Set<Destroyable> {
  const open = new Set<Destroyable>();
  OPEN.set(signal, open);
  const destroyAll = () => {
    for (const stream of [...open].reverse()) stream.destroy(signal.reason);
  };
  signal.addEventListener("abort", destroyAll, { once: true });
  return open;
}

const HOST_AND_PORT = /^(?:\[([^[\]]+)\]|([^:[\]]*)|([\da-fA-F:.%]*:[\da-fA-F:.%]*)):(\d{1,5})$/;

/** `HOST:PORT`, an IPv6 host in brackets; null: it is none. */
export function hostAndPort(address: string): { host: string; port: number } | null {
  const [, bracketed, plain, , digits] = HOST_AND_PORT.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || host === "" || !(port <= 65_535) ? null : { host, port };
}
