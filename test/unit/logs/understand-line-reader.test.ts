import { expect, test } from "vitest";
import { type LineFacts, LineReader } from "../../../aggregator/logs/understand/line-reader.ts";
import type { Severity } from "../../../aggregator/logs/understand/severity.ts";

/** Lines as loggers and servers write them, with invented values, and what each says of itself. */
const NOW = "2026-11-30T03:20:00Z";
const us = (iso: string) => Date.parse(iso) * 1000;
const reader = new LineReader();

/** The time as ISO text with microseconds where there are some. */
function shown({ timeUs }: LineFacts): string | null {
  if (timeUs === null) return null;
  const seconds = new Date(Math.floor(timeUs / 1e6) * 1000).toISOString().slice(0, 19);
  const decimals = String(timeUs % 1e6).padStart(6, "0");
  return decimals === "000000" ? `${seconds}Z` : `${seconds}.${decimals.replace(/0+$/, "")}Z`;
}

const T = "2026-11-30T03:14:15Z";
const MS = "2026-11-30T03:14:15.123Z";
const MICRO = "2026-11-30T03:14:15.123456Z";

const LINES: readonly [kind: string, line: string, time: string | null, severity: Severity][] = [
  // ISO 8601
  ["RFC 3339", "2026-11-30T03:14:15Z starting", T, "unknown"],
  ["offset", "2026-11-30T05:14:15.123+02:00 INFO up", MS, "info"],
  ["offset without colon", "2026-11-29T22:14:15.123-0500 WARN disk", MS, "warn"],
  ["offset of hours", "2026-11-30 04:14:15.123+01 [8] ERROR:  deadlock", MS, "error"],
  ["offset behind a space", "2026-11-29 19:14:15 -0800 DEBUG x", T, "debug"],
  ["nanoseconds", "2026-11-30T03:14:15.123456789Z x", MICRO, "unknown"],
  ["lower case", "2026-11-30t03:14:15z x", T, "unknown"],
  ["no seconds", "2026-11-30T03:14Z x", "2026-11-30T03:14:00Z", "unknown"],
  ["basic form", "20261130T031415Z x", T, "unknown"],
  ["a comma", "2026-11-30 03:14:15,123 - app.db - WARNING - slow", MS, "warn"],
  ["leap second", "2016-12-31T23:59:60Z x", null, "unknown"],
  ["a date that there is not", "2026-02-30T03:14:15Z x", null, "unknown"],
  ["an hour that there is not", "2026-11-30T24:14:15Z x", null, "unknown"],
  // syslog
  ["RFC 3164", "Nov 30 03:14:15 web1 sshd[812]: Accepted publickey", T, "unknown"],
  ["one digit", "Nov  3 03:14:15 web1 cron[1]: run", "2026-11-03T03:14:15Z", "unknown"],
  ["with PRI", "<11>Nov 30 03:14:15 web1 app: gone", T, "error"],
  ["with a level of its own", "<14>Nov 30 03:14:15 web1 app[7]: level=warn msg=x", T, "warn"],
  ["RFC 5424", "<165>1 2026-11-30T03:14:15.123456Z web1 app 7 ID47 - up", MICRO, "notice"],
  ["RFC 5424 without time", "<34>1 - web1 su - ID47 - failed", null, "critical"],
  ["JSON behind it", '<14>Nov 30 03:14:15 web1 app[7]: {"level":"error"}', T, "error"],
  ["sshd's own word", "Nov 30 03:14:15 web1 sshd[8]: error: kex_exchange", T, "error"],
  ["sshd's fatal", "Nov 30 03:14:15 web1 sshd[8]: fatal: Timeout", T, "fatal"],
  ["kernel", "Nov 30 03:14:15 web1 kernel: [12345.678901] eth0: link up", T, "unknown"],
  ["Cisco's year", "Nov 30 2026 03:14:15 fw1 : %ASA-6-302013: Built", T, "unknown"],
  // web servers
  ["access 200", '10.1.2.3 - - [30/Nov/2026:03:14:15 +0000] "GET / HTTP/1.1" 200 5', T, "info"],
  ["access 502", '::1 - bob [30/Nov/2026:04:14:15 +0100] "GET /a HTTP/1.1" 502 5', T, "error"],
  ["access 404", '::1 - - [30/Nov/2026:03:14:15 +0000] "GET /ERROR HTTP/1.1" 404 5', T, "info"],
  ["virtual host", 'a.example:80 ::1 - - [30/Nov/2026:03:14:15 +0000] "-" 408 0', T, "info"],
  ["nginx error", "2026/11/30 03:14:15 [error] 31#31: *1 open() failed", T, "error"],
  ["nginx crit", "2026/11/30 03:14:15 [crit] 31#31: *1 SSL", T, "critical"],
  ["nginx emerg", "2026/11/30 03:14:15 [emerg] 1#1: bind()", T, "fatal"],
  ["Apache", "[Mon Nov 30 03:14:15.123456 2026] [core:error] [pid 9] AH0", MICRO, "error"],
  ["Apache 2.2", "[Mon Nov 30 03:14:15 2026] [notice] Apache configured", T, "notice"],
  // Unix time
  ["squid", "1796008455.123    120 10.0.0.9 TCP_MISS/200 512 GET http://a/", MS, "unknown"],
  ["JSON seconds", '{"level":"info","ts":1796008455.123456,"msg":"x"}', MICRO, "info"],
  ["JSON exponent", '{"ts":1.796008455123e9,"level":"warn"}', MS, "warn"],
  ["JSON ms", '{"level":30,"time":1796008455123,"pid":1,"msg":"x"}', MS, "info"],
  ["JSON us", '{"timestamp":1796008455123456,"severity":"ERROR"}', MICRO, "error"],
  ["JSON ns", '{"ts":1796008455123456789,"lvl":"dbg"}', MICRO, "debug"],
  ["logfmt seconds", "ts=1796008455.123 level=info msg=x", MS, "info"],
  ["a number that is no time", "1234567890 items left", null, "unknown"],
  // logfmt
  ["logfmt", 'time="2026-11-30T03:14:15Z" level=warning msg="slow query"', T, "warn"],
  ["go-kit", "level=error ts=2026-11-30T03:14:15.123Z caller=main.go:1 err=x", MS, "error"],
  ["slog", "time=2026-11-30T03:14:15.123Z level=ERROR msg=lost", MS, "error"],
  ["key at the end", 'msg="one two three four" time=2026-11-30T03:14:15Z', T, "unknown"],
  ["key of another word", "error_level=3 msg=x", null, "unknown"],
  // JSON
  ["bunyan", '{"name":"a","level":50,"msg":"x","time":"2026-11-30T03:14:15.123Z"}', MS, "error"],
  ["pino fatal", '{"level":60,"time":1796008455123}', MS, "fatal"],
  ["nested", '{"ctx":{"level":"error"},"@timestamp":"2026-11-30T03:14:15Z"}', T, "unknown"],
  ["ECS", '{"@timestamp":"2026-11-30T03:14:15Z","log.level":"WARN"}', T, "warn"],
  ["GELF", '{"version":"1.1","timestamp":1796008455.123,"level":3}', MS, "error"],
  ["Serilog", '{"@t":"2026-11-30T03:14:15.123Z","@mt":"x","@l":"Warning"}', MS, "warn"],
  ["OTel", '{"Timestamp":"2026-11-30T03:14:15Z","SeverityNumber":18}', T, "critical"],
  ["mongod", '{"t":{"$date":"2026-11-30T03:14:15.123+00:00"},"s":"W","c":"X"}', MS, "warn"],
  ["quotes", '{"msg":"say \\"level\\":\\"error\\"","level":"info"}', null, "info"],
  ["docker compose", 'web-1  | {"level":"error","time":"2026-11-30T03:14:15Z"}', T, "error"],
  ["RFC 1123", '{"time":"Mon, 30 Nov 2026 03:14:15 GMT","level":"notice"}', T, "notice"],
  ["cut", '{"level":"info","ts":"2026-11-30T03:14:1', null, "info"],
  // loggers
  ["klog", "W1130 03:14:15.123456    7 reflector.go:561] watch closed", MICRO, "warn"],
  ["no klog", "W1130 items", null, "unknown"],
  ["log4j", "2026-11-30 03:14:15,123 [main] FATAL com.example.App - out of it", MS, "fatal"],
  ["Spring", "2026-11-30T03:14:15.123Z  WARN 1 --- [nio-1] c.e.App : slow", MS, "warn"],
  ["Tomcat", "30-Nov-2026 03:14:15.123 SEVERE [main] org.example.Host x", MS, "error"],
  ["java.util.logging", "Nov 30, 2026 3:14:15 AM com.example.App run", T, "unknown"],
  ["its second line", "FINE: looked up", null, "debug"],
  ["Spark", "26/11/30 03:14:15 INFO Executor: Running task", T, "info"],
  ["Python", "WARNING:root:low on space", null, "warn"],
  ["dashes", "2026-11-30 03:14:15,123-ERROR-lost", MS, "error"],
  ["PostgreSQL", "2026-11-30 04:14:15.123 CET [99] LOG:  checkpoint starting", MS, "info"],
  ["PostgreSQL panic", "2026-11-30 03:14:15.123 UTC [99] PANIC:  could not write", MS, "fatal"],
  ["Redis", "1:M 30 Nov 2026 03:14:15.123 * Ready to accept connections", MS, "notice"],
  ["Redis warning", "1:M 30 Nov 2026 03:14:15.123 # Memory overcommit", MS, "warn"],
  ["MySQL", "2026-11-30T03:14:15.123456Z 0 [Warning] [MY-010068] CA", MICRO, "warn"],
  ["logcat", "11-30 03:14:15.123  1000  1042 E ActivityManager: died", MS, "error"],
  ["logcat, time", "11-30 03:14:15.123 V/Wifi( 12): scan", MS, "trace"],
  ["Windows CBS", "2026-11-30 03:14:15, Info                  CBS    Loaded", T, "info"],
  ["US", "11/30/2026 3:14:15 AM Error Service stopped", T, "error"],
  ["US, afternoon", "11/29/2026 3:14:15 PM x", "2026-11-29T15:14:15Z", "unknown"],
  ["US, noon", "11/29/2026 12:14:15 PM x", "2026-11-29T12:14:15Z", "unknown"],
  ["US, midnight", "11/29/2026 12:14:15 AM x", "2026-11-29T00:14:15Z", "unknown"],
  ["day first", "30/11/2026 03:14:15 x", T, "unknown"],
  ["day first, dashes", "30-11-2026 03:14:15 x", T, "unknown"],
  ["Go", "2026/11/30 03:14:15.123456 main.go:9: listening", MICRO, "unknown"],
  ["macOS", "2026-11-30 04:14:15.123456+0100 localhost tccd[9]: x", MICRO, "unknown"],
  ["macOS, system.log", "Nov 30 03:14:15 mac com.apple.xpc[1]: x", T, "unknown"],
  ["zap", "2026-11-30T03:14:15.123Z\terror\tdb/pool.go:7\tlost", MS, "error"],
  ["winston", "error: could not connect", null, "error"],
  ["zerolog", "3:14AM WRN slow", null, "warn"],
  ["Serilog text", "[03:14:15 ERR] lost", null, "error"],
  ["Tornado", "[E 2026-11-30 03:14:15.123 App] lost", MS, "error"],
  ["colours", "\u001b[2m2026-11-30T03:14:15.123Z\u001b[0m \u001b[33m WARN\u001b[0m a", MS, "warn"],
  ["Node", "TypeError: x is not a function", null, "error"],
  ["Java", "java.lang.IllegalStateException: closed", null, "error"],
  ["Python stack", "Traceback (most recent call last):", null, "error"],
  ["Go panic", "panic: runtime error: index out of range", null, "fatal"],
  // what is no severity and no time
  ["a counter", "error_count=0 warnings=0 done", null, "unknown"],
  ["no errors", "scan finished with no errors, warning list empty", null, "unknown"],
  ["a path", "GET /var/ERROR/info.log", null, "unknown"],
  ["a path's end", "see /srv/ERROR for more", null, "unknown"],
  ["a remark", "what is (error) prone", null, "unknown"],
  ["a label in a sentence", "it has ended with: error: none", null, "unknown"],
  ["a name", "X-ERROR-Code set", null, "unknown"],
  ["an ordinary word", "info about the fatal accident", null, "unknown"],
  ["far behind", "we have seen that the old FATAL was wrong", null, "unknown"],
  ["first one wins", "INFO state went to ERROR", null, "info"],
  ["a date that is told of", "the backup of 2026-11-29 03:00:00 is done", null, "unknown"],
  ["a version", "release 2026-11-30-03:14:15 is out", null, "unknown"],
  ["an address", "10.20.30.40 answers", null, "unknown"],
];

test.each(LINES)("%s: %s", (_kind, line, time, severity) => {
  const facts = reader.read(line, us(NOW));
  expect([shown(facts), facts.severity]).toEqual([time, severity]);
});
