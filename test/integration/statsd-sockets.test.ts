import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type DatagramSocket, DatagramSockets } from "../../shared/platform/datagram-sockets.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { eventually, freePorts } from "../support/programs.ts";
import { otherUnixSocket, UnixSender } from "../support/unix-datagrams.ts";

async function sendUdp(host: string, port: number, texts: readonly (string | Buffer)[]) {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  for (const text of texts) {
    await new Promise<void>((resolve, reject) => {
      socket.send(text, port, host, (error) => (error === null ? resolve() : reject(error)));
    });
  }
  socket.close();
  await once(socket, "close");
}

/** Returns how many the socket took: who sends to a full one is told. */
function sendUnix(path: string, texts: readonly string[]): number {
  using sender = new UnixSender(path, false);
  return texts.filter((text) => sender.send(text)).length;
}

function received({ receive }: Pick<DatagramSocket, "receive">): string[] {
  const texts: string[] = [];
  const take = (datagram: Buffer, isCut: boolean) => {
    texts.push(isCut ? "cut" : datagram.toString());
  };
  while (receive(take) > 0);
  return texts;
}

function firstOf({ sockets }: DatagramSockets): DatagramSocket {
  const [socket] = sockets;
  if (socket === undefined) throw new Error("it has a socket");
  return socket;
}

test.each(["127.0.0.1", "::1"])("datagrams to %s come whole and in order", async (host) => {
  const [port] = await freePorts();
  await using sockets = new DatagramSockets([{ host, port }], 1024 ** 2);
  const socket = firstOf(sockets);
  const texts = Array.from({ length: 200 }, (_, i) => `n:${i}|c|#${"x".repeat(i)}`);
  await sendUdp(host, port, [...texts, "", Buffer.alloc(65_000, "y")]);
  await sockets.readable();
  expect(received({ receive: (take) => socket.receive(take) })).toEqual([
    ...texts,
    "",
    "y".repeat(65_000),
  ]);
  expect(socket.lost()).toBe(0);
});

test("what a full socket lost is exactly what it did not hand over", async () => {
  const [port] = await freePorts();
  await using sockets = new DatagramSockets([{ host: "127.0.0.1", port }], 32 * 1024);
  const socket = firstOf(sockets);
  const texts = Array.from({ length: 500 }, (_, i) => `n:${i}|c`);
  let taken = 0;
  for (let round = 0; round < 3; round += 1) {
    await sendUdp("127.0.0.1", port, texts);
    taken += received({ receive: (take) => socket.receive(take) }).length;
    expect(taken + socket.lost()).toBe(500 * (round + 1));
  }
  expect(socket.lost()).toBeGreaterThan(0);
  const row = readFileSync("/proc/net/udp", "utf8")
    .split("\n")
    .find((line) => line.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `));
  expect(Number(row?.trim().split(/\s+/).at(-1))).toBe(socket.lost());
});

test("the receive buffer is as large as was asked for, or as the kernel lets it be", async () => {
  const [port] = await freePorts();
  await using sockets = new DatagramSockets([{ host: "127.0.0.1", port }], 300_000);
  const most = Number(readFileSync("/proc/sys/net/core/rmem_max", "utf8"));
  const mayForce = process.getuid?.() === 0;
  const expected = mayForce ? 300_000 : Math.min(300_000, most);
  expect(firstOf(sockets).receiveBufferBytes).toBe(expected);
});

test("a port that is taken is refused as such, and leaves nothing open", async () => {
  const [port, other] = await freePorts();
  await using _first = new DatagramSockets([{ host: "127.0.0.1", port }], 4096);
  const doors = [
    { host: "127.0.0.1", port: other },
    { host: "127.0.0.1", port },
  ];
  expect(() => new DatagramSockets(doors, 4096)).toThrow(
    expect.objectContaining({ code: "IN_USE", message: expect.stringContaining("EADDRINUSE") }),
  );
  await using _second = new DatagramSockets([{ host: "127.0.0.1", port: other }], 4096);
  expect(() => new DatagramSockets([{ host: "nowhere", port }], 4096)).toThrow("Not an IP address");
});

test("a Unix socket takes datagrams of anyone, and goes when it is closed", async () => {
  const path = join(directoryForTest(), "statsd.sock");
  {
    await using sockets = new DatagramSockets([path], 1024 ** 2);
    expect(statSync(path).mode & 0o777).toBe(0o666);
    expect(sendUnix(path, ["a:1|c", "b:1|c"])).toBe(2);
    await sockets.readable();
    const socket = firstOf(sockets);
    expect(received({ receive: (take) => socket.receive(take) })).toEqual(["a:1|c", "b:1|c"]);
    const texts = Array.from({ length: 5000 }, (_, i) => `n:${i}|c`);
    const told = sendUnix(path, texts);
    expect(received({ receive: (take) => socket.receive(take) })).toHaveLength(told);
    expect(told).toBeLessThan(5000);
    expect(socket.lost()).toBe(0);
  }
  expect(existsSync(path)).toBe(false);
});

test("a socket that was left over is replaced; one in use, and a file, are not", async () => {
  const directory = directoryForTest();
  const [path, file] = [join(directory, "a.sock"), join(directory, "b.sock")];
  {
    using _other = otherUnixSocket(path);
    expect(() => new DatagramSockets([path], 4096)).toThrow("EADDRINUSE");
  }
  await using _sockets = new DatagramSockets([path], 4096);
  expect(sendUnix(path, ["a:1|c"])).toBe(1);
  writeFileSync(file, "kept");
  expect(() => new DatagramSockets([file], 4096)).toThrow("EADDRINUSE");
  expect(readFileSync(file, "utf8")).toBe("kept");
  expect(() => new DatagramSockets([join(directory, "missing/a.sock")], 4096)).toThrow("ENOENT");
});

test("who waits is woken by a datagram, and by the end", async () => {
  const [port] = await freePorts();
  const path = join(directoryForTest(), "statsd.sock");
  const sockets = new DatagramSockets([{ host: "127.0.0.1", port }, path], 4096);
  let isReadable = false;
  const woken = sockets.readable().then(() => {
    isReadable = true;
  });
  expect(isReadable).toBe(false);
  sendUnix(path, ["a:1|c"]);
  await woken;
  for (const socket of sockets.sockets) received({ receive: (take) => socket.receive(take) });
  const ended = sockets.readable();
  await sockets[Symbol.asyncDispose]();
  await ended;
  await eventually(() => !existsSync(path));
});
