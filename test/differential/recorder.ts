import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A notification as a webhook got it. */
export type Notice = {
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Which webhook: `RECEIVER/INDEX`. */
  readonly webhook: string;
  readonly body: WebhookBody;
};

/** The part of Alertmanager's webhook format that two programs must agree on. */
type WebhookBody = {
  readonly receiver: string;
  readonly status: string;
  readonly groupKey: string;
  readonly groupLabels: Texts;
  readonly commonLabels: Texts;
  readonly commonAnnotations: Texts;
  readonly alerts: readonly WebhookAlert[];
};

export type WebhookAlert = {
  readonly status: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  /** RFC 3339. */
  readonly startsAt: string;
  /** RFC 3339; of the year 1 while it fires. */
  readonly endsAt: string;
  readonly fingerprint: string;
};

type Texts = Readonly<Record<string, string>>;

/** All webhooks of all programs: one server, with a path for each. */
export class Recorder implements AsyncDisposable {
  readonly #server: Server;
  /** By program: what comes before `/RECEIVER/INDEX`. */
  readonly #received = new Map<string, Notice[]>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const atMs = Date.now();
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        const [, program = "", receiver, index] = (request.url ?? "").split("/");
        const notice = { atMs, webhook: `${receiver}/${index}`, body: JSON.parse(text) };
        this.of(program).push(notice);
        response.end();
      });
    });
    // A connection that is closed while a program uses it again costs the program a retry.
    this.#server.keepAliveTimeout = 0;
  }

  static async open(): Promise<Recorder> {
    const recorder = new Recorder();
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  urlOf(program: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${program}`;
  }

  /** In the order of their arrival. */
  of(program: string): Notice[] {
    const notices = this.#received.get(program) ?? [];
    this.#received.set(program, notices);
    return notices;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
