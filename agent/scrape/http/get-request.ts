import type { BodyLease } from "../../model/body-room.ts";
import type { ScrapeHttp } from "../config/scrape-config.ts";

/** A GET of the agent. */
export type GetRequest = {
  /** May hold a secret: only its host is ever named. */
  readonly url: string;
  /** Of a Unix socket, in the place of the URL's host; null: none. */
  readonly socketPath: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: ScrapeHttp;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
  readonly acceptsGzip: boolean;
  readonly lease: BodyLease;
};

export type GetAnswer = {
  readonly status: number;
  /** "" where the answer has none. */
  readonly contentType: string;
  /** Unpacked; the lease's. */
  readonly body: Uint8Array;
};

/** Of an answer, all together. */
export const HEADER_BYTES_MAX = 16 * 1024;
