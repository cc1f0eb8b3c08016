import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { HttpClientOptions } from "../../shared/platform/http-client.ts";

export type Received = {
  readonly method: string;
  /** As the request line has it: path and query, or a whole URL where the receiver is a proxy. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

export type Answer = (request: Received, response: ServerResponse) => void;

const empty: Answer = (_request, response) => response.end();

export const answerWith =
  (status: number, body = "", headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);

/** A server on loopback that keeps what it got. */
export class HttpReceiver implements AsyncDisposable {
  readonly got: Received[] = [];
  readonly url: string;
  answer: Answer;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, answer: Answer, scheme: string) {
    this.#server = server;
    this.answer = answer;
    this.url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      request.on("error", () => {});
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "", url = "", headers } = request;
      const body = Buffer.concat(chunks).toString();
      const received = { method, target: url, headers, body };
      this.got.push(received);
      this.answer(received, response);
    });
    server.on("tlsClientError", () => {});
    server.keepAliveTimeout = 0; // it is the client that has to close what it does not use
  }

  /** @param tls a server of HTTPS */
  static async open(answer = empty, tls: ServerOptions | null = null): Promise<HttpReceiver> {
    const server = tls === null ? createServer() : createTlsServer(tls);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new HttpReceiver(server, answer, tls === null ? "http" : "https");
  }

  get last(): Received {
    const last = this.got.at(-1);
    if (last === undefined) throw new Error("the receiver got nothing");
    return last;
  }

  /** The last body, which has to be JSON. */
  get json() {
    return JSON.parse(this.last.body);
  }

  /** Where somebody asks to CONNECT. */
  onConnect(connect: (headers: IncomingHttpHeaders, socket: Socket, target: string) => void): void {
    this.#server.on("connect", (request, socket) => {
      connect(request.headers, socket as Socket, request.url ?? "");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** What requests are made with where no `http_config` says more. */
export const PLAIN_CLIENT: HttpClientOptions = {
  ...{ authorization: null, oauth2: null, headers: {}, followRedirects: true },
  ...{ proxyUrl: null, noProxy: "", proxyFromEnvironment: false, proxyHeaders: {} },
  tls: {
    ...{ ca: null, cert: null, key: null, serverName: null, skipsVerification: false },
    ...{ minVersion: null, maxVersion: null },
  },
};
