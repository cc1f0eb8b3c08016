/**
 * What is probed as the agent has it: plain JSON, which the program that reads the configuration
 * prints. Times are milliseconds, sizes bytes. The modules are those of blackbox_exporter 0.23;
 * docs/probes.md has all their keys.
 */

export type ProbeConfig = {
  /** As it was written: the label `instance`. */
  readonly target: string;
  /** What the prober is given: a URL of HTTP, else a host, mostly with a port. */
  readonly address: string;
  readonly module: ProbeModule;
  readonly intervalMs: number;
  /** Not over the interval. */
  readonly timeoutMs: number;
  readonly labels: Readonly<Record<string, string>>;
};

export type ProbeModule =
  | { readonly prober: "http"; readonly timeoutMs: number | null; readonly http: HttpModule }
  | { readonly prober: "tcp"; readonly timeoutMs: number | null; readonly tcp: TcpModule }
  | { readonly prober: "dns"; readonly timeoutMs: number | null; readonly dns: DnsModule }
  | { readonly prober: "icmp"; readonly timeoutMs: number | null; readonly icmp: IcmpModule }
  | { readonly prober: "grpc"; readonly timeoutMs: number | null; readonly grpc: GrpcModule };

/** By their names. */
export type Modules = ReadonlyMap<string, ProbeModule>;

/** Which address of a name is taken. */
export type IpChoice = {
  readonly preferred: "ip4" | "ip6";
  /** Whether one of the other kind will do. */
  readonly fallsBack: boolean;
};

type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

export type TlsSettings = {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** Null: the target's host. */
  readonly serverName: string | null;
  readonly skipsVerification: boolean;
  readonly minVersion: TlsVersion | null;
  readonly maxVersion: TlsVersion | null;
};

export type HeaderMatch = {
  readonly header: string;
  readonly regexp: string;
  readonly allowMissing: boolean;
};

export type Compression = "gzip" | "br" | "deflate" | "identity";

/** Of each pair such as `password` and `passwordFile` at most one is not null. */
export type HttpModule = {
  readonly ip: IpChoice;
  readonly tls: TlsSettings;
  /** Empty: 200 to 299. */
  readonly validStatusCodes: readonly number[];
  /** Empty: any. */
  readonly validHttpVersions: readonly string[];
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bodyBytesMax: number;
  readonly compression: Compression | null;
  readonly followsRedirects: boolean;
  readonly failIfSsl: boolean;
  readonly failIfNotSsl: boolean;
  readonly failIfBodyMatches: readonly string[];
  readonly failIfBodyNotMatches: readonly string[];
  readonly failIfHeaderMatches: readonly HeaderMatch[];
  readonly failIfHeaderNotMatches: readonly HeaderMatch[];
  readonly basicAuth: {
    readonly username: string;
    readonly password: string;
    readonly passwordFile: string | null;
  } | null;
  /** `type` is what stands before the credentials, such as Bearer. */
  readonly authorization: {
    readonly type: string;
    readonly credentials: string;
    readonly credentialsFile: string | null;
  } | null;
  readonly proxyUrl: string | null;
  readonly proxyHeaders: Readonly<Record<string, string>>;
  /** Whether the proxy looks the target's name up. */
  readonly proxyResolves: boolean;
  readonly allowsHttp2: boolean;
};

export type QueryResponse = {
  /** "": nothing is expected. */
  readonly expect: string;
  /** "": nothing is sent. */
  readonly send: string;
  readonly startTls: boolean;
};

export type TcpModule = {
  readonly ip: IpChoice;
  readonly sourceAddress: string | null;
  readonly queryResponse: readonly QueryResponse[];
  readonly usesTls: boolean;
  readonly tls: TlsSettings;
};

export type RecordChecks = {
  readonly failIfMatches: readonly string[];
  readonly failIfAllMatch: readonly string[];
  readonly failIfNotMatches: readonly string[];
  readonly failIfNoneMatches: readonly string[];
};

export type DnsModule = {
  readonly ip: IpChoice;
  readonly sourceAddress: string | null;
  readonly transport: "udp" | "tcp";
  readonly usesTls: boolean;
  readonly tls: TlsSettings;
  readonly queryName: string;
  /** Codes of RFC 1035, section 3.2. */
  readonly queryType: number;
  readonly queryClass: number;
  readonly recursionDesired: boolean;
  readonly validRcodes: readonly number[];
  readonly answer: RecordChecks;
  readonly authority: RecordChecks;
  readonly additional: RecordChecks;
};

export type IcmpModule = {
  readonly ip: IpChoice;
  readonly sourceAddress: string | null;
  /** 0: that of a usual ping of blackbox_exporter, 28. */
  readonly payloadBytes: number;
  readonly dontFragment: boolean;
  /** 0: the system's. */
  readonly ttl: number;
};

export type GrpcModule = {
  readonly ip: IpChoice;
  /** "": the server as a whole. */
  readonly service: string;
  readonly usesTls: boolean;
  readonly tls: TlsSettings;
};
