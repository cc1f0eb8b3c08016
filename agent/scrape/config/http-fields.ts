import { z } from "zod";
import { readTlsFields, secret, tlsFields } from "../../../shared/config/prometheus-fields.ts";
import { type Report, type ResolvePath, reportBelow } from "../../../shared/config/report.ts";
import { path, refused } from "./scalar-fields.ts";
import type { HeaderSource, ScrapeHttp, ScrapeTls } from "./scrape-config.ts";

const HEADERS_MAX = 64;
const tlsConfig = z.strictObject({
  ca: secret.optional(),
  ca_file: path.optional(),
  cert: secret.optional(),
  cert_file: path.optional(),
  key: secret.optional(),
  key_file: path.optional(),
  ...tlsFields,
});

const header = z.strictObject({
  values: z.array(secret).max(HEADERS_MAX).optional(),
  secrets: z.array(secret).max(HEADERS_MAX).optional(),
  files: z.array(path).max(HEADERS_MAX).optional(),
});

/** The keys of `http_config`, which stand beside those of a job and of a discovery. */
export const httpFields = {
  basic_auth: z
    .strictObject({
      username: secret.optional(),
      username_file: path.optional(),
      password: secret.optional(),
      password_file: path.optional(),
    })
    .optional(),
  authorization: z
    .strictObject({
      type: z.string().max(64).optional(),
      credentials: secret.optional(),
      credentials_file: path.optional(),
    })
    .optional(),
  bearer_token: secret.optional(),
  bearer_token_file: path.optional(),
  oauth2: refused(
    "not supported: have another program fetch the token, and name its file in " +
      "authorization.credentials_file, which is read anew for each request",
  ),
  tls_config: tlsConfig.optional(),
  proxy_url: z.string().max(4096).optional(),
  no_proxy: z.string().max(4096).optional(),
  proxy_from_environment: z.boolean().optional(),
  proxy_connect_header: z.record(z.string(), z.array(secret).max(HEADERS_MAX)).optional(),
  follow_redirects: z.boolean().optional(),
  /** Without effect: requests are HTTP/1.1. */
  enable_http2: z.boolean().optional(),
  http_headers: z.record(z.string(), header).optional(),
};

type RawHttp = z.infer<z.ZodObject<typeof httpFields>>;

/** Checks what no single key can say, and makes paths absolute. */
export function readHttp(raw: RawHttp, resolve: ResolvePath, report: Report): ScrapeHttp {
  const basic = raw.basic_auth;
  const below = reportBelow(report, "basic_auth");
  const file = (name: string | undefined) => (name === undefined ? null : resolve(name));
  checkPair(basic?.username, basic?.username_file, "username", below);
  checkPair(basic?.password, basic?.password_file, "password", below);
  return {
    basicAuth:
      basic === undefined
        ? null
        : {
            username: basic.username ?? null,
            usernameFile: file(basic.username_file),
            password: basic.password ?? null,
            passwordFile: file(basic.password_file),
          },
    authorization: readAuthorization(raw, resolve, report),
    tls: readTls(raw.tls_config ?? {}, resolve, reportBelow(report, "tls_config")),
    ...readProxy(raw, report),
    followRedirects: raw.follow_redirects ?? true,
    headers: readHeaders(raw.http_headers ?? {}, resolve, reportBelow(report, "http_headers")),
  };
}

function checkPair(own: unknown, fileName: unknown, name: string, report: Report): void {
  if (own !== undefined && fileName !== undefined) {
    report(`at most one of ${name} and ${name}_file`, [`${name}_file`]);
  }
}

function readAuthorization(
  raw: RawHttp,
  resolve: ResolvePath,
  report: Report,
): ScrapeHttp["authorization"] {
  const { basic_auth: basic, authorization: given } = raw;
  const hasBearer = raw.bearer_token !== undefined || raw.bearer_token_file !== undefined;
  if ([basic !== undefined, given !== undefined, hasBearer].filter(Boolean).length > 1) {
    report("at most one of basic_auth, authorization and bearer_token");
  }
  checkPair(raw.bearer_token, raw.bearer_token_file, "bearer_token", report);
  const below = reportBelow(report, "authorization");
  checkPair(given?.credentials, given?.credentials_file, "credentials", below);
  const type = given?.type?.trim() || "Bearer";
  if (type.toLowerCase() === "basic") below("basic_auth is for that", ["type"]);
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(type)) below("not a type of authorization", ["type"]);
  const name = given?.credentials_file ?? raw.bearer_token_file;
  if (given === undefined && !hasBearer) return null;
  return {
    type,
    credentials: given?.credentials ?? raw.bearer_token ?? null,
    credentialsFile: name === undefined ? null : resolve(name),
  };
}

function readTls(raw: z.infer<typeof tlsConfig>, resolve: ResolvePath, report: Report): ScrapeTls {
  const file = (name: string | undefined) => (name === undefined ? null : resolve(name));
  checkPair(raw.ca, raw.ca_file, "ca", report);
  checkPair(raw.cert, raw.cert_file, "cert", report);
  checkPair(raw.key, raw.key_file, "key", report);
  const hasCert = raw.cert !== undefined || raw.cert_file !== undefined;
  const hasKey = raw.key !== undefined || raw.key_file !== undefined;
  if (hasCert !== hasKey) report("cert and key are needed together");
  return {
    ca: raw.ca ?? null,
    caFile: file(raw.ca_file),
    cert: raw.cert ?? null,
    certFile: file(raw.cert_file),
    key: raw.key ?? null,
    keyFile: file(raw.key_file),
    ...readTlsFields(raw, report),
  };
}

type Proxy = Pick<ScrapeHttp, "proxyUrl" | "noProxy" | "proxyFromEnvironment" | "proxyHeaders">;

function readProxy(raw: RawHttp, report: Report): Proxy {
  const given = raw.proxy_url ?? "";
  const noProxy = raw.no_proxy ?? "";
  const proxyFromEnvironment = raw.proxy_from_environment ?? false;
  // Without a scheme it is a proxy of HTTP, as in HTTP_PROXY.
  const url = given === "" || given.includes("://") ? given : `http://${given}`;
  if (url !== "" && !isHttpUrl(url)) report("must be an http or https URL", ["proxy_url"]);
  if (proxyFromEnvironment && (url !== "" || noProxy !== "")) {
    report("goes with neither proxy_url nor no_proxy", ["proxy_from_environment"]);
  }
  if (noProxy !== "" && url === "") report("needs a proxy_url", ["no_proxy"]);
  const headers = raw.proxy_connect_header ?? {};
  const below = reportBelow(report, "proxy_connect_header");
  if (Object.keys(headers).length > 0 && url === "" && !proxyFromEnvironment)
    below("needs a proxy");
  const proxyHeaders: Record<string, string> = {};
  for (const [name, values] of Object.entries(headers)) {
    checkHeader(name, values, reportBelow(below, name));
    proxyHeaders[name.toLowerCase()] = values.join(", ");
  }
  return { proxyUrl: url === "" ? null : url, noProxy, proxyFromEnvironment, proxyHeaders };
}

export function isHttpUrl(given: string): boolean {
  return URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);
}

/** What requests have of their own, or what the connection is made with. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    "accept accept-encoding authorization connection content-encoding content-length content-type " +
    "date expect host keep-alive proxy-authenticate proxy-authorization te trailer " +
    "transfer-encoding upgrade user-agent www-authenticate x-prometheus-scrape-timeout-seconds"
  ).split(" "),
);

function readHeaders(
  raw: NonNullable<RawHttp["http_headers"]>,
  resolve: ResolvePath,
  report: Report,
): ScrapeHttp["headers"] {
  const headers: Record<string, HeaderSource> = {};
  for (const [name, given] of Object.entries(raw)) {
    const below = reportBelow(report, name);
    const key = name.toLowerCase();
    const values = [...(given.values ?? []), ...(given.secrets ?? [])];
    checkHeader(name, values, below);
    if (RESERVED.has(key)) below("this header cannot be set");
    if (Object.hasOwn(headers, key)) below("the header is there twice");
    headers[key] = { values, files: (given.files ?? []).map(resolve) };
  }
  if (Object.keys(raw).length > HEADERS_MAX) report(`more than ${HEADERS_MAX} headers`);
  return headers;
}

/** Characters that would end a header, or that none can hold, are a fault. */
function checkHeader(name: string, values: readonly string[], report: Report): void {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) report("not the name of a header");
  const isHeld = values.every((value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value));
  if (!isHeld) report("a header cannot hold this text");
}
