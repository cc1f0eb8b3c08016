import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** Who asks for pages. */
type Scraper = "prometheus" | "telltale";

/** An answer of an exporter; 502 with no text where there was none. */
type Page = { readonly status: number; readonly type: string; readonly packed: Buffer };

/** What was asked for at one URL. */
type Tape = {
  /** Those that one of the two has not had yet. */
  readonly pages: Map<number, Promise<Page>>;
  /** When each page was asked for by each scraper, Unix milliseconds; NaN: it went away before it had it. */
  readonly askedMs: Record<Scraper, number[]>;
};

/** What the exporters are asked for, whoever asks. Source: Prometheus 2.42's scrape. */
const ACCEPT =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const FETCH_WITHIN_MS = 900;

/**
 * Stands before exporters, so that two scrapers get the same pages: the `n`-th scrape of either has the
 * page that was fetched for the first of the two. `http://ADDRESS/NAME/PATH` is `PATH` of exporter NAME.
 */
export class PageRecorder implements AsyncDisposable {
  readonly #server: Server;
  /** By name, such as `http://127.0.0.1:9100`. */
  readonly #exporters: ReadonlyMap<string, string>;
  readonly #tapes = new Map<string, Tape>();

  private constructor(exporters: ReadonlyMap<string, string>) {
    this.#exporters = exporters;
    this.#server = createServer((request, response) => {
      const { "user-agent": agent = "" } = request.headers;
      const scraper = agent.startsWith("Prometheus/") ? "prometheus" : "telltale";
      void this.#answer(request.url ?? "", scraper, response);
    });
  }

  static async open(exporters: ReadonlyMap<string, string>): Promise<PageRecorder> {
    const recorder = new PageRecorder(exporters);
    recorder.#server.listen(0, "127.0.0.1");
    await once(recorder.#server, "listening");
    return recorder;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * When the scrapers asked for each page of the target, such as `/node/metrics`. Their first pages are
   * the same, and so on.
   */
  askedMs(target: string): Tape["askedMs"] {
    return this.#tapeOf(target).askedMs;
  }

  async #answer(target: string, scraper: Scraper, response: ServerResponse): Promise<void> {
    const { askedMs } = this.#tapeOf(target);
    const n = askedMs[scraper].push(Date.now()) - 1;
    response.on("close", () => {
      if (!response.writableFinished) askedMs[scraper][n] = Number.NaN;
    });
    const { status, type, packed } = await this.#page(target, n);
    response.writeHead(status, { "content-type": type, "content-encoding": "gzip" }).end(packed);
  }

  /** Each is fetched when the first scraper asks for it, and forgotten when the other one does. */
  #page(target: string, n: number): Promise<Page> {
    const { pages } = this.#tapeOf(target);
    const fetched = pages.get(n);
    if (fetched !== undefined) {
      pages.delete(n);
      return fetched;
    }
    const page = this.#fetch(target);
    pages.set(n, page);
    return page;
  }

  #tapeOf(target: string): Tape {
    const tape = this.#tapes.get(target) ?? {
      pages: new Map(),
      askedMs: { prometheus: [], telltale: [] },
    };
    this.#tapes.set(target, tape);
    return tape;
  }

  async #fetch(target: string): Promise<Page> {
    const [, name = "", path = ""] = /^\/([^/]+)(\/.*)$/.exec(target) ?? [];
    const signal = AbortSignal.timeout(FETCH_WITHIN_MS);
    const init = { headers: { accept: ACCEPT }, signal };
    try {
      const response = await fetch(`${this.#exporters.get(name)}${path}`, init);
      const body = Buffer.from(await response.arrayBuffer());
      const type = response.headers.get("content-type") ?? "";
      return { status: response.status, type, packed: gzipSync(body) };
    } catch {
      return { status: 502, type: "text/plain", packed: gzipSync("") };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
