import { connect, type Socket } from "node:net";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import type { DbusValue } from "./dbus-decoder.ts";
import { type DbusCall, DbusReader, type DbusReply, encodeCall } from "./dbus-message.ts";

/** Makes a call and gives its answer's values. @throws OperationalError NOT_FOUND for an error reply */
export type CallBus = (call: DbusCall) => Promise<readonly DbusValue[]>;

export type BusAddress = {
  readonly socketPath: string;
  /** A bus wants to be greeted before anything else; systemd's own socket does not. */
  readonly isBus: boolean;
};

/** A bus lets a client wait for 128 answers at most. */
const CALLS_OPEN_MAX = 64;
const AUTHENTICATION_BYTES_MAX = 1024;

const HELLO: DbusCall = {
  path: "/org/freedesktop/DBus",
  destination: "org.freedesktop.DBus",
  interface: "org.freedesktop.DBus",
  member: "Hello",
  arguments: [],
};

/**
 * Connects, lets `talk` make its calls, and hangs up.
 * @throws OperationalError UNAVAILABLE, PROTOCOL, LIMIT; the signal's reason when it is aborted
 */
export async function converse<T>(
  address: BusAddress,
  signal: AbortSignal,
  talk: (call: CallBus) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const conversation = new Conversation(connect(address.socketPath));
  const onAbort = () => conversation.end(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const call: CallBus = (message) => conversation.call(message);
    if (address.isBus) await call(HELLO);
    return await talk(call);
  } finally {
    signal.removeEventListener("abort", onAbort);
    conversation.end(new OperationalError("UNAVAILABLE", "The D-Bus conversation is over"));
  }
}

type Waiting = {
  readonly resolve: (values: readonly DbusValue[]) => void;
  readonly reject: (reason: unknown) => void;
};

class Conversation {
  readonly #socket: Socket;
  readonly #reader = new DbusReader();
  readonly #open = new Map<number, Waiting>();
  #unsent: { readonly call: DbusCall; readonly waiting: Waiting }[] = [];
  #greeting: Buffer | null = Buffer.alloc(0);
  #serial = 0;
  #endedBy: { readonly reason: unknown } | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (error) => this.end(unavailable(errorMessage(error))));
    socket.on("close", () => this.end(unavailable("it hung up")));
    // Who we are the peer sees by the socket: the empty identity says so.
    socket.write("\0AUTH EXTERNAL\r\nDATA\r\n");
  }

  call(call: DbusCall): Promise<readonly DbusValue[]> {
    return new Promise((resolve, reject) => {
      if (this.#endedBy !== null) return reject(this.#endedBy.reason);
      this.#unsent.push({ call, waiting: { resolve, reject } });
      this.#send();
    });
  }

  end(reason: unknown): void {
    if (this.#endedBy !== null) return;
    this.#endedBy = { reason };
    this.#socket.destroy();
    for (const { reject } of this.#open.values()) reject(reason);
    for (const { waiting } of this.#unsent) waiting.reject(reason);
    this.#open.clear();
    this.#unsent = [];
  }

  #send(): void {
    if (this.#greeting !== null) return;
    const room = CALLS_OPEN_MAX - this.#open.size;
    const batch = this.#unsent.splice(0, room);
    if (batch.length === 0) return;
    const messages = batch.map(({ call, waiting }) => {
      this.#serial += 1;
      this.#open.set(this.#serial, waiting);
      return encodeCall(call, this.#serial);
    });
    this.#socket.write(Buffer.concat(messages));
  }

  #receive(bytes: Buffer): void {
    if (this.#endedBy !== null) return;
    try {
      const messages = this.#greeting === null ? bytes : this.#greet(this.#greeting, bytes);
      if (messages === null) return;
      for (const reply of this.#reader.push(messages)) this.#answer(reply);
      this.#send();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.end(error);
    }
  }

  /** What follows the greeting; null while it is not complete. Source: D-Bus spec, "Authentication". */
  #greet(before: Buffer, bytes: Buffer): Buffer | null {
    let rest = Buffer.concat([before, bytes]);
    for (;;) {
      const end = rest.indexOf("\r\n");
      if (end < 0 && rest.length <= AUTHENTICATION_BYTES_MAX) {
        this.#greeting = rest;
        return null;
      }
      const line = rest.toString("latin1", 0, end);
      if (end > AUTHENTICATION_BYTES_MAX || !/^(?:DATA|OK)\b/.test(line)) {
        throw new OperationalError("PROTOCOL", "D-Bus refuses to authenticate us");
      }
      rest = rest.subarray(end + 2);
      if (!line.startsWith("OK")) continue;
      this.#greeting = null;
      this.#socket.write("BEGIN\r\n");
      return rest;
    }
  }

  #answer({ replyTo, error, body }: DbusReply): void {
    const waiting = this.#open.get(replyTo);
    if (waiting === undefined) return;
    this.#open.delete(replyTo);
    if (error === null) waiting.resolve(body);
    else waiting.reject(new OperationalError("NOT_FOUND", `D-Bus answers ${error.slice(0, 200)}`));
  }
}

function unavailable(why: string): OperationalError {
  return new OperationalError("UNAVAILABLE", `No D-Bus conversation: ${why}`);
}
