import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { errorMessage } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { ResultLine } from "../model/log-lines.ts";
import { clientGone } from "./api-error.ts";
import { gatheredLines } from "./gathered-lines.ts";
import type { LogsApi } from "./logs-api.ts";
import { tailText } from "./loki-json.ts";
import { countParameter, HOUR_US, isCategorized, timeOf } from "./loki-parameters.ts";
import { parameterError } from "./parameters.ts";

/** Why a request is not answered, as the other routes would say it. */
type TailRefusal = { readonly status: number; readonly text: string };

export type TailDeps = {
  readonly logs: LogsApi;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Null: the caller may follow. */
  refusalOf(request: IncomingMessage): TailRefusal | null;
  failureOf(error: unknown, url: string): TailRefusal;
};

export const TAIL_PATH = "/loki/api/v1/tail";
/** Lines of one message. */
const MESSAGE_LINES = 500;
const LINES_DEFAULT = 100;
/** As in Loki. */
const DELAY_MAX_S = 5;
/** Bytes of a message to us: nothing is meant to be said. */
const PAYLOAD_BYTES_MAX = 4096;
const PING_EVERY_MS = 15_000;
/** Who takes nothing for so long is cut off. */
const SEND_TIMEOUT_MS = 30_000;
/** Those that follow when the server stops may take so long to hear of it. */
const FAREWELL_MS = 500;
const GOING_AWAY = 1001;
const UNEXPECTED = 1011;

type Tail = { readonly lines: AsyncGenerator<readonly ResultLine[]>; readonly delayMs: number };

/**
 * `/loki/api/v1/tail`: the lines of a query as they come in, over a WebSocket. None is left out for a
 * client that reads slowly: it is behind, for the lines wait in the store, and its tail ends when they
 * do no more. So `dropped_entries` is always null.
 */
export class LokiTails implements AsyncDisposable {
  readonly #deps: TailDeps;
  readonly #stop = new AbortController();
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: true,
    perMessageDeflate: false,
    maxPayload: PAYLOAD_BYTES_MAX,
  });

  constructor(deps: TailDeps) {
    this.#deps = deps;
  }

  /** What an HTTP server does when a client wants to speak WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const url = request.url ?? "/";
    const refusal = this.#deps.refusalOf(request);
    if (refusal !== null) {
      refuse(socket, refusal);
      return;
    }
    const gone = new AbortController();
    let tail: Tail;
    try {
      tail = this.#tailOf(url, gone.signal);
    } catch (error) {
      refuse(socket, this.#deps.failureOf(error, url));
      return;
    }
    const flags = request.headers["x-loki-response-encoding-flags"];
    this.#server.handleUpgrade(request, socket, head, (client) => {
      client.once("close", () => gone.abort(clientGone()));
      void this.#serve(client, tail, isCategorized(flags), gone.signal);
      void this.#keepAlive(client, gone.signal);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const { clients } = this.#server;
    if (clients.size === 0) return;
    for (const client of clients) client.close(GOING_AWAY, "the aggregator stops");
    await this.#deps.clock.sleep(FAREWELL_MS);
    for (const client of clients) client.terminate();
  }

  /** @throws ApiError */
  #tailOf(url: string, signal: AbortSignal): Tail {
    const { logs } = this.#deps;
    const parameters = new URLSearchParams(url.slice(url.indexOf("?") + 1));
    const delayS = countParameter(parameters, "delay_for", 0);
    if (delayS > DELAY_MAX_S) {
      throw parameterError("delay_for", `it can't be greater than ${DELAY_MAX_S}`);
    }
    const nowUs = logs.nowMs() * 1000;
    const request = {
      query: parameters.get("query") ?? "",
      limit: countParameter(parameters, "limit", LINES_DEFAULT),
      startUs: timeOf(parameters, "start", nowUs - HOUR_US),
      endUs: nowUs + 1,
    };
    return { lines: logs.follow(request, signal), delayMs: delayS * 1000 };
  }

  /** Never rejects. */
  async #serve(
    client: WebSocket,
    { lines, delayMs }: Tail,
    isCategorizing: boolean,
    gone: AbortSignal,
  ): Promise<void> {
    const { clock, logger } = this.#deps;
    try {
      for await (const batch of gatheredLines(lines, delayMs, clock, gone)) {
        for (let i = 0; i < batch.length; i += MESSAGE_LINES) {
          await this.#send(client, tailText(batch.slice(i, i + MESSAGE_LINES), isCategorizing));
        }
      }
    } catch (error) {
      if (gone.aborted || this.#stop.signal.aborted) return;
      logger.warn({ error: errorMessage(error) }, "a tail of log lines ended");
      client.close(UNEXPECTED, Buffer.from(errorMessage(error)).subarray(0, 120).toString());
      await sleepUnlessAborted(clock, FAREWELL_MS, gone);
      client.terminate();
    }
  }

  /** Resolves when the kernel has the message. */
  async #send(client: WebSocket, text: string): Promise<void> {
    const { clock } = this.#deps;
    const late = () => new Error(`nothing was taken for ${SEND_TIMEOUT_MS / 1000} s`);
    await withDeadline({ clock, ms: SEND_TIMEOUT_MS, late }, () => {
      return new Promise<void>((resolve, reject) => {
        client.send(text, (error) => (error == null ? resolve() : reject(error)));
      });
    });
  }

  /** Finds out who is gone without a word. */
  async #keepAlive(client: WebSocket, gone: AbortSignal): Promise<void> {
    let isAlive = true;
    client.on("pong", () => {
      isAlive = true;
    });
    client.on("error", () => client.terminate());
    for (;;) {
      await sleepUnlessAborted(this.#deps.clock, PING_EVERY_MS, gone);
      if (gone.aborted) return;
      if (!isAlive) client.terminate();
      isAlive = false;
      client.ping();
    }
  }
}

function refuse(socket: Duplex, { status, text }: TailRefusal): void {
  const body = `${text}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
