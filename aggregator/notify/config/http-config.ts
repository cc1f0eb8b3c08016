/** `http_config` and `tls_config` of Prometheus' family: their schemas, and what they are read to. */

import { createSecureContext } from "node:tls";
import { z } from "zod";
import { tlsFields } from "../../../shared/config/prometheus-fields.ts";
import { errorMessage } from "../../../shared/errors.ts";
import type {
  ConnectionOptions,
  HttpClientOptions,
  OAuth2Options,
  TlsClientOptions,
} from "../../../shared/platform/http-client.ts";
import { isHttpUrl, readSecret, readTextFile, type Texts } from "./read-secret.ts";

const text = z.string();
const file = z.string().min(1);

export const tlsConfigSchema = z.strictObject({
  ca: text.optional(),
  ca_file: file.optional(),
  cert: text.optional(),
  cert_file: file.optional(),
  key: text.optional(),
  key_file: file.optional(),
  ...tlsFields,
});

const proxyFields = {
  proxy_url: text.optional(),
  no_proxy: text.optional(),
  proxy_from_environment: z.boolean().optional(),
  proxy_connect_header: z.record(text, z.array(text)).optional(),
};

const oauth2Schema = z.strictObject({
  client_id: text,
  client_secret: text.optional(),
  client_secret_file: file.optional(),
  token_url: text,
  scopes: z.array(text).optional(),
  endpoint_params: z.record(text, text).optional(),
  tls_config: tlsConfigSchema.optional(),
  ...proxyFields,
});

const headerSchema = z.strictObject({
  values: z.array(text).optional(),
  secrets: z.array(text).optional(),
  files: z.array(file).optional(),
});

export const httpConfigSchema = z.strictObject({
  basic_auth: z
    .strictObject({
      username: text.optional(),
      username_file: file.optional(),
      password: text.optional(),
      password_file: file.optional(),
    })
    .optional(),
  authorization: z
    .strictObject({
      type: text.optional(),
      credentials: text.optional(),
      credentials_file: file.optional(),
    })
    .optional(),
  bearer_token: text.optional(),
  bearer_token_file: file.optional(),
  oauth2: oauth2Schema.optional(),
  tls_config: tlsConfigSchema.optional(),
  ...proxyFields,
  follow_redirects: z.boolean().optional(),
  /** Taken and without effect: requests are HTTP/1.1, which every server speaks. */
  enable_http2: z.boolean().optional(),
  http_headers: z.record(text, headerSchema).optional(),
});

type RawHttp = z.infer<typeof httpConfigSchema>;
type RawTls = z.infer<typeof tlsConfigSchema>;
type RawProxy = Pick<RawHttp, keyof typeof proxyFields>;
/** The part of an integration's Reading that it takes. */
type HttpReading = Texts & { readonly globals: { readonly http_config?: RawHttp | undefined } };

/**
 * An entry's `http_config`. It stands in the place of the global one, which counts where the entry has
 * none. Faults are reported below `http_config`.
 */
export function readHttpConfig(raw: RawHttp | undefined, reading: HttpReading): HttpClientOptions {
  const below: Texts = {
    readText: reading.readText,
    report: (message, path = []) => {
      const place = ["http_config", ...path];
      if (raw !== undefined) reading.report(message, place);
      else reading.report(`global ${place.join(".")}: ${message}`);
    },
  };
  const chosen = raw ?? reading.globals.http_config ?? {};
  return {
    ...readConnection(chosen, chosen.tls_config, below),
    authorization: readAuthorization(chosen, below),
    oauth2: chosen.oauth2 === undefined ? null : readOAuth2(chosen.oauth2, inside(below, "oauth2")),
    headers: readHeaders(chosen.http_headers ?? {}, inside(below, "http_headers")),
    followRedirects: chosen.follow_redirects ?? true,
  };
}

/** The same reading with faults reported below `name`. */
function inside({ readText, report }: Texts, name: string): Texts {
  return { readText, report: (message, path = []) => report(message, [name, ...path]) };
}

function readConnection(
  proxy: RawProxy,
  tls: RawTls | undefined,
  reading: Texts,
): ConnectionOptions {
  const { proxy_url: url, no_proxy: noProxy = "", proxy_connect_header: headers } = proxy;
  const fromEnvironment = proxy.proxy_from_environment ?? false;
  const hasProxy = url !== undefined && url !== "";
  if (fromEnvironment && (hasProxy || noProxy !== "")) {
    reading.report("proxy_from_environment goes with neither proxy_url nor no_proxy");
  }
  if (noProxy !== "" && !hasProxy) reading.report("no_proxy needs a proxy_url");
  if (headers !== undefined && !hasProxy && !fromEnvironment) {
    reading.report("proxy_connect_header needs a proxy");
  }
  return {
    proxyUrl: hasProxy ? readProxyUrl(url, reading) : null,
    noProxy,
    proxyFromEnvironment: fromEnvironment,
    proxyHeaders: joinedHeaders(headers ?? {}, inside(reading, "proxy_connect_header")),
    tls: readTlsConfig(tls, inside(reading, "tls_config")),
  };
}

/** Without a scheme it is a proxy of HTTP, as in HTTP_PROXY. */
function readProxyUrl(text: string, { report }: Texts): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!isHttpUrl(url)) report("proxy_url must be an http or https URL");
  return url;
}

/** Faults are reported as of the members of `tls_config`. */
export function readTlsConfig(raw: RawTls | undefined, reading: Texts): TlsClientOptions {
  const read = (name: "ca" | "cert" | "key") =>
    readSecret(reading, raw?.[name], raw?.[`${name}_file`], name) || null;
  const options = {
    ca: read("ca"),
    cert: read("cert"),
    key: read("key"),
    serverName: raw?.server_name || null,
    skipsVerification: raw?.insecure_skip_verify ?? false,
    minVersion: raw?.min_version ?? null,
    maxVersion: raw?.max_version ?? null,
  };
  const { ca, cert, key, minVersion, maxVersion } = options;
  if ((cert === null) !== (key === null)) reading.report("cert and key are needed together");
  else if (ca !== null || cert !== null) checkPem({ ca, cert, key }, reading);
  if (minVersion !== null && maxVersion !== null && minVersion > maxVersion) {
    reading.report("min_version must not be over max_version");
  }
  return options;
}

function checkPem(
  { ca, cert, key }: Pick<TlsClientOptions, "ca" | "cert" | "key">,
  { report }: Texts,
) {
  // OpenSSL passes over an authority that it cannot read.
  if (ca !== null && !ca.includes("-----BEGIN")) report("the ca is no PEM text");
  try {
    createSecureContext({
      ...(ca === null ? {} : { ca }),
      ...(cert === null || key === null ? {} : { cert, key }),
    });
  } catch (error) {
    report(`the certificates cannot be used: ${errorMessage(error)}`);
  }
}

function readAuthorization(raw: RawHttp, reading: Texts): string | null {
  const { basic_auth: basic, authorization, bearer_token: bearer } = raw;
  const hasBearer = bearer !== undefined || raw.bearer_token_file !== undefined;
  const given = [basic, authorization, raw.oauth2].filter((one) => one !== undefined).length;
  if (given + (hasBearer ? 1 : 0) > 1) {
    reading.report(
      "at most one of basic_auth, oauth2, authorization, bearer_token & bearer_token_file " +
        "must be configured",
    );
  }
  if (basic !== undefined) return readBasic(basic, inside(reading, "basic_auth"));
  const token = readSecret(reading, bearer, raw.bearer_token_file, "bearer_token");
  if (hasBearer) return headerValue(`Bearer ${token}`, reading);
  if (authorization === undefined) return null;
  const below = inside(reading, "authorization");
  const { type = "", credentials: own, credentials_file: path } = authorization;
  if (type.trim().toLowerCase() === "basic") {
    below.report('type cannot be "basic": use basic_auth instead');
  }
  const credentials = readSecret(below, own, path, "credentials");
  return headerValue(`${type.trim() || "Bearer"} ${credentials}`, below);
}

function readBasic(raw: NonNullable<RawHttp["basic_auth"]>, reading: Texts): string {
  const user = readSecret(reading, raw.username, raw.username_file, "username");
  const password = readSecret(reading, raw.password, raw.password_file, "password");
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function readOAuth2(raw: NonNullable<RawHttp["oauth2"]>, reading: Texts): OAuth2Options {
  const { client_secret: own, client_secret_file: path } = raw;
  if (raw.client_id === "") reading.report("client_id must not be empty");
  if (!isHttpUrl(raw.token_url)) reading.report("token_url must be an http or https URL");
  const clientSecret = readSecret(reading, own, path, "client_secret");
  if (clientSecret === "") reading.report("client_secret or client_secret_file must be configured");
  return {
    clientId: raw.client_id,
    clientSecret,
    tokenUrl: raw.token_url,
    scopes: raw.scopes ?? [],
    parameters: raw.endpoint_params ?? {},
    connection: readConnection(raw, raw.tls_config, reading),
  };
}

/** What requests have of their own, or what the connection is made with. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "accept-encoding authorization connection content-encoding content-length content-type date " +
    "expect host keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding " +
    "upgrade user-agent www-authenticate"
  ).split(" "),
);

function readHeaders(
  raw: NonNullable<RawHttp["http_headers"]>,
  reading: Texts,
): Readonly<Record<string, string>> {
  const values: Record<string, string[]> = {};
  for (const [name, header] of Object.entries(raw)) {
    if (RESERVED.has(name.toLowerCase())) reading.report("this header cannot be set", [name]);
    const read = (header.files ?? []).map((path) => readTextFile(reading, path, name));
    values[name] = [...(header.values ?? []), ...(header.secrets ?? []), ...read];
  }
  return joinedHeaders(values, reading);
}

/** Several values of a header are one with commas (RFC 9110, 5.3). */
function joinedHeaders(
  raw: Readonly<Record<string, readonly string[]>>,
  reading: Texts,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(raw)) {
    const below = inside(reading, name);
    const key = name.toLowerCase();
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) below.report("not a header's name");
    if (Object.hasOwn(headers, key)) below.report("the header is there twice");
    headers[key] = headerValue(values.join(", "), below);
  }
  return headers;
}

/** Characters that would end a header, or that none can hold, are a fault. */
function headerValue(text: string, { report }: Texts): string {
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) report("a header's value cannot hold this text");
  return text;
}
