import { BACKSLASH, QUOTE, SLASH, SPACE } from "./characters.ts";

/** One HTTP request as a server's access log has it. Text that the log gives as `-` is empty. */
export type AccessLine = {
  readonly method: string;
  /** As the client sent it, with its query. */
  readonly path: string;
  readonly protocol: string;
  /** 0 where the log says none: the client went away, or its request could not be read. */
  readonly status: number;
  /** Of the answer; null where the log does not say. */
  readonly bytes: number | null;
  readonly durationS: number | null;
  readonly remoteAddr: string;
};

export type AccessFormat = "access" | "haproxy" | "envoy";
export type ParsedAccess = {
  readonly format: AccessFormat;
  readonly access: AccessLine;
  /** What else the format has, by the names of nginx' or the server's own variables. */
  readonly more: () => (readonly [name: string, value: string])[];
};

/** A request line of 8 KiB is more than servers take. */
const SCANNED_MAX = 16_384;
const PARTS_MAX = 40;
const ACCESS_TIME = /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d(\.\d+)?(?: [+-]\d{4})?\] /g;
const ENVOY_TIME = /\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\] "/y;

/**
 * Reads nginx' and Apache's common and combined log, also with what is usually added, HAProxy's HTTP
 * log and Envoy's and Istio's default; null for any other text. Linear in the text.
 */
export function parseAccessLine(text: string, start = 0): ParsedAccess | null {
  ENVOY_TIME.lastIndex = start;
  if (ENVOY_TIME.test(text)) {
    return envoyLine(partsOf(text, ENVOY_TIME.lastIndex - 1));
  }
  if (text.indexOf(" [", start) < 0) return null;
  ACCESS_TIME.lastIndex = start;
  const time = ACCESS_TIME.exec(text.length > SCANNED_MAX ? text.slice(0, SCANNED_MAX) : text);
  if (time === null || time.index <= start + 1) return null;
  const before = text.slice(start, time.index - 1);
  const parts = partsOf(text, time.index + time[0].length);
  if (parts[0]?.isQuoted === true) return commonLine(before, parts);
  return before.includes(" ") ? null : haproxyLine(before, parts);
}

type Part = { readonly text: string; readonly isQuoted: boolean };

/** Words and quoted texts, in which a backslash protects what follows. */
function partsOf(text: string, start: number): Part[] {
  const parts: Part[] = [];
  const end = Math.min(text.length, SCANNED_MAX);
  let at = start;
  while (at < end && parts.length < PARTS_MAX) {
    const isQuoted = text.charCodeAt(at) === QUOTE;
    const from = isQuoted ? at + 1 : at;
    const to = isQuoted ? quoteEnd(text, from, end) : wordEnd(text, from, end);
    if (to > from || isQuoted) parts.push({ text: text.slice(from, to), isQuoted });
    at = isQuoted ? to + 1 : to;
    while (at < end && text.charCodeAt(at) === SPACE) at += 1;
  }
  return parts;
}

function quoteEnd(text: string, start: number, end: number): number {
  let quote = text.indexOf('"', start);
  while (quote >= 0 && quote < end) {
    let slash = quote - 1;
    while (slash >= start && text.charCodeAt(slash) === BACKSLASH) slash -= 1;
    if ((quote - slash) % 2 === 1) return quote;
    quote = text.indexOf('"', quote + 1);
  }
  return end;
}

function wordEnd(text: string, start: number, end: number): number {
  const space = text.indexOf(" ", start);
  return space < 0 || space > end ? end : space;
}

/**
 * `HOST? ADDR - USER [TIME] "REQUEST" STATUS BYTES "REFERER" "USER AGENT" …`. The most frequent of
 * all: without spreads and destructured lists, which take ten times as long.
 */
function commonLine(before: string, parts: readonly Part[]): ParsedAccess | null {
  const [first, status] = [before.indexOf(" "), parts[1]?.text];
  const second = before.indexOf(" ", first + 1);
  if (first < 0 || second < 0 || !isStatus(status)) return null;
  const third = before.indexOf(" ", second + 1);
  const hasHost =
    third > 0 && before.slice(second + 1, third) === "-" && before.slice(first + 1, second) !== "-";
  const { method, path, protocol } = requestOf(parts[0]?.text ?? "");
  const access: AccessLine = {
    method,
    path,
    protocol,
    status: Number(status),
    bytes: countOf(parts[2]?.text),
    durationS: addedDuration(parts),
    remoteAddr: hasHost ? before.slice(first + 1, second) : before.slice(0, first),
  };
  const more = () =>
    present([
      ["host", hasHost ? before.slice(0, first) : ""],
      ["ident", hasHost ? "-" : before.slice(first + 1, second)],
      ["remote_user", before.slice((hasHost ? third : second) + 1)],
      ["http_referer", parts[3]?.isQuoted === true ? parts[3].text : ""],
      ["http_user_agent", parts[4]?.isQuoted === true ? parts[4].text : ""],
    ]);
  return { format: "access", access, more };
}

function present(pairs: readonly (readonly [string, string])[]) {
  return pairs.filter(([, value]) => value !== "" && value !== "-");
}

function addedDuration(parts: readonly Part[]): number | null {
  for (let i = 3; i < parts.length; i += 1) {
    const part = parts[i];
    if (part === undefined || part.isQuoted) continue;
    const durationS = durationOfWord(part.text);
    if (durationS !== null) return durationS;
  }
  return null;
}

/** nginx' `$request_time`, bare or as `rt=`, and Traefik's `12ms`. A bare whole number may be anything. */
function durationOfWord(word: string): number | null {
  const seconds = SECONDS.exec(word)?.[1];
  if (seconds !== undefined) return Number(seconds);
  const ms = word.endsWith("ms") ? MILLISECONDS.exec(word)?.[1] : undefined;
  return ms === undefined ? null : Number(ms) / 1000;
}

const SECONDS = /^(?:(?:rt|request_time|req_time)=)?"?(\d{1,9}\.\d{1,9})"?$/;
const MILLISECONDS = /^(\d{1,12})ms$/;

/** `ADDR:PORT [TIME] FRONTEND BACKEND/SERVER TR/Tw/Tc/Tr/Ta STATUS BYTES … "REQUEST"` */
function haproxyLine(client: string, parts: readonly Part[]): ParsedAccess | null {
  const [frontend, backend, timers, status, bytes, , , termination] = parts;
  const request = parts.at(-1);
  const [, totalMs] =
    /^-?\d+\/-?\d+\/-?\d+\/-?\d+\/\+?(-?\d{1,12})$/.exec(timers?.text ?? "") ?? [];
  if (totalMs === undefined || request?.isQuoted !== true) return null;
  if (status?.text !== "-1" && !isStatus(status?.text)) return null;
  const line = requestOf(request.text);
  if (line.method === "" && request.text !== "<BADREQ>") return null;
  const colon = client.lastIndexOf(":");
  const [backendName = "", server = ""] = (backend?.text ?? "").split("/");
  const access = {
    ...line,
    status: statusOf(status?.text),
    bytes: countOf(bytes?.text.replace("+", "")),
    durationS: Number(totalMs) < 0 ? null : Number(totalMs) / 1000,
    remoteAddr: colon > 0 ? client.slice(0, colon) : client,
  };
  const more = () =>
    present([
      ["frontend_name", frontend?.text ?? ""],
      ["backend_name", backendName],
      ["server_name", server],
      ["termination_state", termination?.text ?? ""],
    ]);
  return { format: "haproxy", access, more };
}

/** `"REQUEST" STATUS FLAGS … RECEIVED SENT DURATION UPSTREAM "XFF" "UA" "ID" "AUTHORITY" "HOST"` */
function envoyLine(parts: readonly Part[]): ParsedAccess | null {
  const [request, status, flags] = parts;
  if (request === undefined || !isStatus(status?.text)) return null;
  let at = 3; // Istio says more before the numbers
  while (at < 7 && !isCount(parts[at])) at += 1;
  const [received, sent, duration, , forwarded, userAgent, id, authority, upstream] =
    parts.slice(at);
  if (!isCount(received) || !isCount(sent) || !isCount(duration)) return null;
  const access = {
    ...requestOf(request.text),
    status: statusOf(status?.text),
    bytes: countOf(sent?.text),
    durationS: Number(duration?.text) / 1000,
    remoteAddr: forwarded === undefined || forwarded.text === "-" ? "" : forwarded.text,
  };
  const more = () =>
    present([
      ["response_flags", flags?.text ?? ""],
      ["bytes_received", received?.text ?? ""],
      ["x_forwarded_for", forwarded?.text ?? ""],
      ["user_agent", userAgent?.text ?? ""],
      ["request_id", id?.text ?? ""],
      ["authority", authority?.text ?? ""],
      ["upstream_host", upstream?.text ?? ""],
    ]);
  return { format: "envoy", access, more };
}

export type Request = Pick<AccessLine, "method" | "path" | "protocol">;
const NO_REQUEST: Request = { method: "", path: "", protocol: "" };

/** `GET /a?b HTTP/1.1`; all three empty when it is no request, such as TLS sent to a plain port. */
export function requestOf(text: string): Request {
  const space = text.indexOf(" ");
  if (space < 1 || !METHOD.test(text)) return NO_REQUEST;
  const last = text.lastIndexOf(" ");
  const method = text.slice(0, space);
  PROTOCOL.lastIndex = last;
  if (last > space && PROTOCOL.test(text)) {
    return { method, path: text.slice(space + 1, last), protocol: text.slice(last + 1) };
  }
  // HTTP/0.9, or a server that leaves it out
  const isPath = last === space && text.charCodeAt(space + 1) === SLASH;
  return isPath ? { method, path: text.slice(space + 1), protocol: "" } : NO_REQUEST;
}

const METHOD = /^[A-Za-z_-]{1,20} /;
const PROTOCOL = / HTTP\/\d(?:\.\d)?$/y;
const STATUS = /^(?:[1-5]\d\d|000|0)$/;
const COUNT = /^\d{1,15}$/;

function isStatus(text: string | undefined): boolean {
  return text !== undefined && STATUS.test(text);
}

function statusOf(text: string | undefined): number {
  return text === "-1" ? 0 : Number(text);
}

function isCount(part: Part | undefined): boolean {
  return part !== undefined && !part.isQuoted && COUNT.test(part.text);
}

function countOf(text: string | undefined): number | null {
  return text !== undefined && COUNT.test(text) ? Number(text) : null;
}
