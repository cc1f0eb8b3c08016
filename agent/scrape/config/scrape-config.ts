/**
 * A job of `scrape_configs` as the agent has it: plain JSON, which the program that reads the
 * configuration prints. Durations are milliseconds, sizes bytes, and a limit of 0 is none. Names and
 * defaults are Prometheus'; docs/scrape-config.md has them all.
 */

import type { JsonField } from "../json/json-field.ts";
import type { RelabelRule } from "../relabel-rule.ts";

export type ScrapeConfig = {
  readonly jobName: string;
  readonly intervalMs: number;
  /** Not over the interval. */
  readonly timeoutMs: number;
  readonly metricsPath: string;
  readonly scheme: "http" | "https";
  readonly params: Readonly<Record<string, readonly string[]>>;
  readonly honorLabels: boolean;
  readonly honorTimestamps: boolean;
  readonly trackTimestampsStaleness: boolean;
  readonly enableCompression: boolean;
  /** Those that are asked for, the first preferred. */
  readonly protocols: readonly ScrapeProtocol[];
  /** How an answer is read that names no content type, or an unknown one. */
  readonly fallbackProtocol: ScrapeProtocol | null;
  /** What is taken of an answer in JSON; null: the answer is an exposition. */
  readonly fields: readonly JsonField[] | null;
  readonly limits: ScrapeLimits;
  readonly http: ScrapeHttp;
  readonly relabel: readonly RelabelRule[];
  readonly metricRelabel: readonly RelabelRule[];
  readonly staticGroups: readonly StaticGroup[];
  readonly fileDiscoveries: readonly FileDiscoveryConfig[];
  readonly httpDiscoveries: readonly HttpDiscoveryConfig[];
  readonly dockerDiscoveries: readonly DockerDiscoveryConfig[];
};

export type ScrapeProtocol =
  | "OpenMetricsText1.0.0"
  | "OpenMetricsText0.0.1"
  | "PrometheusText1.0.0"
  | "PrometheusText0.0.4";

export type ScrapeLimits = {
  /** Of the answer, unpacked. */
  readonly bodyBytes: number;
  /** After relabelling. */
  readonly samples: number;
  readonly labels: number;
  readonly labelNameLength: number;
  readonly labelValueLength: number;
  readonly targets: number;
  readonly keptDroppedTargets: number;
};

/**
 * How a server is reached. Of each pair such as `password` and `passwordFile` at most one is not null;
 * a file is to be read anew for each use, so that its secret can be replaced.
 */
export type ScrapeHttp = {
  readonly basicAuth: {
    readonly username: string | null;
    readonly usernameFile: string | null;
    readonly password: string | null;
    readonly passwordFile: string | null;
  } | null;
  /** `type` is what stands before the credentials, such as Bearer. */
  readonly authorization: {
    readonly type: string;
    readonly credentials: string | null;
    readonly credentialsFile: string | null;
  } | null;
  readonly tls: ScrapeTls;
  readonly proxyUrl: string | null;
  readonly noProxy: string;
  readonly proxyFromEnvironment: boolean;
  readonly proxyHeaders: Readonly<Record<string, string>>;
  readonly followRedirects: boolean;
  /** By lower-case name. The values of one header are joined by commas. */
  readonly headers: Readonly<Record<string, HeaderSource>>;
};

export type HeaderSource = {
  readonly values: readonly string[];
  readonly files: readonly string[];
};

type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export type ScrapeTls = {
  readonly ca: string | null;
  readonly caFile: string | null;
  readonly cert: string | null;
  readonly certFile: string | null;
  readonly key: string | null;
  readonly keyFile: string | null;
  readonly serverName: string | null;
  readonly skipsVerification: boolean;
  readonly minVersion: TlsVersion | null;
  readonly maxVersion: TlsVersion | null;
};

export type StaticGroup = {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
};

/** Absolute paths; the last part may hold `*` and `?`. */
export type FileDiscoveryConfig = {
  readonly files: readonly string[];
  readonly refreshMs: number;
};

export type HttpDiscoveryConfig = {
  readonly url: string;
  readonly refreshMs: number;
  readonly http: ScrapeHttp;
};

export type DockerDiscoveryConfig = {
  /** `unix:///PATH`, `tcp://HOST:PORT`, `http://` or `https://`. */
  readonly host: string;
  /** Of containers that expose none. */
  readonly port: number;
  readonly filters: Readonly<Record<string, readonly string[]>>;
  /** The address of containers in the host's network. */
  readonly hostNetworkingHost: string;
  readonly matchFirstNetwork: boolean;
  readonly refreshMs: number;
  readonly http: ScrapeHttp;
};
