import { accessOfFields, isRequestField } from "./access-fields.ts";
import { type AccessFormat, type AccessLine, parseAccessLine } from "./access-line.ts";
import { COLON, DOT, isBlank, isUpper, LESS, OPEN, SPACE } from "./characters.ts";
import { commonRequest } from "./common-line.ts";
import { parseJsonFields, parseLogfmtFields } from "./structured-line.ts";
import { parseSyslogHeader, type SyslogHeader } from "./syslog-line.ts";

/** `2`, which a year begins with, and `T`. */
const [TWO, LETTER_T] = [50, 84];

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

/**
 * The request that a line tells of, as `detectFormat` finds it; cheap where there is none. Texts are
 * searched for by a part that begins with a rare character, which is quicker by far.
 */
export function detectAccess(line: string): AccessLine | null {
  const message = messageOf(line);
  if (message.charCodeAt(0) === OPEN) {
    const isPossible = hasAny(message, 'us"', 'de"') && hasAny(message, 'quest"', 'verb"', 'hod"');
    const json = isPossible ? parseJsonFields(message, isRequestField) : null;
    if (json !== null) return accessOfFields(json);
  }
  const access = message.includes('"') ? accessOfText(message) : null;
  if (access !== null) return access;
  const isPossible =
    isPairFirst(message) &&
    hasAny(message, "us=", "de=") &&
    hasAny(message, "quest=", "verb=", "hod=");
  const logfmt = isPossible ? parseLogfmtFields(message) : null;
  return logfmt === null ? null : accessOfFields(logfmt);
}

function accessOfText(message: string): AccessLine | null {
  const bracketAt = message.indexOf('] "');
  if (bracketAt < 0 && !hasAny(message, "HTTP/", "<BADREQ>")) return null; // HAProxy's
  return commonRequest(message) ?? parseAccessLine(message)?.access ?? null;
}

function hasAny(text: string, first: string, second: string, third = second): boolean {
  return text.includes(first) || text.includes(second) || text.includes(third);
}

/** Whether the first word has a `=`, as each has in a line of logfmt. */
function isPairFirst(text: string): boolean {
  const equals = text.indexOf("=");
  if (equals < 1) return false;
  if (isBlank(text.charCodeAt(0))) return true; // blanks come before the first word
  const space = text.indexOf(" ");
  return space < 0 || equals < space;
}

/** Behind syslog's header, if there is one. */
function messageOf(line: string): string {
  const header = headerOf(line);
  return header === null ? line : line.slice(header.messageAt);
}

/** `<13>`, `Nov 30 03:`, or an ISO time with microseconds and a zone. */
function mayHaveHeader(line: string): boolean {
  const first = line.charCodeAt(0);
  if (first === LESS) return true;
  if (isUpper(first)) return line.charCodeAt(3) === SPACE && line.charCodeAt(9) === COLON;
  return first === TWO && line.charCodeAt(10) === LETTER_T && line.charCodeAt(19) === DOT;
}

function headerOf(line: string): SyslogHeader | null {
  return mayHaveHeader(line) ? parseSyslogHeader(line) : null;
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
