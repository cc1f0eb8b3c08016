import { once } from "node:events";
import { request } from "node:https";
import { expect, onTestFinished, test } from "vitest";
import WebSocket from "ws";
import { Access } from "../../aggregator/access/access.ts";
import { startHttpServer } from "../../aggregator/api/http-server.ts";
import { MemoryStore } from "../support/memory-store.ts";
import { createApiBed, LOOPBACK } from "./api-bed.ts";

const DAY_MS = 86_400_000;

/** The HTTP server with TLS, and a token of each role. */
async function startSecure() {
  const bed = createApiBed();
  const { clock, logger, metrics } = bed;
  const access = await Access.open(
    { store: new MemoryStore(), clock, logger, metrics },
    { names: ["localhost", "127.0.0.1"], certificateLifeMs: DAY_MS },
  );
  const refusals = metrics.counter("telltale_access_refusals_total", "Refusals.");
  const deps = { ...bed, readiness: { isReady: () => true }, gate: { port: access, refusals } };
  const server = await startHttpServer(deps, LOOPBACK);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const bearer = async (role: "viewer" | "operator") => {
    const token = await access.addUser(role, role);
    return { authorization: `Bearer ${token.reveal()}` };
  };
  return {
    address: server.address,
    viewer: await bearer("viewer"),
    operator: await bearer("operator"),
  };
}

async function post(address: string, headers: Record<string, string>): Promise<number> {
  const values = [[`${Date.now()}000000`, "x"]];
  const call = request(`https://${address}/loki/api/v1/push`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    rejectUnauthorized: false,
  });
  call.end(JSON.stringify({ streams: [{ stream: { app: "a" }, values }] }));
  const [response] = await once(call, "response");
  response.resume();
  return response.statusCode;
}

test("with TLS pushing is for operators, and following for viewers too", async () => {
  const { address, viewer, operator } = await startSecure();
  expect(await post(address, {})).toBe(401);
  expect(await post(address, viewer)).toBe(403);
  expect(await post(address, operator)).toBe(204);
  const follow = (headers: Record<string, string>) => {
    const query = encodeURIComponent('{app="a"}');
    const url = `wss://${address}/loki/api/v1/tail?query=${query}`;
    const socket = new WebSocket(url, { headers, rejectUnauthorized: false });
    socket.on("error", () => {});
    onTestFinished(() => socket.terminate());
    return socket;
  };
  const [, refused] = await once(follow({}), "unexpected-response");
  expect(refused.statusCode).toBe(401);
  const [message] = await once(follow(viewer), "message");
  expect(JSON.parse(String(message)).streams[0].values[0][1]).toBe("x");
});
