import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * Passes bytes on to a local port and counts what TCP carries, each way. While it is closed,
 * connections are broken and new ones refused.
 */
export class Relay implements AsyncDisposable {
  readonly #targetPort: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  port = 0;
  /** From the client. */
  bytesUp = 0;
  bytesDown = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
  }

  static async open(targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort);
    await relay.open();
    return relay;
  }

  /** On the same port each time. */
  async open(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    this.#server = server;
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closing = this.#server;
    this.#server = null;
    closing?.close();
    if (closing !== null) await once(closing, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #join(client: Socket): void {
    const target = connect(this.#targetPort, "127.0.0.1");
    client.on("data", (chunk) => {
      this.bytesUp += chunk.length;
    });
    target.on("data", (chunk) => {
      this.bytesDown += chunk.length;
    });
    client.pipe(target).pipe(client);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay();
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
