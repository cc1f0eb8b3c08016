import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { grpcProbe } from "../../agent/uplink/grpc-probe.ts";
import { startGrpcServer } from "../../aggregator/api/grpc-server.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { plainly } from "../support/plainly.ts";

const never = new AbortController().signal;
const HOST = "127.0.0.1";
let cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups) await cleanup();
  cleanups = [];
});

/** The aggregator's server, without anything behind it. */
async function startServer() {
  const unserved = new Proxy({}, { get: () => () => {} });
  const server = await startGrpcServer(
    { ingest: unserved as never, query: unserved as never, clock: nodeClock, access: null },
    { listen: { host: HOST, port: 0 } },
  );
  cleanups.push(() => server[Symbol.asyncDispose]());
  return { server, port: Number(server.address.split(":").at(-1)) };
}

test("an aggregator is well while it serves, and not before or after", async () => {
  const { server, port } = await startServer();
  const probe = grpcProbe({ host: HOST, port }, plainly);
  expect(await probe(never)).toBe(false);
  server.setServing(true);
  expect(await probe(never)).toBe(true);
  server.setServing(false);
  expect(await probe(never)).toBe(false);
});

test("one that is not there is not well", async () => {
  const { server, port } = await startServer();
  server.setServing(true);
  cleanups = [];
  await server[Symbol.asyncDispose]();
  expect(await grpcProbe({ host: HOST, port }, plainly)(never)).toBe(false);
});

test("one that takes the connection and says nothing is not well when the time is over", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, HOST, resolve));
  cleanups.push(() => silent.close());
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const over = new AbortController();
  const answer = grpcProbe({ host: HOST, port: address.port }, plainly)(over.signal);
  await nodeClock.sleep(200);
  over.abort();
  expect(await answer).toBe(false);
  expect(await grpcProbe({ host: HOST, port: address.port }, plainly)(over.signal)).toBe(false);
});
