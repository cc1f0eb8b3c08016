import { describe, expect, test } from "vitest";
import { linePass } from "../../../aggregator/logql/log-query.ts";
import { parseLogql } from "../../../aggregator/logql/parse.ts";
import { type Labels, labelsOf, labelsRecord, NO_LABELS } from "../../../shared/model/labels.ts";

const STREAM = { app: "web" };

type Passed = { readonly line: string; readonly labels: Record<string, string> } | null;

/** What stages make of a line of the stream {app="web"}. */
function passed(stages: string, line: string, metadata: Labels = NO_LABELS): Passed {
  const expr = parseLogql(`{app="web"} ${stages}`);
  if (expr.kind !== "logs") throw new Error("not a log query");
  const result = linePass(expr)(labelsOf(STREAM), { timeUs: 1_500_000, line, metadata });
  return result === null ? null : { line: result.line, labels: labelsRecord(result.labels) };
}

/** Labels beside those of the stream. */
function found(stages: string, line: string): Record<string, string> | null {
  const { app, ...others } = passed(stages, line)?.labels ?? { app: "" };
  return app === "" ? null : others;
}

const REQUEST = JSON.stringify({
  protocol: "HTTP/2.0",
  servers: ["129.0.1.1", "10.2.1.3"],
  request: { time: "6.032", headers: { Accept: "*/*", "User-Agent": "curl/7.68.0" } },
  response: { status: 401, ok: false, none: null, "1st": 1.5e300, big: 1 },
}).replace('"big":1', '"big":12345678901234567890');

describe("json", () => {
  test("every field becomes a label, but arrays and null; numbers stay as they are written", () => {
    expect(found("| json", REQUEST)).toEqual({
      protocol: "HTTP/2.0",
      request_time: "6.032",
      request_headers_Accept: "*/*",
      request_headers_User_Agent: "curl/7.68.0",
      response_status: "401",
      response_ok: "false",
      response_1st: "1.5e+300",
      response_big: "12345678901234567890",
    });
  });

  test.each([
    ['a="servers[0]"', { a: "129.0.1.1" }],
    ['ua="request.headers[\\"User-Agent\\"]"', { ua: "curl/7.68.0" }],
    ["servers", { servers: '["129.0.1.1","10.2.1.3"]' }],
    ['h="request.headers"', { h: '{"Accept":"*/*","User-Agent":"curl/7.68.0"}' }],
    ['a="servers[7]", b="request.nothing", c="response.none", d="protocol.x"', {}],
    ['app="protocol"', { app_extracted: "HTTP/2.0" }],
  ])("%s takes only what is named", (fields, expected) => {
    expect(found(`| json ${fields}`, REQUEST)).toEqual(expected);
  });

  test("a field of the stream's label's name is _extracted; of two alike the first stays", () => {
    expect(found("| json", '{"app":"x","a":"1","a":"2","a b":"3","a-b":"4"}')).toEqual({
      app_extracted: "x",
      a: "1",
      a_b: "3",
    });
  });

  test.each([
    ["GET / 200", "not a JSON object"],
    ['["a"]', "not a JSON object"],
    ['{"a":1', "not JSON at character 7"],
    ['{"a":1} x', "not JSON at character 9"],
    ['{"a":"\\q"}', "not JSON at character 6"],
    ['{"a":tru}', "not JSON at character 6"],
    [`${'{"a":'.repeat(1000)}1${"}".repeat(1000)}`, "nested deeper than 100 levels"],
    [`{"a":${"[".repeat(1000)}${"]".repeat(1000)}}`, "nested deeper than 100 levels"],
  ])("of %s it says __error__", (line, details) => {
    expect(found("| json", line)).toMatchObject({
      __error__: "JSONParserErr",
      __error_details__: details,
    });
    expect(passed("| json", line)?.line).toBe(line);
  });

  test("a backslash that is escaped does not escape the quote behind it", () => {
    const line = '{"dir":"c:\\\\logs\\\\","say":"a \\"b\\\\\\"\\u00fc"}';
    expect(found("| json", line)).toEqual({ dir: "c:\\logs\\", say: 'a "b\\"ü' });
  });

  test("half a surrogate pair and NUL in a value do no harm", () => {
    expect(found("| json", '{"a":"\\ud800","b":"x\\u0000y","c":"\ud800"}')).toEqual({
      a: "\ud800",
      b: "x\ufffdy",
      c: "\ud800",
    });
  });
});

describe("logfmt", () => {
  const LINE = 'at=info method=GET fwd="124.133.124.161" msg="a \\"b\\"" empty= alone status=200';

  test.each([
    ["", { at: "info", method: "GET", fwd: "124.133.124.161", msg: 'a "b"', status: "200" }],
    ['method, fwd_ip="fwd"', { method: "GET", fwd_ip: "124.133.124.161" }],
    ["--strict alone, at", { at: "info" }],
  ])("%s", (fields, expected) => {
    expect(found(`| logfmt ${fields}`, LINE)).toEqual(expected);
  });

  test.each([
    ["=value a=1", { a: "1" }],
    ["foo=bar=buzz a=1", { a: "1" }],
    ['fo"o=bar a=1', { a: "1" }],
    ['a=1 b="x', { a: "1" }],
    ["a=1 a=2 x.y=3 7=8", { a: "1", x_y: "3", _7: "8" }],
    ["ж=1", { _: "1" }],
  ])("of %s what is malformed is left out", (line, expected) => {
    expect(found("| logfmt", line)).toEqual(expected);
  });

  test("strict stops at what is malformed, with an error", () => {
    expect(found("| logfmt --strict", "a=1 foo=bar=buzz b=2")).toEqual({
      a: "1",
      __error__: "LogfmtParserErr",
      __error_details__: "a quote or = in a value at character 17",
    });
  });
});

describe("pattern, regexp, unpack, decolorize", () => {
  const NGINX =
    '0.191.12.2 - - [10/Jun/2021:09:14:29 +0000] "GET /api HTTP/1.1" 200 2 "-" "Go/2.0" "13.76" ""';

  test.each([
    [
      '<ip> - - <_> "<method> <uri> <_>" <status> <size> <_> "<agent>" <_>',
      NGINX,
      { ip: "0.191.12.2", method: "GET", uri: "/api", status: "200", size: "2", agent: "Go/2.0" },
    ],
    ["level=<level> <_>", "time=1 level=x y", {}],
    ["<_> level=<level> <rest>", "time=1 level=x y z", { level: "x", rest: "y z" }],
    ["<a>-<b>!<c>", "1-2", { a: "1", b: "2" }],
    ["<a> end", "1 end of it", { a: "1" }],
  ])("pattern %s", (pattern, line, expected) => {
    expect(found(`| pattern \`${pattern}\``, line)).toEqual(expected);
  });

  test("regexp takes its named groups", () => {
    const stage =
      '| regexp "(?P<method>\\\\w+) (?P<path>[\\\\w|/]+) \\\\((?P<status>\\\\d+?)\\\\) (.*)"';
    const line = "POST /api/prom (200) 1.5s";
    expect(found(stage, line)).toEqual({ method: "POST", path: "/api/prom", status: "200" });
    expect(found(stage, "nothing")).toEqual({});
  });

  test("unpack makes _entry the line", () => {
    const line = '{"pod":"p-1","n":5,"app":"x","_entry":"the \\"line\\""}';
    expect(passed("| unpack", line)).toEqual({
      line: 'the "line"',
      labels: { app: "web", pod: "p-1", app_extracted: "x" },
    });
    expect(found("| unpack", "plain")).toMatchObject({ __error__: "JSONParserErr" });
  });

  test("decolorize takes control sequences out", () => {
    const line = "\u001b[1;31merror\u001b[0m \u001b]0;title\u0007x\u001b[Ky";
    expect(passed("| decolorize", line)?.line).toBe("error xy");
  });
});

describe("line filters", () => {
  test.each([
    ['|= "b" or "x"', "abc", true],
    ['!= "b" or "x"', "axc", false],
    ['|~ "(?i)ERR"', "an error", true],
    ['|~ "a.c"', "a\nc", true],
    ['!~ "a+"', "bbb", true],
    ['|> "<_>=debug <_>"', "level=debug x", true],
    ['|> "level=<_>"', "x level=debug", false],
    ['|> "ab<_>bc"', "abc", false],
    ['!> "ab<_>"', "abc", false],
    ['|= ip("192.168.0.0/16")', "from 192.168.4.5:80 in", true],
    ['|= ip("192.168.4.1-192.168.4.4")', "from 192.168.4.5 in", false],
    ['|= ip("2001:db8::/32")', "[2001:db8::1]", true],
    ['|= ip("10.0.0.1")', "110.0.0.1 10.0.0.11 1.10.0.0.1", false],
    ['|= ip("10.0.0.1")', "at 10.0.0.1.", true],
    ['|= ip("10.0.0.1")', "v10.0.0.1 x_10.0.0.1", false],
    ['|= ip("::ffff:1.2.3.4")', "x ::ffff:102:304 y", true],
    ['!= ip("10.0.0.1")', "10.0.0.2", true],
  ])("%s of %j", (filter, line, expected) => {
    expect(passed(filter, line) !== null).toBe(expected);
  });
});

describe("conditions on labels", () => {
  const LINE = "n=5 took=1.5s size=2KiB word=abc ip=10.1.2.3 neg=-4";

  test.each([
    ["n > 4", true],
    ["n == 5", true],
    ["n != 5", false],
    ["neg < -3", true],
    ["took >= 1500ms", true],
    ["took > 1m", false],
    ["size = 2048B", true],
    ["size > 2KB", true],
    ['word =~ "a.c"', true],
    ['word =~ "b"', false],
    ['word !~ "a.*"', false],
    ['missing = ""', true],
    ["missing != 5", false],
    ['ip = ip("10.0.0.0/8")', true],
    ['ip != ip("10.0.0.0/8")', false],
    ['(n > 4 and word = "x") or took < 2s', true],
    ['n > 4, word = "x" or took > 2s', false],
  ])("%s", (filter, expected) => {
    expect(passed(`| logfmt | ${filter}`, LINE) !== null).toBe(expected);
  });

  test("a value that is not of the kind is an error, and the line goes on", () => {
    expect(found("| logfmt | word > 5", "word=abc")).toEqual({
      word: "abc",
      __error__: "LabelFilterErr",
      __error_details__: 'word is not a number: "abc"',
    });
    expect(passed('| logfmt | word > 5 | __error__ = ""', "word=abc")).toBeNull();
    expect(passed('| json | n > 5 | __error__ =~ "JSON.+"', "plain")).not.toBeNull();
  });

  test("metadata is looked at behind the labels of the stream", () => {
    const metadata = labelsOf({ severity: "error", app: "other" });
    expect(passed('| severity = "error" | app = "web"', "x", metadata)?.labels).toEqual({
      app: "web",
      severity: "error",
    });
  });
});

describe("formats", () => {
  test.each([
    ["{{.a | upper}} {{.nothing}}|{{ default `-` .nothing }}", "X |-"],
    ["{{__line__ | trunc 3}} {{__timestamp__}}", "a=x 1970-01-01 00:00:01.5 +0000 UTC"],
    [
      '{{ __timestamp__ | date "2006-01-02T15:04:05.000Z07:00" }} {{ __timestamp__ | unixEpochMillis }}',
      "1970-01-01T00:00:01.500Z 1500",
    ],
    [
      '{{ toDate "02/Jan/2006:15:04:05 -0700" "06/Jan/2026:14:00:00 +0200" | unixEpoch }}',
      "1767700800",
    ],
    [
      '{{ toDateInZone "2006-01-02 15:04" "Europe/Berlin" "2026-07-01 12:30" | unixEpoch }}',
      "1782901800",
    ],
    ['{{ unixToTime "1767700800123" | date "Jan _2 15:04:05.000" }}', "Jan  6 12:00:00.123"],
    ['{{ unixToTime "20459" | unixEpochNanos }}', "1767657600000000000"],
    ['{{ date "2006" 0 }} {{ toDate "2006" "soon" | date "2006" }}', "1970 0001"],
    [
      '{{ range $i, $x := fromJson `[1,"b",{"c":[true,null]}]` }}{{ $i }}:{{ $x }} {{ end }}',
      "0:1 1:b 2:map[c:[true <nil>]] ",
    ],
    [
      '{{ with fromJson `{"a":{"b":[5,6]}}` }}{{ index .a.b 1 }}{{ len .a.b }}{{ .none }}{{ end }}',
      "62<no value>",
    ],
    ['{{ range fromJson "no JSON" }}x{{ else }}none{{ end }}', "none"],
    [
      "{{div .n 1000}} {{add .n 1 2}} {{divf .n 8}} {{mod .n 7}} {{round 1.2345 2}}",
      "3 3003 375 4 1.23",
    ],
    ['{{ if contains "x" .a }}yes{{ else }}no{{ end }}', "yes"],
    ['{{ .a | replace "x" "yy" | repeat 2 }}', "yyyy"],
    [
      '{{ substr 1 3 "hello" }}{{ trunc -2 "hello" }}{{ alignRight 3 "ab" }}{{ alignLeft 3 "ab" }}|',
      "ello abab |",
    ],
    ['{{ regexReplaceAll "(x)" .a "<$1>" }} {{ count "a" "banana" }}', "<x> 3"],
    [
      '{{ urlencode "a b/ü" }} {{ urldecode "a+b%2F" }} {{ b64enc "hi" }} {{ b64dec "aGk=" }}',
      "a+b%2F%C3%BC a b/ aGk= hi",
    ],
    [
      '{{ bytes "2KiB" }} {{ duration "1m30s" }} {{ printf "%5.1f" (float64 "2.5") }}',
      "2048 90   2.5",
    ],
    [
      '{{ trimPrefix "a" "abc" }}{{ trimSuffix "c" "abc" }}{{ trimAll "$" "$5$" }}{{ TrimSpace " x " }}',
      "bcab5x",
    ],
    ['{{ indent 2 "a\\nb" }}', "  a\n  b"],
    ["{{ max 1 5 3 }}{{ min 4 2 }}{{ ceil 1.2 }}{{ floor 1.8 }}{{ int 3.9 }}", "52213"],
  ])("line_format %s", (template, expected) => {
    const quoted = template.includes("`") ? JSON.stringify(template) : `\`${template}\``;
    expect(passed(`| logfmt | line_format ${quoted}`, "a=x n=3000")?.line).toBe(expected);
  });

  test("a template that fails is an error, and the line stays", () => {
    const { line, labels } = passed("| line_format `{{ div 1 0 }}`", "abc") ?? {
      line: "",
      labels: {},
    };
    expect(line).toBe("abc");
    expect(labels).toMatchObject({ __error__: "TemplateFormatErr" });
    const many = `[${"1,".repeat(200)}1]`;
    const nested = "{{ $l := fromJson __line__ }}{{ range $l }}{{ range $l }}{{ end }}{{ end }}";
    expect(found(`| line_format \`${nested}\``, many)).toMatchObject({
      __error_details__: "over 10000 items",
    });
    const deep = "[".repeat(1000) + "]".repeat(1000);
    expect(found("| line_format `{{ fromJson __line__ }}`", deep)).toMatchObject({
      __error_details__: "JSON deeper than 100 levels",
    });
    const zone = '| line_format "{{ toDateInZone `2006` `Mars/One` `x` }}"';
    expect(found(zone, "a")).toMatchObject({ __error_details__: "unknown time zone Mars/One" });
    expect(found("| line_format `{{ repeat 100000000 __line__ }}`", "abc")).toMatchObject({
      __error__: "TemplateFormatErr",
      __error_details__: "text over 1048576 characters",
    });
  });

  test.each([
    ["label_format b=a", { b: "1", c: "2" }],
    ['label_format b="{{.a}}{{.c}}", app="x"', { a: "1", b: "12", c: "2", app: "x" }],
    ["label_format b=missing", { a: "1", c: "2" }],
    ["label_format a=a", { a: "1", c: "2" }],
    ['label_format a=""', { c: "2" }],
    ["drop a, c", {}],
    ['drop a="2", c="2", app', { a: "1", app: undefined }],
    ["keep a", { a: "1", app: undefined }],
    ['keep a, c="7", app', { a: "1" }],
  ])("%s", (stage, expected) => {
    const labels = passed(`| logfmt | ${stage}`, "a=1 c=2")?.labels;
    expect({ app: labels?.["app"], ...labels }).toEqual({ app: "web", ...expected });
  });

  test("drop of __error__ takes the error away; keep does not", () => {
    expect(found("| json | drop __error__", "x")).toEqual({});
    expect(found("| json | keep app", "x")).toMatchObject({ __error__: "JSONParserErr" });
  });
});
