import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { grpcProbe } from "../../agent/uplink/grpc-connect.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { plainly } from "../support/plainly.ts";
import { startGrpcBed } from "./api-bed.ts";

const never = new AbortController().signal;
const HOST = "127.0.0.1";

test("an aggregator is well while it serves, and not before or after", async () => {
  const { server } = await startGrpcBed();
  const port = Number(server.address.split(":").at(-1));
  const probe = grpcProbe({ host: HOST, port }, plainly);
  expect(await probe(never)).toBe(false);
  server.setServing(true);
  expect(await probe(never)).toBe(true);
  server.setServing(false);
  expect(await probe(never)).toBe(false);
});

test("one that is not there is not well", async () => {
  expect(await grpcProbe({ host: HOST, port: 1 }, plainly)(never)).toBe(false);
});

test("one that takes the connection and says nothing is not well when the time is over", async () => {
  const silent = createServer(() => {});
  await once(silent.listen(0, HOST), "listening");
  onTestFinished(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const probe = grpcProbe({ host: HOST, port }, plainly);
  const over = new AbortController();
  const answer = probe(over.signal);
  await nodeClock.sleep(200);
  over.abort();
  expect(await answer).toBe(false);
  expect(await probe(over.signal)).toBe(false);
});
