import { type AccessLine, requestOf } from "./access-line.ts";

type Fields = ReadonlyMap<string, string>;

/**
 * Under which names a request is told of in JSON and logfmt: nginx' variables, Caddy, Traefik, Envoy,
 * Heroku's router, pino-http, Google's httpRequest, ECS and the usual middlewares. The first counts.
 */
const NAMES = {
  method: names(`method request_method http_method RequestMethod httpMethod req_method verb
    http_request_method httpRequest_requestMethod`),
  path: names(`path uri request_uri RequestPath request_path url req_url url_path http_path
    httpRequest_requestUrl`),
  status: names(`status status_code statusCode http_status DownstreamStatus response_code
    res_statusCode response_status http_response_status_code httpRequest_status code`),
  bytes: names(`body_bytes_sent bytes_sent bytes DownstreamContentSize size response_size
    res_contentLength httpRequest_responseSize`),
  remoteAddr: names(`remote_addr remote_ip request_remote_ip ClientHost client_ip clientip fwd ip
    req_remoteAddress httpRequest_remoteIp downstream_remote_address`),
  protocol: names(`protocol server_protocol request_proto RequestProtocol proto
    httpRequest_protocol`),
} as const;

function names(list: string): readonly string[] {
  return list.split(/\s+/);
}

/** Names that say the unit, as seconds of one. */
const DURATIONS: readonly (readonly [name: string, unitS: number])[] = [
  ...["request_time", "duration_s", "duration_seconds", "elapsed_s"].map(unit(1)),
  ...["duration_ms", "latency_ms", "responseTime", "response_time_ms", "elapsed_ms"].map(
    unit(1e-3),
  ),
  ...["took_ms", "request_time_ms", "time_ms", "service"].map(unit(1e-3)),
  ...["duration_us", "latency_us"].map(unit(1e-6)),
  ...["Duration", "duration_ns", "latency_ns"].map(unit(1e-9)),
];
/** Names whose unit depends on who writes them. */
const TEXT_DURATIONS = ["duration", "latency", "latency_human", "elapsed", "httpRequest_latency"];

function unit(unitS: number) {
  return (name: string) => [name, unitS] as const;
}

/** All that `accessOfFields` looks at. */
const LOOKED_AT = new Set([
  ...Object.values(NAMES).flat(),
  ...DURATIONS.map(([name]) => name),
  ...TEXT_DURATIONS,
  "request",
]);

export function isRequestField(name: string): boolean {
  return LOOKED_AT.has(name);
}

/** The request that the fields tell of; null when they have no method, path and status. */
export function accessOfFields(fields: Fields): AccessLine | null {
  const request = requestOf(fields.get("request") ?? ""); // nginx' "$request"
  const method = first(fields, "method") || request.method;
  const path = first(fields, "path") || request.path;
  const fromCaddy = fields.get("request_uri") !== undefined && fields.has("request_method");
  const status = first(fields, "status");
  if (!/^[A-Za-z_-]{1,20}$/.test(method) || path === "" || !/^[1-5]\d\d$|^0$/.test(status)) {
    return null;
  }
  const bytes = first(fields, "bytes");
  return {
    method,
    path,
    protocol: first(fields, "protocol") || request.protocol,
    status: Number(status),
    bytes: /^\d{1,15}$/.test(bytes) ? Number(bytes) : null,
    durationS: durationOf(fields, fromCaddy),
    remoteAddr: first(fields, "remoteAddr"),
  };
}

function first(fields: Fields, key: keyof typeof NAMES): string {
  for (const name of NAMES[key]) {
    const value = fields.get(name);
    if (value !== undefined && value !== "-") return value;
  }
  return "";
}

const NUMBER = /^\d{1,15}(?:\.\d{1,15})?(?:e-?\d{1,2})?$/;

function durationOf(fields: Fields, fromCaddy: boolean): number | null {
  for (const [name, unitS] of DURATIONS) {
    const value = fields.get(name);
    if (value === undefined) continue;
    if (NUMBER.test(value)) return exactProduct(Number(value), unitS);
    const seconds = parseSeconds(value);
    if (seconds !== null) return seconds;
  }
  for (const name of TEXT_DURATIONS) {
    const seconds = durationText(fields, name, fromCaddy);
    if (seconds !== null) return seconds;
  }
  return null;
}

/**
 * A bare number is seconds from Caddy and wherever it has decimals, and milliseconds from Envoy (known by
 * `response_code`); any other whole number may be anything and is left out.
 */
function durationText(fields: Fields, name: string, fromCaddy: boolean): number | null {
  const value = fields.get(name);
  if (value === undefined) return null;
  if (!NUMBER.test(value)) return parseSeconds(value);
  if (fields.has("response_code")) return exactProduct(Number(value), 1e-3);
  return fromCaddy || /[.e]/.test(value) ? Number(value) : null;
}

/** Divides, since 12 × 0.001 is not 0.012. */
function exactProduct(value: number, unitS: number): number {
  return value / Math.round(1 / unitS);
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ...[["ns", 1e9] as const, ["us", 1e6] as const, ["µs", 1e6] as const, ["μs", 1e6] as const],
  ...[["ms", 1e3] as const, ["s", 1] as const],
]);

/** `1.25ms`, `12s`, and Go's `1m2.5s`; null when it is no such text. */
function parseSeconds(text: string): number | null {
  const [whole, hours, minutes, number = "", name = ""] =
    /^(?:(\d{1,9})h)?(?:(\d{1,9})m(?=\d|$))?(?:(\d{1,12}(?:\.\d{1,12})?)(ns|us|µs|μs|ms|s))?$/.exec(
      text,
    ) ?? [];
  if (whole === undefined || whole === "") return null;
  const rest = number === "" ? 0 : Number(number) / (UNITS.get(name) ?? 1);
  return Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + rest;
}
