import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";

/** A server of bad pages, a process of its own: it prints its address. */

const MEBIBYTE = 1024 ** 2;
const YEAR_MS = 365 * 86_400_000;

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const PAGES: Readonly<Record<string, Answer>> = {
  gigabyte: (response) => pour(response, 1024, () => "# x\n".repeat(MEBIBYTE / 4)),
  announced: (response) => response.writeHead(200, { "content-length": 2 ** 30 }).end(),
  headers: (_, { socket }) => pourHeaders(socket),
  slow: drip,
  bomb: (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(BOMB),
  series: (response) => pour(response, 10_000, thousandSeries),
  label: say(`a{b="${"x".repeat(MEBIBYTE)}"} 1\n`),
  bytes: say(Buffer.from([...Buffer.from('a{b="'), 0xff, ...Buffer.from('"} 1\n')])),
  file: lead("file:///etc/passwd"),
  metadata: lead("http://169.254.169.254/latest"),
  twice: say("a 1\na 2\nb 3\n"),
  ahead: (response) => response.end(`a 1 ${Date.now() + YEAR_MS}\nb 2\n`),
  old: (response) => response.end(`a 1 ${Date.now() - YEAR_MS}\nb 2 0\nc 3\n`),
};
const BOMB = gzipSync(Buffer.alloc(200 * MEBIBYTE, "#"));

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/plain; version=0.0.4");
  PAGES[(request.url ?? "").slice(1)]?.(response, request);
});
server.listen(0, "127.0.0.1", () => {
  console.log(`127.0.0.1:${(server.address() as AddressInfo).port}`);
});

function say(body: string | Buffer): Answer {
  return (response) => response.end(body);
}

function lead(location: string): Answer {
  return (response) => response.writeHead(302, { location }).end();
}

/** So many parts, as fast as they are read. */
function pour(response: ServerResponse, count: number, part: (n: number) => string): void {
  let n = 0;
  const more = () => {
    for (; n < count && !response.destroyed; n += 1) {
      if (response.write(part(n))) continue;
      response.once("drain", more);
      return;
    }
    response.end();
  };
  more();
}

function thousandSeries(n: number): string {
  return Array.from({ length: 1000 }, (_, i) => `a{n="${n * 1000 + i}"} 1\n`).join("");
}

function pourHeaders(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\n");
  const more = () => {
    while (!socket.destroyed && socket.write(`x-y: ${"z".repeat(1000)}\r\n`));
    if (!socket.destroyed) socket.once("drain", more);
  };
  more();
}

/** A byte a second. */
function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write("#"), 1000);
  response.once("close", () => clearInterval(timer));
}
