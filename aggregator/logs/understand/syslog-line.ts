import { SEVERITY_WORDS } from "./severity.ts";

/** What stands before the message of a syslog line: `hostname`, `app_name`, `procid` and so on. */
export type SyslogHeader = {
  readonly format: "rfc3164" | "rfc5424";
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Where the message begins. */
  readonly messageAt: number;
};

const HEADER_MAX = 4096;
const FIELDS_MAX = 100;
const RFC5424 = /^<(\d{1,3})>1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) /;
/** RFC 3164, and what rsyslog writes to files: the same with or without `<PRI>`, or an ISO time. */
const RFC3164 =
  /^(?:<(\d{1,3})>)?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d) ([\w.:-]{1,255}) ([\w./()@-]{1,64})(?:\[(\d{1,10})\])?: ?/;

export function parseSyslogHeader(text: string): SyslogHeader | null {
  const head = text.length > HEADER_MAX ? text.slice(0, HEADER_MAX) : text;
  const found = RFC5424.exec(head);
  if (found !== null) return rfc5424(head, found);
  const [whole, priority, hostname = "", appName = "", procid = ""] = RFC3164.exec(head) ?? [];
  // Behind an ISO time, `WARN db: …` would be a host and a program.
  if (whole === undefined || SEVERITY_WORDS.find(hostname, 0, hostname.length) !== null)
    return null;
  const fields = [...priorityFields(priority), ...named({ hostname, app_name: appName, procid })];
  return { format: "rfc3164", fields, messageAt: whole.length };
}

function rfc5424(head: string, found: RegExpExecArray): SyslogHeader | null {
  const [whole, priority, , hostname = "", app_name = "", procid = "", msgid = ""] = found;
  const fields = [...priorityFields(priority), ...named({ hostname, app_name, procid, msgid })];
  const end = structured(head, whole.length, fields);
  if (end < 0) return null;
  const hasMark = head.charCodeAt(end + 1) === 0xfeff; // a message in UTF-8 may begin with it
  return { format: "rfc5424", fields, messageAt: Math.min(end + (hasMark ? 2 : 1), head.length) };
}

/** Adds `id_name` for each parameter of the structured data; its end, or -1 where it is broken. */
function structured(head: string, start: number, fields: (readonly [string, string])[]): number {
  if (head.charAt(start) === "-") return start + 1;
  const element = /\[([^ \]="]{1,64})((?: [^ \]="]{1,64}="(?:[^"\\]|\\.)*")*)\]/y;
  let at = start;
  for (;;) {
    element.lastIndex = at;
    const [whole, id = "", parameters = ""] = element.exec(head) ?? [];
    if (whole === undefined) return at === start ? -1 : at;
    for (const [, name = "", value = ""] of parameters.matchAll(/ ([^=]+)="((?:[^"\\]|\\.)*)"/g)) {
      if (fields.length < FIELDS_MAX) {
        fields.push([`${id}_${name}`, value.replace(/\\(["\\\]])/g, "$1")]);
      }
    }
    at += whole.length;
  }
}

function priorityFields(priority: string | undefined): (readonly [string, string])[] {
  if (priority === undefined || Number(priority) > 191) return [];
  const facility = Math.floor(Number(priority) / 8);
  return [
    ["facility", String(facility)],
    ["priority", String(Number(priority) % 8)],
  ];
}

function named(values: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return Object.entries(values).filter(([, value]) => value !== "" && value !== "-");
}
