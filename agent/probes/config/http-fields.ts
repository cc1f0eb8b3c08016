import { z } from "zod";
import { bytes, secret } from "../../../shared/config/prometheus-fields.ts";
import type { ResolvePath } from "../../../shared/config/report.ts";
import type { Compression, HeaderMatch, HttpModule } from "./probe-config.ts";
import { ipChoice, ipFields, LIST_MAX, pattern, patterns, text } from "./scalar-fields.ts";
import { pathField, tlsField } from "./tls-fields.ts";

const MEBIBYTE = 1024 ** 2;
/** Of a body where `body_size_limit` says nothing. */
const BODY_BYTES = 10 * MEBIBYTE;
const BODY_BYTES_MAX = 64 * MEBIBYTE;
const HEADERS_MAX = 64;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const FIELD_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

const headerMatches = z
  .array(
    z
      .strictObject({
        header: z.string().min(1, "must be set").max(256),
        regexp: pattern.refine((given) => given !== "", "must be set"),
        allow_missing: z.boolean().default(false),
      })
      .transform(({ header, regexp, allow_missing: allowMissing }): HeaderMatch => {
        return { header, regexp, allowMissing };
      }),
  )
  .max(LIST_MAX)
  .default([]);

const headers = z
  .record(z.string(), secret)
  .superRefine((record, context) => {
    const names = Object.keys(record);
    if (names.length > HEADERS_MAX) {
      context.addIssue({ code: "custom", message: `more than ${HEADERS_MAX} headers` });
    }
    for (const name of names) {
      const message = !TOKEN.test(name)
        ? "not the name of a header"
        : FIELD_TEXT.test(record[name] ?? "")
          ? null
          : "a header cannot hold this text";
      if (message !== null) context.addIssue({ code: "custom", path: [name], message });
    }
  })
  .default({});

function authorizationFields(resolve: ResolvePath) {
  const path = pathField(resolve).nullable().default(null);
  return {
    basic_auth: z
      .strictObject({
        username: secret.default(""),
        password: secret.default(""),
        password_file: path,
      })
      .refine(
        (given) => given.password === "" || given.password_file === null,
        "at most one of password and password_file",
      )
      .optional(),
    authorization: z
      .strictObject({
        type: z.string().max(64).default(""),
        credentials: secret.default(""),
        credentials_file: path,
      })
      .refine(
        (given) => given.credentials === "" || given.credentials_file === null,
        "at most one of credentials and credentials_file",
      )
      .refine(
        (given) => given.type.trim().toLowerCase() !== "basic",
        "basic_auth is for the type Basic",
      )
      .optional(),
    bearer_token: secret.default(""),
    bearer_token_file: path,
    oauth2: z
      .undefined(
        "not supported: have another program fetch the token, and name its file in " +
          "authorization.credentials_file, which is read anew for each probe",
      )
      .optional(),
  };
}

const proxyFields = {
  proxy_url: z
    .string()
    .max(4096)
    .refine((given) => given === "" || isProxyUrl(given), "must be the http URL of a proxy")
    .default(""),
  proxy_connect_header: z
    .record(z.string().regex(TOKEN, "not the name of a header"), z.array(secret).max(HEADERS_MAX))
    .default({}),
  skip_resolve_phase_with_proxy: z.boolean().default(false),
};

function rawHttp(resolve: ResolvePath) {
  return z.strictObject({
    ...ipFields,
    ...authorizationFields(resolve),
    ...proxyFields,
    tls_config: tlsField(resolve),
    valid_status_codes: z.array(z.number().int()).max(LIST_MAX).default([]),
    valid_http_versions: z.array(z.string().max(16)).max(LIST_MAX).default([]),
    method: z
      .string()
      .max(64)
      .refine((given) => given === "" || TOKEN.test(given), "not a method")
      .default(""),
    headers,
    body: text.default(""),
    body_size_limit: bytes.refine((size) => size <= BODY_BYTES_MAX, "at most 64MB").default(0),
    compression: z
      .enum(["", "gzip", "br", "deflate", "identity"], {
        error: "must be gzip, br, deflate or identity",
      })
      .default(""),
    follow_redirects: z.boolean().optional(),
    no_follow_redirects: z.boolean().optional(),
    fail_if_ssl: z.boolean().default(false),
    fail_if_not_ssl: z.boolean().default(false),
    fail_if_body_matches_regexp: patterns,
    fail_if_body_not_matches_regexp: patterns,
    fail_if_header_matches: headerMatches,
    fail_if_header_not_matches: headerMatches,
    enable_http2: z.boolean().default(true),
  });
}

/** `http` */
export function httpField(resolve: ResolvePath) {
  return rawHttp(resolve).prefault({}).superRefine(checkTogether).transform(httpModule);
}

type Raw = z.infer<ReturnType<typeof rawHttp>>;

function checkTogether(raw: Raw, context: z.RefinementCtx): void {
  const refuse = (message: string, key: string) => {
    context.addIssue({ code: "custom", path: [key], message });
  };
  const ways = [raw.basic_auth, raw.authorization, raw.bearer_token || raw.bearer_token_file];
  if (ways.filter(Boolean).length > 1) {
    refuse("at most one of basic_auth, authorization and bearer_token", "authorization");
  }
  if (raw.bearer_token !== "" && raw.bearer_token_file !== null) {
    refuse("at most one of bearer_token and bearer_token_file", "bearer_token_file");
  }
  if (raw.proxy_url === "" && Object.keys(raw.proxy_connect_header).length > 0) {
    refuse("needs a proxy_url", "proxy_connect_header");
  }
  const accepted = Object.entries(raw.headers).find(([name]) => /^accept-encoding$/i.test(name));
  if (raw.compression !== "" && accepted !== undefined) {
    if (!accepts(accepted[1], raw.compression)) {
      refuse(`headers: Accept-Encoding does not accept it`, "compression");
    }
  }
}

/** Whether an Accept-Encoding allows the compression; the first that fits says so. */
function accepts(header: string, compression: Compression): boolean {
  for (const part of header.split(",")) {
    const [coding = "", quality = ""] = part.trim().split(";");
    const name = coding.trim();
    if (name !== compression && name !== "*") continue;
    return !/^\s*q=0(?:\.0*)?\s*$/.test(quality);
  }
  return false;
}

function httpModule(raw: Raw): HttpModule {
  const { basic_auth: basic } = raw;
  return {
    ip: ipChoice(raw),
    tls: raw.tls_config,
    validStatusCodes: raw.valid_status_codes,
    validHttpVersions: raw.valid_http_versions,
    method: raw.method || "GET",
    headers: raw.headers,
    body: raw.body,
    bodyBytesMax: raw.body_size_limit || BODY_BYTES,
    compression: raw.compression || null,
    followsRedirects: (raw.follow_redirects ?? true) && !(raw.no_follow_redirects ?? false),
    failIfSsl: raw.fail_if_ssl,
    failIfNotSsl: raw.fail_if_not_ssl,
    failIfBodyMatches: raw.fail_if_body_matches_regexp,
    failIfBodyNotMatches: raw.fail_if_body_not_matches_regexp,
    failIfHeaderMatches: raw.fail_if_header_matches,
    failIfHeaderNotMatches: raw.fail_if_header_not_matches,
    basicAuth:
      basic === undefined
        ? null
        : {
            username: basic.username,
            password: basic.password,
            passwordFile: basic.password_file,
          },
    authorization: authorizationOf(raw),
    proxyUrl: raw.proxy_url || null,
    proxyHeaders: Object.fromEntries(
      Object.entries(raw.proxy_connect_header).map(([name, values]) => [name, values.join(", ")]),
    ),
    proxyResolves: raw.skip_resolve_phase_with_proxy && raw.proxy_url !== "",
    allowsHttp2: raw.enable_http2,
  };
}

function authorizationOf(raw: Raw): HttpModule["authorization"] {
  const { authorization: given, bearer_token: token, bearer_token_file: file } = raw;
  if (given === undefined) {
    return token === "" && file === null
      ? null
      : { type: "Bearer", credentials: token, credentialsFile: file };
  }
  return {
    type: given.type.trim() || "Bearer",
    credentials: given.credentials,
    credentialsFile: given.credentials_file,
  };
}

function isProxyUrl(given: string): boolean {
  return URL.canParse(given) && new URL(given).protocol === "http:";
}
