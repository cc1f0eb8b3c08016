import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export type FakeContainer = {
  readonly id: string;
  name: string;
  labels?: Record<string, string>;
  state?: string;
  restarts?: number;
  health?: string;
  exitCode?: number;
  /** By name: its address there. */
  networks?: Readonly<Record<string, string>>;
};

export const idOf = (number: number) => `c0ffee${number.toString(16).padStart(58, "0")}`;

/** Answers as Docker's or Podman's service does, on a socket; and misbehaves when told to. */
export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly requests: string[] = [];
  readonly methods = new Set<string>();
  /** What to answer instead, by the start of the path. */
  readonly instead = new Map<string, (response: ServerResponse) => void>();
  connectionsMost = 0;
  #connections = 0;
  #streams = new Set<ServerResponse>();
  #server: Server | null = null;
  #timeNano = 0;
  readonly path: string;
  readonly engineName: string;

  constructor(path: string, engineName = "Engine") {
    this.path = path;
    this.engineName = engineName;
  }

  async start(): Promise<void> {
    rmSync(this.path, { force: true });
    const server = createServer((request, response) => this.#answer(request, response));
    server.on("connection", (socket) => {
      this.#connections += 1;
      this.connectionsMost = Math.max(this.connectionsMost, this.#connections);
      socket.on("close", () => {
        this.#connections -= 1;
      });
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  get listeners(): number {
    return this.#streams.size;
  }

  add(container: FakeContainer): void {
    this.containers.set(container.id, container);
  }

  event(id: string, action: string, attributes: Record<string, string> = {}): void {
    this.write(`${this.eventText(id, action, attributes)}\n`);
  }

  eventText(id: string, action: string, attributes: Record<string, string> = {}): string {
    const container = this.containers.get(id);
    this.#timeNano = Math.max(this.#timeNano + 1000, Date.now() * 1e6);
    return JSON.stringify({
      Type: "container",
      Action: action,
      Actor: {
        ID: id,
        Attributes: { image: "app:1", name: container?.name, ...container?.labels, ...attributes },
      },
      timeNano: this.#timeNano,
    });
  }

  write(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  cut(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    this.requests.push(path);
    this.methods.add(request.method ?? "");
    for (const [start, answer] of this.instead) {
      if (path.startsWith(start)) {
        answer(response);
        return;
      }
    }
    const [, id] = /^\/containers\/([0-9a-f]{64})\/json$/.exec(path) ?? [];
    if (path === "/version") send(response, { Components: [{ Name: this.engineName }] });
    else if (path.startsWith("/events")) this.#stream(response);
    else if (path.startsWith("/containers/json")) send(response, this.#list(path));
    else if (id !== undefined) this.inspect(response, id);
    else send(response, {}, 404);
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "application/json" });
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }

  #list(path: string): object[] {
    const limit = Number(/limit=(\d+)/.exec(path)?.[1] ?? "0");
    return [...this.containers.values()].slice(0, limit).map((container) => ({
      Id: container.id,
      Names: [`/${container.name}`],
      Image: "app:1",
      ImageID: `sha256:${"a".repeat(64)}`,
      Labels: container.labels ?? {},
      State: container.state ?? "running",
    }));
  }

  inspect(response: ServerResponse, id: string): void {
    const container = this.containers.get(id);
    if (container === undefined) {
      send(response, { message: "No such container" }, 404);
      return;
    }
    send(response, {
      Id: id,
      Name: `/${container.name}`,
      Image: `sha256:${"a".repeat(64)}`,
      RestartCount: container.restarts ?? 0,
      State: {
        Status: container.state ?? "running",
        OOMKilled: false,
        ExitCode: container.exitCode ?? 0,
        ...(container.health === undefined ? {} : { Health: { Status: container.health } }),
      },
      Config: { Image: "app:1", Labels: container.labels ?? {} },
      NetworkSettings: {
        Networks: Object.fromEntries(
          Object.entries(container.networks ?? {}).map(([name, ip]) => [name, { IPAddress: ip }]),
        ),
      },
    });
  }
}

function send(response: ServerResponse, answer: object, status = 200): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(answer));
}
