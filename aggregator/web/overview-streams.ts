import type { ServerResponse } from "node:http";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Counter, Gauge, Metrics } from "../../shared/telemetry/metrics.ts";
import type { OverviewFeed } from "./overview-feed.ts";

/** Pages that follow at the same time. */
export const STREAMS_MAX = 500;
/** Bytes that a reader may be behind; one that is further behind is cut off, and reads it all anew. */
const BEHIND_MAX = 256 * 1024;

/** Then the client comes again, and is asked who it is. */
const STREAM_MAX_MS = 900_000;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-accel-buffering": "no",
};

/** The event after which the overview has to be read anew. */
const ANEW = "event: anew\ndata: \n\n";

export type StreamDeps = { readonly metrics: Metrics; readonly clock: Clock };

type Followed = Pick<OverviewFeed, "seq" | "follow">;
/** The part of a response that an open page needs. */
type PageResponse = Pick<
  ServerResponse,
  "writeHead" | "write" | "end" | "destroy" | "writableLength"
> &
  Pick<ServerResponse, "on" | "once">;

/** The open pages, each a response that goes on and on. */
export class OverviewStreams {
  readonly #feed: Followed;
  readonly #clock: Clock;
  readonly #cut: Counter;
  readonly #count: Gauge;
  readonly #open = new Set<PageResponse>();

  constructor(feed: Followed, { metrics, clock }: StreamDeps) {
    this.#feed = feed;
    this.#clock = clock;
    this.#cut = metrics.counter(
      "telltale_page_streams_cut_total",
      "Open pages that were cut off because they read too slowly.",
    );
    this.#count = metrics.gauge("telltale_page_streams", "Open pages that follow the overview.");
    this.#count.set(0);
  }

  get isFull(): boolean {
    return this.#open.size >= STREAMS_MAX;
  }

  /**
   * @param after the overview that the client has read
   * @param isAllowed whether it still may ask
   */
  open(response: PageResponse, after: number, isAllowed: () => boolean): void {
    response.writeHead(200, HEADERS);
    if (after !== this.#feed.seq) {
      response.end(ANEW);
      return;
    }
    response.write("retry: 2000\n\n");
    this.#open.add(response);
    this.#count.set(this.#open.size);
    const untilMs = this.#clock.monotonicMs() + STREAM_MAX_MS;
    const following = this.#feed.follow((text, seq) => {
      const isOver = text === null || this.#clock.monotonicMs() >= untilMs || !isAllowed();
      this.#send(response, isOver ? ANEW : `id: ${seq}\ndata: ${text}\n\n`);
      if (isOver) response.end();
    });
    response.on("error", () => response.destroy()); // "close" follows
    response.once("close", () => {
      following[Symbol.dispose]();
      this.#open.delete(response);
      this.#count.set(this.#open.size);
    });
  }

  close(): void {
    for (const response of this.#open) response.end();
  }

  #send(response: PageResponse, event: string): void {
    if (response.writableLength <= BEHIND_MAX) response.write(event);
    else {
      this.#cut.add(1);
      response.destroy();
    }
  }
}
