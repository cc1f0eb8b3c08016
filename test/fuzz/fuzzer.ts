import { once } from "node:events";
import { connect } from "node:net";
import { Client, type ClientDuplexStream, credentials, status } from "@grpc/grpc-js";
import { loadTelltale } from "../../shared/wire/proto.ts";
import type { SeededRandom } from "../support/random.ts";
import { mutatedBytes, mutatedSession } from "./mutate.ts";
import { encodedSession, type Session } from "./session.ts";

const { Stream: method } = loadTelltale().v1.Ingest.service;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** A stream that the aggregator has no answer to is given up. */
const PATIENCE_MS = 1500;
const RAW_PATIENCE_MS = 150;
/** Few, so that what is stored for them does not grow for ever. */
const NODES = 8;
/** Statuses by which nobody refused anything. */
const NO_REFUSAL: ReadonlySet<number> = new Set([status.OK, status.CANCELLED]);

/** Sends what no agent would to an ingest port, and counts the answers. */
export class Fuzzer {
  /** Streams that the other side ended with an error, by the name of the status. */
  readonly refusals = new Map<string, number>();
  attacks = 0;
  readonly #port: number;
  readonly #random: SeededRandom;
  readonly #sessions: readonly Session[];

  /** @param nowMs the time of what is sent; the seed decides all else */
  constructor(
    port: number,
    random: SeededRandom,
    nowMs: number,
    recorded: readonly Session[] = [],
  ) {
    this.#port = port;
    this.#random = random;
    const own = Array.from({ length: NODES }, (_, index) => {
      return encodedSession(`fuzz-${index}`, `${index}`.repeat(32), nowMs);
    });
    this.#sessions = [...own, ...recorded];
  }

  get refused(): number {
    return [...this.refusals.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One attack, to its end. */
  async attack(): Promise<void> {
    this.attacks += 1;
    if (this.#random.chance(0.75)) await this.#stream();
    else await this.#rawBytes();
  }

  async #stream(): Promise<void> {
    const random = this.#random;
    const session = mutatedSession(random.pick(this.#sessions), random);
    const messages: Buffer[] = session.map((message) => method.requestSerialize(message));
    const at = random.int(0, Math.max(0, messages.length - 1));
    if (random.chance(0.3)) messages[at] = mutatedBytes(messages[at] ?? Buffer.alloc(1), random);
    const client = new Client(`127.0.0.1:${this.#port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    // A client that is closed before it is connected keeps its connection (grpc-js 1.14).
    await new Promise((resolve) => client.waitForReady(Date.now() + PATIENCE_MS, resolve));
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      method.path,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    const code = await answerOf(call, messages, random.chance(0.2));
    client.close();
    if (NO_REFUSAL.has(code)) return;
    // Behind a goodbye nobody listens. What cannot be decoded there grpc-js refuses by itself, if
    // it comes before the aggregator's own end of the stream.
    if (code === status.INTERNAL && session.slice(0, -1).some(isGoodbye)) return;
    const name = status[code] ?? `${code}`;
    this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
  }

  /** HTTP/2 that is none, or not for long. */
  async #rawBytes(): Promise<void> {
    const random = this.#random;
    const socket = connect(this.#port, "127.0.0.1");
    socket.on("error", () => {});
    await Promise.race([once(socket, "connect"), once(socket, "close")]);
    const frames = Array.from({ length: random.int(0, 30) }, () => http2Frame(random));
    const bytes = Buffer.concat([PREFACE, ...frames]);
    socket.write(random.chance(0.7) ? bytes : mutatedBytes(bytes, random));
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), RAW_PATIENCE_MS);
    await once(socket, "close").catch(() => undefined);
    clearTimeout(timer);
  }
}

function isGoodbye({ goodbye }: Session[number]): boolean {
  return goodbye !== null && goodbye !== undefined;
}

/** The status that the stream ends with; CANCELLED where this side gave up. */
async function answerOf(
  call: ClientDuplexStream<Buffer, Buffer>,
  messages: readonly Buffer[],
  isRude: boolean,
): Promise<number> {
  const ended = new Promise<number>((resolve) => call.on("status", ({ code }) => resolve(code)));
  call.on("error", () => {});
  call.resume();
  for (const message of messages) call.write(message);
  if (isRude) call.cancel();
  else call.end();
  const timer = setTimeout(() => call.cancel(), PATIENCE_MS);
  const code = await ended;
  clearTimeout(timer);
  return code;
}

/** Length, type, flags and stream as they may be; a payload that has little to do with them. */
function http2Frame(random: SeededRandom): Buffer {
  const payload = Buffer.from(Array.from({ length: random.int(0, 40) }, () => random.int(0, 255)));
  const head = Buffer.alloc(9);
  head.writeUIntBE(random.chance(0.8) ? payload.length : random.int(0, 2 ** 24 - 1), 0, 3);
  head[3] = random.int(0, 10);
  head[4] = random.int(0, 255);
  head.writeUInt32BE(random.pick([0, 1, 3, 5, 2 ** 31 - 1, 2 ** 32 - 1]), 5);
  return Buffer.concat([head, payload]);
}
