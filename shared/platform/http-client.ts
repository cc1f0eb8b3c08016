/** HTTP requests and what they are made with, as those who send them and the platform know it. */

export type HttpRequest = {
  readonly method: "GET" | "POST" | "PUT";
  /** A secret: it often holds a token. Never logged but for its host. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly client: HttpClientOptions;
};

/** `http_config` of Prometheus' family, files read. */
export type HttpClientOptions = ConnectionOptions & {
  /** basic_auth and authorization, as the header's value; null: none. */
  readonly authorization: string | null;
  readonly oauth2: OAuth2Options | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly followRedirects: boolean;
};

/** How a server is reached. */
export type ConnectionOptions = {
  readonly proxyUrl: string | null;
  /** Hosts that are asked without the proxy, as in NO_PROXY. */
  readonly noProxy: string;
  /** By HTTP_PROXY, HTTPS_PROXY and NO_PROXY; both of the above are empty. */
  readonly proxyFromEnvironment: boolean;
  /** For the proxy alone, where it is asked to CONNECT. */
  readonly proxyHeaders: Readonly<Record<string, string>>;
  readonly tls: TlsClientOptions;
};

export type OAuth2Options = {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenUrl: string;
  readonly scopes: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
  /** To the server that gives tokens. */
  readonly connection: ConnectionOptions;
};

type TlsVersion = "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";

/** PEM texts; null: the system's authorities, no certificate of our own. */
export type TlsClientOptions = {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly serverName: string | null;
  readonly skipsVerification: boolean;
  /** Null: Node's. */
  readonly minVersion: TlsVersion | null;
  readonly maxVersion: TlsVersion | null;
};

export type HttpAnswer = {
  readonly status: number;
  /** How the answer begins. */
  readonly text: string;
  readonly retryAfterMs: number | null;
};
