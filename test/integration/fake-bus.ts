import { createServer, type Server, type Socket } from "node:net";
import { DbusDecoder } from "../../agent/collect/systemd/dbus-decoder.ts";
import { encodeMessage, type Plain } from "../unit/collect/systemd-encoder.ts";

export type BusReply =
  | { readonly signature: string; readonly body: readonly Plain[] }
  | { readonly errorName: string };

export type BusRequest = {
  readonly path: string;
  readonly member: string;
  readonly texts: readonly string[];
};

export type FakeBusOptions = {
  readonly isLittle: boolean;
  /** undefined: it does not answer. */
  readonly answer: (request: BusRequest) => BusReply | undefined;
  /** What it says to a client that wants to authenticate. */
  readonly greeting?: string;
};

/** Speaks the wire format of a bus on a socket, in pieces that end anywhere. */
export class FakeBus {
  readonly requests: BusRequest[] = [];
  readonly sockets = new Set<Socket>();
  connections = 0;
  readonly #options: FakeBusOptions;
  readonly #server: Server;
  /** Ends of answers that go out a little later. */
  readonly #held = new Map<Socket, Buffer>();

  constructor(options: FakeBusOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => undefined);
    let pending: Buffer = Buffer.alloc(0);
    let isGreeted = false;
    socket.on("data", (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      if (!isGreeted) {
        const begin = pending.indexOf("BEGIN\r\n");
        if (begin < 0) {
          if (pending.includes("DATA\r\n")) {
            socket.write(this.#options.greeting ?? "DATA\r\nOK 0123456789abcdef\r\n");
          }
          return;
        }
        isGreeted = true;
        pending = pending.subarray(begin + 7);
      }
      pending = this.#requests(socket, pending);
    });
  }

  #requests(socket: Socket, pending: Buffer): Buffer {
    let rest = pending;
    while (rest.length >= 16) {
      const headerLength = Math.ceil((16 + rest.readUInt32LE(12)) / 8) * 8;
      const length = headerLength + rest.readUInt32LE(4);
      if (rest.length < length) break;
      this.#request(socket, rest.subarray(0, length), headerLength);
      rest = rest.subarray(length);
    }
    return rest;
  }

  #request(socket: Socket, bytes: Buffer, headerLength: number): void {
    const decoder = new DbusDecoder(Uint8Array.from(bytes.subarray(0, headerLength)), true);
    const header = decoder.values("yyyyuua(yv)");
    const fields = new Map(header[6] as unknown as [number, string][]);
    const body = new DbusDecoder(Uint8Array.from(bytes.subarray(headerLength)), true);
    const texts = body.values(fields.get(8) ?? "") as string[];
    const request = { path: fields.get(1) ?? "", member: fields.get(3) ?? "", texts };
    this.requests.push(request);
    const reply = this.#options.answer(request);
    if (reply === undefined) return;
    const replyTo = header[5] as number;
    const { isLittle } = this.#options;
    const message =
      "errorName" in reply
        ? { kind: 3, replyTo, signature: "", body: [], errorName: reply.errorName }
        : { kind: 2, replyTo, ...reply };
    const answer = encodeMessage(message, isLittle);
    const held = Buffer.concat([this.#held.get(socket) ?? Buffer.alloc(0), answer]);
    const cut = held.length - (answer.length >> 1);
    this.#held.set(socket, held.subarray(cut));
    socket.write(held.subarray(0, cut));
    setImmediate(() => {
      socket.write(this.#held.get(socket) ?? "");
      this.#held.delete(socket);
    });
  }
}
