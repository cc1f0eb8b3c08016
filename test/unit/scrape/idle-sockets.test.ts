import { Agent } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { IdleSockets, retire } from "../../../agent/scrape/http/idle-sockets.ts";

/** Whether the agent keeps a further connection, which is what it returns, whatever its type says. */
const keeps = (agent: Agent, socket = new Socket()): unknown => agent.keepSocketAlive(socket);

function watched(idle: IdleSockets): Agent {
  const agent = new Agent({ keepAlive: true });
  idle.watch(agent);
  return agent;
}

test("a thousand idle connections are kept, of all agents together", () => {
  const idle = new IdleSockets();
  const agents = [watched(idle), watched(idle)] as const;
  const sockets = Array.from({ length: 1000 }, () => new Socket());
  sockets.forEach((socket, i) => {
    expect(keeps(agents[i < 500 ? 0 : 1], socket)).toBe(true);
  });
  expect(agents.map((agent) => keeps(agent))).toEqual([false, false]);
  sockets[0]?.emit("close");
  expect([keeps(agents[1]), keeps(agents[1])]).toEqual([true, false]);
});

test("a connection in use is not idle, however often it is used", () => {
  const agent = watched(new IdleSockets());
  const [request, socket] = [{} as never, new Socket()];
  socket.setKeepAlive = () => socket; // listens to "connect" for each call
  for (let i = 0; i < 2000; i += 1) {
    expect(keeps(agent, socket)).toBe(true);
    agent.reuseSocket(socket, request);
  }
  expect(socket.listenerCount("close")).toBe(0);
});

test("a retired agent keeps none", () => {
  const agent = watched(new IdleSockets());
  retire(agent);
  expect(keeps(agent)).toBe(false);
});
