import type { Agent, IncomingMessage } from "node:http";
import { OperationalError } from "../../../shared/errors.ts";
import type { LineSplitter } from "../../../shared/line-splitter.ts";
import { loadHttp } from "../../../shared/platform/http-module.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import { parseJson } from "../../containers/hostile-json.ts";

export type AnswerLimits = { readonly bytesMax: number; readonly timeoutMs: number };

/**
 * HTTP over a runtime's socket. GET and nothing else: whoever may write to this socket is root.
 * One connection for requests, one after another, and one for a stream.
 */
export class EngineSocket {
  readonly #path: string;
  readonly #clock: Clock;
  #agent: Agent | null = null;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /**
   * The answer's JSON; null when the status is not 200.
   * @throws OperationalError UNAVAILABLE when there is no whole answer in time, LIMIT when it is
   * too large, PARSE when it is not JSON
   */
  async get(path: string, limits: AnswerLimits, signal: AbortSignal): Promise<unknown> {
    const ms = limits.timeoutMs;
    const late = () => new OperationalError("UNAVAILABLE", `No answer within ${ms} ms`);
    const text = await withDeadline({ clock: this.#clock, ms, signal, late }, async (stop) => {
      const response = await this.#request(path, stop, false);
      if (response.statusCode !== 200) {
        response.destroy();
        return null;
      }
      return await bodyOf(response, limits.bytesMax);
    });
    return text === null ? null : parseJson(text);
  }

  /**
   * Hands over each line until the other side ends the stream. A runtime sends nothing, not even
   * headers, until there is an event.
   * @throws OperationalError UNAVAILABLE
   */
  async lines(
    path: string,
    splitter: LineSplitter,
    onLine: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const response = await this.#request(path, signal, true);
    if (response.statusCode !== 200) {
      response.destroy();
      throw unavailable(path, `status ${response.statusCode}`);
    }
    try {
      for await (const chunk of response) splitter.push(chunk, onLine);
    } catch (cause) {
      throw unavailable(path, "the stream was cut", cause);
    }
  }

  close(): void {
    this.#agent?.destroy();
    this.#agent = null;
  }

  async #request(path: string, signal: AbortSignal, isStream: boolean): Promise<IncomingMessage> {
    // Where no runtime has a socket it is not loaded.
    const http = loadHttp();
    this.#agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
    const agent = isStream ? false : this.#agent;
    return await new Promise((resolve, reject) => {
      const request = http.request({
        socketPath: this.#path,
        path,
        method: "GET",
        headers: { Host: "localhost" },
        agent,
        signal,
      });
      request.once("response", resolve);
      // Stays: a connection may fail again after the answer was given up.
      request.on("error", (cause) => reject(unavailable(path, cause.message, cause)));
      request.end();
    });
  }
}

async function bodyOf(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += chunk.length;
      if (length > bytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw unavailable("the answer", "it was cut", cause);
  }
  if (length > bytesMax)
    throw new OperationalError("LIMIT", `Answer of more than ${bytesMax} bytes`);
  return Buffer.concat(chunks).toString("utf8");
}

function unavailable(path: string, reason: string, cause?: unknown): OperationalError {
  return new OperationalError("UNAVAILABLE", `GET ${path.split("?")[0]}: ${reason}`, { cause });
}
