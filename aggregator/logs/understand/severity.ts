import { WordTable } from "./word-table.ts";

/**
 * How bad a line says it is: the words of Loki's `detected_level`, which Grafana colours and LogQL
 * users filter by, and syslog's `notice`. docs/log-formats.md has what each comes from.
 */
export const SEVERITIES = [
  "unknown",
  ...(["trace", "debug", "info", "notice", "warn", "error", "critical", "fatal"] as const),
] as const;
export type Severity = (typeof SEVERITIES)[number];

const ALIASES = {
  trace: "trace trc verbose vrb",
  debug: "debug dbg",
  info: "info inf information informational",
  notice: "notice",
  warn: "warn warning wrn",
  error: "error err",
  critical: "critical crit alert dpanic",
  fatal: "fatal ftl panic emerg emergency",
};
/** Words that mean a level only in capitals: java.util.logging's and PostgreSQL's. */
const CAPITALS = { trace: "finer finest", debug: "fine config", info: "log", error: "severe" };
const IN_FIELDS = {
  ...{ trace: "t v silly", debug: "d", info: "i success", notice: "n", warn: "w" },
  ...{ error: "e eror", critical: "c a", fatal: "f" },
};

function wordsOf(...lists: Readonly<Record<string, string>>[]): (readonly [string, Severity])[] {
  return lists.flatMap((list) =>
    Object.entries(list).flatMap(([severity, words]) =>
      words.split(" ").map((word) => [word, severity as Severity] as const),
    ),
  );
}

export const SEVERITY_WORDS = new WordTable(wordsOf(ALIASES));
export const CAPITAL_WORDS = new WordTable(wordsOf(ALIASES, CAPITALS));
/** What the value of a field such as `level` may be: one letter, too, and words for "as usual". */
const FIELD_WORDS = new WordTable(wordsOf(ALIASES, CAPITALS, IN_FIELDS));

/** Numbers 0 to 7 of RFC 5424, section 6.2.1. */
const SYSLOG: readonly Severity[] = [
  "fatal",
  "critical",
  "critical",
  "error",
  "warn",
  "notice",
  "info",
  "debug",
];

/** Of `<PRI>`, or of a bare syslog severity. */
export function severityOfPriority(priority: number): Severity {
  return SYSLOG[priority % 8] ?? "unknown";
}

const TENS: readonly Severity[] = ["trace", "debug", "info", "warn", "error", "fatal"];
const OTEL: readonly Severity[] = ["trace", "debug", "info", "warn", "error", "fatal"];

/** OpenTelemetry's SeverityNumber, 1 to 24, four for each name. */
export function severityOfOtelNumber(number: number): Severity {
  if (!(number >= 1 && number <= 24)) return "unknown";
  if (number === 10) return "notice"; // INFO2: where its table puts syslog's
  if (number === 18 || number === 19) return "critical"; // ERROR2 and 3: critical and alert
  return OTEL[Math.floor((number - 1) / 4)] ?? "unknown";
}

/**
 * The value of a field that states the level: a word, a letter, 0 to 7 as in syslog and GELF, or
 * pino's and bunyan's 10 to 60. "unknown" where it says nothing.
 */
export function severityOfField(text: string, start: number, end: number): Severity {
  const first = text.charCodeAt(start);
  if (first < 48 || first > 57) return FIELD_WORDS.find(text, start, end) ?? "unknown";
  if (end - start > 2) return "unknown";
  const number = Number(text.slice(start, end));
  if (number <= 7) return severityOfPriority(number);
  return TENS[Math.floor(number / 10) - 1] ?? "unknown";
}

/** An answer's status: 5xx is an error of ours; 4xx is the client's, and no reason to look. */
export function severityOfStatus(status: number): Severity {
  if (!(status >= 100 && status <= 599)) return "unknown";
  return status >= 500 ? "error" : "info";
}
