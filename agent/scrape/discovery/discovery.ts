import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import type { ScrapeHttp } from "../config/scrape-config.ts";
import type { TargetGroup } from "../targets.ts";

/** Finds targets. A source that fails leaves what it last said. */
export type Discovery = {
  /** Hands over all groups at once, at first and whenever they are others, until the signal. */
  run(onGroups: (groups: readonly TargetGroup[]) => void, signal: AbortSignal): Promise<void>;
};

/** A GET of a discovery. */
export type DiscoveryRequest = {
  readonly url: string;
  /** Of a Unix socket, in the place of the URL's host; null: none. */
  readonly socketPath: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly http: ScrapeHttp;
  /** Of the body, unpacked. */
  readonly bytesMax: number;
};

export type DiscoveryAnswer = {
  readonly status: number;
  /** "" where the answer has none. */
  readonly contentType: string;
  readonly body: string;
};

export type DiscoveryPorts = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly files: DiscoveryFiles;
  /** @throws OperationalError UNAVAILABLE, LIMIT; the signal's reason when it is aborted */
  readonly get: (request: DiscoveryRequest, signal: AbortSignal) => Promise<DiscoveryAnswer>;
};

export type DiscoveryFiles = {
  /** The files that match the pattern, sorted. */
  list(pattern: string): Promise<readonly string[]>;
  /** Another text when the file is another, or has changed; null: it is not there. */
  mark(path: string): Promise<string | null>;
  /** @throws OperationalError or a system error when it cannot be read as a whole */
  read(path: string, bytesMax: number): Promise<string>;
};

/** Of a file or an answer that holds target groups. */
export const GROUPS_BYTES_MAX = 8 * 1024 ** 2;
