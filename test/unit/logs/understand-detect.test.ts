import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAccessLine } from "../../../aggregator/logs/understand/access-line.ts";
import { CommonLine } from "../../../aggregator/logs/understand/common-line.ts";
import {
  detectAccess,
  detectFormat,
  type LineFormat,
} from "../../../aggregator/logs/understand/detect.ts";
import { type ByteSpan, spanOf } from "../../../shared/model/byte-span.ts";

/** Method, path, status, bytes and seconds of each request, as `-` where there is none. */
function requestOf(line: string): string | null {
  const access = detectAccess(line);
  if (access === null) return null;
  const { method, path, status, bytes, durationS } = access;
  return [method || "-", path || "-", status, bytes ?? "-", durationS ?? "-"].join(" ");
}

const AT = "[30/Nov/2026:03:14:15 +0000]";
const CHROME = '"https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"';

const REQUESTS: readonly [name: string, line: string, format: LineFormat, request: string][] = [
  ["common", `10.1.2.3 - - ${AT} "GET /a HTTP/1.1" 200 512`, "access", "GET /a 200 512 -"],
  [
    "combined",
    `::1 - bob ${AT} "POST /a?b=c HTTP/2.0" 201 5 ${CHROME}`,
    "access",
    "POST /a?b=c 201 5 -",
  ],
  ["no bytes", `::1 - - ${AT} "HEAD / HTTP/1.1" 304 -`, "access", "HEAD / 304 - -"],
  [
    "request time",
    `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 ${CHROME} 0.012`,
    "access",
    "GET /a 200 5 0.012",
  ],
  [
    "a quote and a number in the user agent",
    `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 "-" "a\\" 9.5 b" 0.012`,
    "access",
    "GET /a 200 5 0.012",
  ],
  [
    "and upstream's",
    `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 ${CHROME} "-" 0.120 0.118 .`,
    "access",
    "GET /a 200 5 0.12",
  ],
  [
    "named",
    `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 ${CHROME} rt=1.500 uct="0.000" urt="1.4"`,
    "access",
    "GET /a 200 5 1.5",
  ],
  [
    "Apache's %D may be anything",
    `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 ${CHROME} 1234`,
    "access",
    "GET /a 200 5 -",
  ],
  [
    "Traefik",
    `10.0.0.9 - - ${AT} "GET /a HTTP/1.1" 200 5 "-" "-" 17 "web@docker" "http://10.0.0.2:80" 12ms`,
    "access",
    "GET /a 200 5 0.012",
  ],
  [
    "virtual host",
    `shop.example:443 ::1 - - ${AT} "GET /a HTTP/1.1" 200 5`,
    "access",
    "GET /a 200 5 -",
  ],
  [
    "a user with a space",
    `::1 - John Doe ${AT} "GET /a HTTP/1.1" 200 5`,
    "access",
    "GET /a 200 5 -",
  ],
  [
    "quotes in the request",
    `::1 - - ${AT} "GET /a\\"b HTTP/1.1" 404 5 "-" "-"`,
    "access",
    'GET /a\\"b 404 5 -',
  ],
  ["a path with a blank", `::1 - - ${AT} "GET /a b HTTP/1.1" 400 5`, "access", "GET /a b 400 5 -"],
  [
    "TLS on a plain port",
    `::1 - - ${AT} "\\x16\\x03\\x01" 400 157 "-" "-"`,
    "access",
    "- - 400 157 -",
  ],
  ["no request", `::1 - - ${AT} "-" 408 0 "-" "-"`, "access", "- - 408 0 -"],
  [
    "by syslog",
    `<190>Nov 30 03:14:15 web1 nginx: ::1 - - ${AT} "GET /a HTTP/1.1" 200 5`,
    "access",
    "GET /a 200 5 -",
  ],
  [
    "HAProxy",
    'Nov 30 03:14:15 lb1 haproxy[99]: 10.0.0.9:51000 [30/Nov/2026:03:14:15.123] web~ app/s1 0/0/1/20/21 200 900 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"',
    "haproxy",
    "GET /a 200 900 0.021",
  ],
  [
    "HAProxy, aborted",
    '10.0.0.9:51000 [30/Nov/2026:03:14:15.123] web web/<NOSRV> -1/-1/-1/-1/5 -1 0 - - CR-- 1/1/0/0/0 0/0 "<BADREQ>"',
    "haproxy",
    "- - 0 0 0.005",
  ],
  [
    "HAProxy, headers",
    '10.0.0.9:51000 [30/Nov/2026:03:14:15.123] web app/s1 0/0/1/20/+21 502 +900 - - SH-- 1/1/0/0/0 0/0 {shop.example|curl} "GET /a HTTP/1.1"',
    "haproxy",
    "GET /a 502 900 0.021",
  ],
  [
    "Envoy",
    '[2026-11-30T03:14:15.123Z] "GET /a HTTP/2" 200 - 10 135 12 11 "10.0.0.9" "curl/8.0" "6a2b" "shop.example" "10.0.0.2:80"',
    "envoy",
    "GET /a 200 135 0.012",
  ],
  [
    "Istio",
    '[2026-11-30T03:14:15.123Z] "GET /a HTTP/1.1" 503 UF via_upstream - "-" 0 91 30 - "-" "curl/8.0" "6a2b" "shop" "10.0.0.2:80" outbound',
    "envoy",
    "GET /a 503 91 0.03",
  ],
  [
    "Caddy",
    '{"level":"info","ts":1796008455.1,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"::1","proto":"HTTP/2.0","method":"GET","host":"a","uri":"/a?b"},"duration":0.012,"size":5,"status":200}',
    "json",
    "GET /a?b 200 5 0.012",
  ],
  [
    "Caddy, a whole second",
    '{"request":{"method":"GET","uri":"/a"},"duration":1,"size":5,"status":200}',
    "json",
    "GET /a 200 5 1",
  ],
  [
    "Traefik JSON",
    '{"ClientHost":"::1","DownstreamContentSize":5,"DownstreamStatus":200,"Duration":12000000,"RequestMethod":"GET","RequestPath":"/a","time":"2026-11-30T03:14:15Z"}',
    "json",
    "GET /a 200 5 0.012",
  ],
  [
    "nginx JSON",
    '{"time":"2026-11-30T03:14:15+00:00","request":"GET /a HTTP/1.1","status":"200","body_bytes_sent":"5","request_time":"0.012"}',
    "json",
    "GET /a 200 5 0.012",
  ],
  [
    "Envoy JSON",
    '{"method":"GET","path":"/a","response_code":200,"bytes_sent":5,"duration":12}',
    "json",
    "GET /a 200 5 0.012",
  ],
  [
    "pino-http",
    '{"level":30,"req":{"method":"GET","url":"/a"},"res":{"statusCode":200},"responseTime":12,"msg":"request completed"}',
    "json",
    "GET /a 200 - 0.012",
  ],
  [
    "Google",
    '{"severity":"INFO","httpRequest":{"requestMethod":"GET","requestUrl":"/a","status":200,"latency":"0.012s"}}',
    "json",
    "GET /a 200 - 0.012",
  ],
  [
    "Heroku",
    'at=info method=GET path="/a" host=a.example fwd="10.0.0.9" dyno=web.1 connect=0ms service=12ms status=200 bytes=5',
    "logfmt",
    "GET /a 200 5 0.012",
  ],
  [
    "logfmt with Go's duration",
    "level=info method=GET path=/a status=200 duration=1m2.5s",
    "logfmt",
    "GET /a 200 - 62.5",
  ],
  [
    "an unknown unit",
    '{"method":"GET","path":"/a","status":200,"duration":12}',
    "json",
    "GET /a 200 - -",
  ],
];

describe("a request is read", () => {
  test.each(REQUESTS)("%s", (_name, line, format, request) => {
    expect(requestOf(line)).toBe(request);
    expect(detectFormat(line).format).toBe(format);
    expect(detectFormat(line).access).toEqual(detectAccess(line));
  });

  test.each([
    ["a text with a request in it", 'upstream said "GET /a HTTP/1.1" 200 was bad'],
    ["an error of nginx", '2026/11/30 03:14:15 [error] 1#1: *1 x, request: "GET /a HTTP/1.1"'],
    ["an order", '{"method":"card","path":"/a","status":"paid"}'],
    ["no status", '{"method":"GET","path":"/a","status":"ok"}'],
    ["a status of another kind", '{"method":"GET","path":"/a","status":2000}'],
    ["no method", '{"path":"/a","status":200}'],
    ["cut", `::1 - - ${AT} "GET /a HTTP/1.1`],
    ["no status behind it", `::1 - - ${AT} "GET /a HTTP/1.1" abc 5`],
    ["a log in brackets", '[2026-11-30T03:14:15.123Z] "quoted" words 200'],
    [
      "HAProxy's TCP log",
      "10.0.0.9:51 [30/Nov/2026:03:14:15.123] db db/s1 1/0/5007 212 -- 0/0/0/0/3 0/0",
    ],
  ])("%s is none", (_name, line) => {
    expect(detectAccess(line)).toBeNull();
    expect(detectFormat(line).access).toBeNull();
  });
});

const FIELDS: readonly [name: string, line: string, LineFormat, Record<string, string>][] = [
  [
    "RFC 5424",
    '<165>1 2026-11-30T03:14:15.123Z web1 app 7 ID47 [ex@1 iut="3" say="a\\"b]"][o@2 x="y"] up',
    "rfc5424",
    {
      ...{ facility: "20", priority: "5", hostname: "web1", app_name: "app", procid: "7" },
      ...{ msgid: "ID47", "ex@1_iut": "3", "ex@1_say": 'a"b]', "o@2_x": "y", message: "up" },
    },
  ],
  [
    "RFC 5424, bare",
    "<34>1 - - - - - - \ufeffgone",
    "rfc5424",
    { facility: "4", priority: "2", message: "gone" },
  ],
  [
    "RFC 3164",
    "<13>Nov  3 03:14:15 web1 sshd[812]: Accepted: key",
    "rfc3164",
    {
      facility: "1",
      priority: "5",
      hostname: "web1",
      app_name: "sshd",
      procid: "812",
      message: "Accepted: key",
    },
  ],
  [
    "a file of rsyslog",
    "2026-11-30T03:14:15.123456+00:00 web1 kernel: eth0 up",
    "rfc3164",
    { hostname: "web1", app_name: "kernel", message: "eth0 up" },
  ],
  [
    "klog",
    "E1130 03:14:15.123456    7 reflector.go:561] watch closed",
    "klog",
    { severity: "E", thread_id: "7", file: "reflector.go", line: "561", message: "watch closed" },
  ],
  [
    "logfmt",
    'level=info msg="say \\"a\\"\\n" empty= n=1 quoted=""',
    "logfmt",
    { level: "info", msg: 'say "a"\n', empty: "", n: "1", quoted: "" },
  ],
  [
    "JSON",
    '{"a":1,"b":{"c":true,"d":[1,2]},"e":null,"f":"x"}',
    "json",
    { a: "1", b_c: "true", f: "x" },
  ],
  [
    "JSON by syslog",
    'Nov 30 03:14:15 web1 app: {"a":1}',
    "json",
    { hostname: "web1", app_name: "app", a: "1" },
  ],
  [
    "common log",
    `shop.example:443 ::1 - bob ${AT} "GET /a HTTP/1.1" 200 5 ${CHROME}`,
    "access",
    {
      ...{ host: "shop.example:443", remote_addr: "::1", remote_user: "bob", method: "GET" },
      ...{ path: "/a", protocol: "HTTP/1.1", status: "200", bytes: "5" },
      http_referer: "https://shop.example/",
      http_user_agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    },
  ],
  ["a sentence", "the value is a=b now", "text", {}],
  ["one pair", "a=b", "text", {}],
  ["broken JSON", '{"a":1', "text", {}],
  ["a severity is no host", "2026-11-30T03:14:15.123456+00:00 WARN db: slow", "text", {}],
  ["nothing", "", "text", {}],
];

describe("fields are found without configuration", () => {
  test.each(FIELDS)("%s", (_name, line, format, fields) => {
    const found = detectFormat(line);
    expect([found.format, Object.fromEntries(found.fields)]).toEqual([format, fields]);
  });
});

describe("any text", () => {
  const MEGA = 2 ** 20;
  const corpus = [...REQUESTS.map(([, line]) => line), ...FIELDS.map(([, line]) => line)];
  /** Real lines, cut, doubled and spliced: these come nearer to a parser's end than chance does. */
  const damaged = fc
    .tuple(fc.constantFrom(...corpus), fc.constantFrom(...corpus), fc.nat(), fc.nat())
    .map(([a, b, i, j]) => a.slice(0, i % (a.length + 1)) + b.slice(j % (b.length + 1)));

  test("is read without a failure, and both ways alike", () => {
    fc.assert(
      fc.property(
        fc.oneof(damaged, fc.string({ unit: "binary-ascii", maxLength: 300 })),
        (line) => {
          expect(detectAccess(line)).toEqual(detectFormat(line).access);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a line that is cut is read as what there is of it, not as what stands behind it", () => {
    const common = new CommonLine();
    const whole = spanOf(`::1 - - ${AT} "GET /a HTTP/1.1" 200 512 ${CHROME} 0.012 rt="0.5"`);
    const found = (span: ByteSpan) => (common.read(span) ? { ...common } : null);
    for (let end = 0; end <= whole.end; end += 1) {
      const cut = { bytes: whole.bytes.subarray(0, end), start: 0, end };
      expect(found({ ...whole, end })).toEqual(found(cut));
    }
  });

  test("read from bytes is what it is as text, whatever stands around it in memory", () => {
    const common = new CommonLine();
    const piece = fc.constantFrom(...'" \\-[]1.5m:=/', '"-"', "0.012", "rt=", "12ms", " HTTP/1.1");
    const edit = fc.record({ at: fc.nat(120), cut: fc.nat(3), piece });
    const lines = fc.constantFrom(
      ...REQUESTS.map(([, line]) => line).filter((line) => line.includes("] ")),
    );
    fc.assert(
      fc.property(lines, fc.array(edit, { maxLength: 2 }), fc.string(), (line, edits, around) => {
        let text = line;
        for (const { at, cut, piece } of edits) {
          text = text.slice(0, at) + piece + text.slice(at + cut);
        }
        const bytes = Buffer.from(around + text + around);
        const start = Buffer.byteLength(around);
        if (!common.read({ bytes, start, end: bytes.length - start })) return;
        const { methodAt, methodEnd, pathAt, pathEnd, status, bodyBytes, durationS } = common;
        expect(parseAccessLine(text)?.access).toMatchObject({
          method: bytes.toString("utf8", methodAt, methodEnd),
          path: bytes.toString("utf8", pathAt, pathEnd),
          status,
          bytes: bodyBytes < 0 ? null : bodyBytes,
          durationS: durationS < 0 ? null : durationS,
        });
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["quotes", '"'.repeat(MEGA)],
    ["an access line of quotes", `::1 - - ${AT} "GET /a HTTP/1.1" 200 5 ${'"'.repeat(MEGA)}`],
    ["an access line of brackets", " [".repeat(MEGA / 2)],
    ["many times", ` ${AT}`.repeat(MEGA / 32)],
    ["backslashes", `::1 - - ${AT} "GET ${"\\".repeat(MEGA)}`],
    ["JSON a thousand levels deep", `{"method":${'{"a":'.repeat(1000)}1${"}".repeat(1001)}`],
    ["JSON without an end", `{"a":${"[".repeat(60_000)}`],
    ["pairs", "a=b ".repeat(16_000)],
    ["pairs of a megabyte", "a=b ".repeat(MEGA / 4)],
    ["equals", "=".repeat(60_000)],
    ["a quote without an end", `a="${"\\a".repeat(30_000)}`],
    ["structured data", `<13>1 - - - - - ${'[a b="c"]'.repeat(100_000)}`],
    ["broken structured data", `<13>1 - - - - - [a b="${"\\".repeat(60_000)}`],
    ["a host without an end", `Nov 30 03:14:15 ${"a".repeat(MEGA)}`],
    ["NULs", "\u0000".repeat(MEGA)],
  ])("of a megabyte is read in a moment: %s", (_name, line) => {
    detectFormat(line);
    const before = process.cpuUsage();
    for (let i = 0; i < 5; i += 1) detectFormat(line);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 5).toBeLessThan(20_000); // microseconds
  });
});
