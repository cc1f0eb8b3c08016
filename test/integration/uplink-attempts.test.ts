import { getEventListeners } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { grpcConnect } from "../../agent/uplink/grpc-connect.ts";
import { plainly } from "../support/plainly.ts";

test("attempts at an aggregator that is away leave no listeners to the agent's end", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  await new Promise((resolve) => server.close(resolve));
  const { signal } = new AbortController();
  const connect = grpcConnect({ host: "127.0.0.1", port }, plainly);
  for (let i = 0; i < 12; i += 1) {
    await expect(connect(signal)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  }
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
