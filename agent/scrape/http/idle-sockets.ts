import type { Agent } from "node:http";
import type { Duplex } from "node:stream";

/** Of all servers together; one more is closed once it has its answer. */
const IDLE_MAX = 1000;

/** Counts the connections that wait for a request, and bounds them. */
export class IdleSockets {
  readonly #sockets = new Set<Duplex>();
  readonly #forget: (this: Duplex) => void;

  constructor() {
    const sockets = this.#sockets;
    this.#forget = function forget() {
      sockets.delete(this);
    };
  }

  /** From now on those of the agent are counted. */
  watch(agent: Agent): void {
    // Node asks what it returns, which the types do not know.
    const keep: (socket: Duplex) => unknown = agent.keepSocketAlive.bind(agent);
    const reuse = agent.reuseSocket.bind(agent);
    agent.keepSocketAlive = (socket) => {
      if (this.#sockets.size >= IDLE_MAX || keep(socket) === false) return false;
      this.#sockets.add(socket);
      socket.once("close", this.#forget);
      return true;
    };
    agent.reuseSocket = (socket, request) => {
      this.#sockets.delete(socket);
      socket.off("close", this.#forget);
      reuse(socket, request);
    };
  }
}

/** Closes the agent's idle connections at once, the others when they have their answers. */
export function retire(agent: Agent): void {
  agent.keepSocketAlive = () => false;
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}
