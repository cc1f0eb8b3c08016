import { accessOfFields } from "./access-fields.ts";
import { type AccessFormat, type AccessLine, parseAccessLine } from "./access-line.ts";
import { isUpper, LESS } from "./characters.ts";
import { parseJsonFields, parseLogfmtFields } from "./structured-line.ts";
import { parseSyslogHeader, type SyslogHeader } from "./syslog-line.ts";

/** `2`, which a year begins with. */
const TWO = 50;

export type LineFormat = AccessFormat | "json" | "logfmt" | "klog" | "rfc3164" | "rfc5424" | "text"; // none of these

export type DetectedLine = {
  readonly format: LineFormat;
  /** By the format's own names; where a format came by syslog, with the header's. */
  readonly fields: ReadonlyMap<string, string>;
  /** The request, when the line tells of one. */
  readonly access: AccessLine | null;
};

/** What format the line has and what it says, without configuration. Depends on the line alone. */
export function detectFormat(line: string): DetectedLine {
  const header = headerOf(line);
  const message = header === null ? line : line.slice(header.messageAt);
  const found = detectMessage(message);
  if (header === null) return found;
  const isText = found.format === "text";
  const rest: Iterable<[string, string]> = isText ? [["message", message]] : found.fields;
  const format = isText ? header.format : found.format;
  return { format, fields: new Map([...header.fields, ...rest]), access: found.access };
}

/** The request that a line tells of, as `detectFormat` finds it; cheap where there is none. */
export function detectAccess(line: string): AccessLine | null {
  if (!mayTellOfRequest(line)) return null;
  const header = headerOf(line);
  const message = header === null ? line : line.slice(header.messageAt);
  const json = parseJsonFields(message);
  if (json !== null) return accessOfFields(json);
  const access = parseAccessLine(message);
  if (access !== null) return access.access;
  const logfmt = parseLogfmtFields(message);
  return logfmt === null ? null : accessOfFields(logfmt);
}

/** Each format of a request has one of these; searching for a text is quick. Of many lines, too. */
export function mayTellOfRequest(line: string): boolean {
  if (line.includes('] "') || line.includes(" HTTP/") || line.includes("<BADREQ>")) return true;
  const isHttp = line.includes("ethod") || line.includes("verb") || line.includes("request");
  return isHttp && (line.includes("tatus") || line.includes("code"));
}

function headerOf(line: string): SyslogHeader | null {
  const first = line.charCodeAt(0);
  const isPossible = first === LESS || first === TWO || isUpper(first); // PRI, a year, a month
  return isPossible ? parseSyslogHeader(line) : null;
}

function detectMessage(text: string): DetectedLine {
  const json = parseJsonFields(text);
  if (json !== null) return { format: "json", fields: json, access: accessOfFields(json) };
  const access = parseAccessLine(text);
  if (access !== null) {
    const fields = new Map([...accessFields(access.access), ...access.more()]);
    return { format: access.format, fields, access: access.access };
  }
  const klog = parseKlog(text);
  if (klog !== null) return { format: "klog", fields: klog, access: null };
  const logfmt = text.includes("=") ? parseLogfmtFields(text) : null;
  if (logfmt !== null) {
    return { format: "logfmt", fields: logfmt, access: accessOfFields(logfmt) };
  }
  return { format: "text", fields: new Map(), access: null };
}

function accessFields(access: AccessLine): Map<string, string> {
  const { method, path, protocol, status, bytes, durationS, remoteAddr } = access;
  const fields = new Map<string, string>([
    ["remote_addr", remoteAddr],
    ["method", method],
    ["path", path],
    ["protocol", protocol],
    ["status", status === 0 ? "" : String(status)],
    ["bytes", bytes === null ? "" : String(bytes)],
    ["duration", durationS === null ? "" : String(durationS)],
  ]);
  for (const [name, value] of fields) if (value === "") fields.delete(name);
  return fields;
}

const KLOG = /^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d{6} +(\d{1,10}) ([^\s:\]]{1,255}):(\d{1,7})\] ?/;

/** `I1130 03:14:15.123456    7 file.go:12] message` */
function parseKlog(text: string): Map<string, string> | null {
  const [whole, severity = "", thread = "", file = "", line = ""] = KLOG.exec(text) ?? [];
  if (whole === undefined) return null;
  return new Map([
    ["severity", severity],
    ["thread_id", thread],
    ["file", file],
    ["line", line],
    ["message", text.slice(whole.length)],
  ]);
}
