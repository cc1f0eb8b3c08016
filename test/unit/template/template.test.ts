import { describe, expect, test } from "vitest";
import {
  alertTemplates,
  compileAlertTemplate,
  expandAlertTemplate,
} from "../../../aggregator/template/alert-template.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const DATA = {
  labels: labelsOf({ __name__: "m", instance: "db-1.example.org:9100", job: "node", n: "1234567" }),
  value: 1234567.5,
  externalLabels: labelsOf({ region: "eu" }),
};
const TEMPLATES = alertTemplates({
  query: (text) => {
    if (text === "broken") throw new OperationalError("QUERY", "no such thing");
    if (text === "none") return [];
    return ["b", "a"].map((disk, i) => ({ labels: labelsOf({ disk, __value__: text }), value: i }));
  },
  timeMs: 1_435_868_239_500,
  externalUrl: "http://telltale:7071/alerts",
});

const RANGE_FAULT = "<error expanding template: range can't iterate over string>";

function expand(text: string, value = DATA.value): string {
  return expandAlertTemplate(compileAlertTemplate(text), { ...DATA, value }, TEMPLATES);
}

describe("a template expands as Prometheus expands it:", () => {
  test.each([
    ["no action", "no action"],
    ["{{ $labels.instance }} of {{ .Labels.job }}", "db-1.example.org:9100 of node"],
    ["{{$value}}|{{.Value}}|{{ $.Value }}", "1.2345675e+06|1.2345675e+06|1.2345675e+06"],
    ["{{ $labels.absent }}.", "."],
    ["{{ $labels }}", "map[__name__:m instance:db-1.example.org:9100 job:node n:1234567]"],
    ["{{ $externalLabels.region }} {{ $externalURL }}", "eu http://telltale:7071/alerts"],
    ['{{ index $labels "job" }}', "node"],
    ["a {{- /* nothing */ -}} b", "ab"],
    ["a  {{- $labels.job -}}  b", "anodeb"],
    ["{{ $value | humanize }}", "1.235M"],
    ["{{ humanize1024 $value }}", "1.177Mi"],
    ["{{ $labels.n | humanize }}", "1.235M"],
    ['{{ printf "%.2f%%" $value }}', "1234567.50%"],
    ['{{ $value | printf "%.1f|%s" $labels.job }}', "%!f(string=node)|%!s(float64=1.2345675e+06)"],
    ['{{ printf "%d %d" 5 $value }}', "5 %!d(float64=1.2345675e+06)"],
    ['{{ printf "%v %g %e" $value $value $value }}', "1.2345675e+06 1.2345675e+06 1.234568e+06"],
    ['{{ printf "%q %s" $labels.job }}', '"node" %!s(MISSING)'],
    ['{{ printf "%s" $labels.job 1 }}', "node%!(EXTRA int=1)"],
    ['{{ printf "%5s|%-5s|%+d" "a" "b" 7 }}', "    a|b    |+7"],
    ["{{ $labels.job | toUpper }} {{ title $labels.job }} {{ toLower `AB` }}", "NODE Node ab"],
    ["{{ $labels.instance | stripPort | stripDomain }}", "db-1"],
    ['{{ reReplaceAll "(.*):.*" "$1/x" $labels.instance }}', "db-1.example.org/x"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the template's own
    ['{{ reReplaceAll "(?P<host>[a-z]+)-" "${host}_$$" "db-1" }}', "db_$1"],
    ['{{ if match "^db-" $labels.instance }}db{{ else }}other{{ end }}', "db"],
    ['{{ if eq $labels.job "x" "node" }}yes{{ end }}', "yes"],
    ['{{ if ne $labels.job "node" }}a{{ else if gt $value 1e6 }}b{{ else }}c{{ end }}', "b"],
    ["{{ if and (lt $value 1.0) $labels.job }}a{{ else }}b{{ end }}", "b"],
    ['{{ or $labels.absent "none" }} {{ not true }} {{ and 1 $labels.job }}', "none false node"],
    ["{{ $x := $labels.job }}{{ if true }}{{ $x = `y` }}{{ end }}{{ $x }}", "y"],
    ["{{ with $labels.job }}<{{ . }}>{{ else }}none{{ end }}", "<node>"],
    ["{{ range $k, $v := $externalLabels }}{{ $k }}={{ $v }} {{ end }}", "region=eu "],
    ["{{ range $externalLabels }}{{ . }}{{ else }}none{{ end }}", "eu"],
    ["{{ range $labels.absent | printf `%.0s` | len | printf `%d` }}{{ end }}", RANGE_FAULT],
    ['{{ "}}" }} {{ "a\\tb\\u00e9" }}', "}} a\tbé"],
    ['{{ print 1 2 "a" 3 }} {{ len "é" }}', "1 2a3 2"],
    ['{{ parseDuration "1h30m" }}', "5400"],
    ["{{ query `x` | first | value }} {{ query `x` | first | label `disk` }}", "0 b"],
    ["{{ with query `x` }}{{ . | first | strvalue }} of {{ len . }}{{ end }}", "x of 2"],
    ["{{ with query `none` }}some{{ else }}none{{ end }}", "none"],
    [
      "{{ range query `x` | sortByLabel `disk` }}{{ .Labels.disk }}={{ .Value }} {{ end }}",
      "a=1 b=0 ",
    ],
    ["{{ range query `x` }}{{ .Labels.disk }}{{ break }}{{ end }}!", "b!"],
    [
      "{{ range query `x` }}{{ if .Value }}{{ .Value }}{{ else }}{{ continue }}{{ end }},{{ end }}",
      "1,",
    ],
    ["{{ range query `x` }}{{ range query `none` }}{{ else }}{{ break }}{{ end }}a{{ end }}b", "b"],
    ["{{ define `n` }}<{{ .job }} {{ $.n }}>{{ end }}{{ template `n` $labels }}", "<node 1234567>"],
    ["{{ template `n` }}{{ define `n` }}{{ . }}{{ end }}", "<no value>"],
    ["{{ block `n` $value }}{{ . | humanize }}{{ end }} {{ template `n` 2 }}", "1.235M 2"],
    ["{{ define `n` }}{{ .arg0 }}-{{ .arg1 }}{{ end }}{{ template `n` (args 1 `b`) }}", "1-b"],
    ["{{ now }} {{ toTime now }}", "1.4358682395e+09 2015-07-02 20:17:19.5 +0000 UTC"],
    ["{{ toDuration 400000000.123 }}", "111111h6m40.123s"],
    [
      "{{ toDuration 3661.5 }} {{ toDuration 0.0015 }} {{ -90 | toDuration }}",
      "1h1m1.5s 1.5ms -1m30s",
    ],
    ["{{ toDuration 0 }} {{ toDuration 42 }} {{ toDuration 2.5e-7 }}", "0s 42s 250ns"],
    ["{{ externalURL }} {{ pathPrefix }}", "http://telltale:7071/alerts /alerts"],
    [
      "{{ graphLink `up == 0` }} {{ tableLink `a&b` }}",
      "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a%26b&g0.tab=1",
    ],
    [
      "{{ html `<a href='x'>&\"` }} {{ safeHtml `<b>` }}",
      "&lt;a href=&#39;x&#39;&gt;&amp;&#34; <b>",
    ],
    [
      "{{ js `it's <b>\t` }} {{ urlquery `a b/ü~` }} {{ urlQueryEscape `?` }}",
      "it\\'s \\u003Cb\\u003E\\u0009 a+b%2F%C3%BC~ %3F",
    ],
    ["{{ slice `abcd` 1 3 }} {{ slice `abcd` 2 }} {{ len (slice (query `x`) 1) }}", "bc cd 1"],
  ])("%s", (text, expected) => {
    expect(expand(text)).toBe(expected);
  });
});

test.each([
  [0, "0 0 0s 0% 1970-01-01 00:00:00 +0000 UTC"],
  [1, "1 1 1s 100% 1970-01-01 00:00:01 +0000 UTC"],
  [0.2, "200m 0.2 200ms 20% 1970-01-01 00:00:00.2 +0000 UTC"],
  [59.56789, "59.57 59.57 59.57s 5957% 1970-01-01 00:00:59.567 +0000 UTC"],
  [-3661, "-3.661k -3.575ki -1h 1m 1s -3.661e+05% 1969-12-31 22:58:59 +0000 UTC"],
  [1435868239.5, "1.436G 1.337Gi 16618d 20h 17m 19s 1.436e+11% 2015-07-02 20:17:19.5 +0000 UTC"],
  [Number.POSITIVE_INFINITY, "+Inf +Inf +Inf +Inf% +Inf"],
  [Number.NaN, "NaN NaN NaN NaN% NaN"],
])("the humanize functions of %d", (value, expected) => {
  const functions = ["", "1024", "Duration", "Percentage", "Timestamp"];
  const text = functions.map((name) => `{{ humanize${name} $value }}`).join(" ");
  expect(expand(text, value)).toBe(expected);
});

describe("a wrong template is refused with its place:", () => {
  test.each([
    ["Instance {{ $label.foo }} down", 'template 1:13: undefined variable "$label"'],
    ["a\n{{ foo $value }}", 'template 2:4: function "foo" not defined'],
    ["{{ call $value }}", 'template 1:4: function "call" is not supported'],
    ["{{ if true }}{{ define `x` }}{{ end }}{{ end }}", "template 1:17: unexpected {{define}}"],
    ["{{ define x }}{{ end }}", "template 1:11: {{define}} wants a name in quotes"],
    ["{{ define `x` }}a", "template 1:4: unclosed {{define}}"],
    ["{{ define `x` }}{{ else }}{{ end }}", "template 1:4: unclosed {{define}}"],
    ["{{ define `x` }}{{ $labels }}{{ end }}", 'template 1:20: undefined variable "$labels"'],
    ["a {{ template `x` . }}", 'template 1:15: no template "x"'],
    ["{{ if true }}{{ break }}{{ end }}", "template 1:17: {{break}} outside {{range}}"],
    [
      "{{ range $labels }}{{ else }}{{ continue }}{{ end }}",
      "template 1:33: {{continue}} outside {{range}}",
    ],
    [
      "{{ range $a, $b, $c := $labels }}{{ end }}",
      "template 1:9: range declares one variable or two",
    ],
    ["{{ range $i := $labels }}{{ end }}{{ $i }}", 'template 1:38: undefined variable "$i"'],
    ["{{ range $labels }}", "template 1:4: unclosed {{range}}"],
    ["{{ $value ", "template 1:1: unclosed action"],
    ['{{ "abc }}', "template 1:4: unterminated quoted string"],
    ["{{ if true }}", "template 1:4: unclosed {{if}}"],
    ["{{ end }}", "template 1:4: unexpected {{end}}"],
    ["{{ }}", "template 1:3: missing value for command"],
    ["{{ $value | 5 }}", "template 1:11: non executable command in pipeline"],
    ["{{ $labels.a 1 }}", "template 1:15: cannot give an argument to what is not a function"],
    ["{{ $labels.a-b }}", 'template 1:13: unexpected "-"'],
    ["{{ (1 }}", "template 1:4: unclosed left parenthesis"],
    ['{{ "a\\q" }}', "template 1:4: invalid syntax"],
    ["{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 'template 1:39: undefined variable "$x"'],
    [`{{ ${"(".repeat(200)}1${")".repeat(200)} }}`, "template 1:55: nested deeper than 50"],
  ])("%s", (text, message) => {
    expect(() => compileAlertTemplate(text)).toThrow(new OperationalError("PARSE", message));
  });
});

describe("a template that fails when it runs says so in its place:", () => {
  test.each([
    ["{{ $.labels.service }}", "cannot evaluate field labels in template data"],
    ["{{ $value.x }}", "cannot evaluate field x in float64"],
    ["{{ query `broken` }}", "no such thing"],
    ["{{ query `none` | first }}", "first() called on vector with no elements"],
    ["{{ first $value }}", "wrong type of argument: float64 where a query's result is wanted"],
    ["{{ value $labels }}", "wrong type of argument: map[string]string where a sample is wanted"],
    ["{{ slice `abc` 2 1 }}", "index out of range: 2, 1"],
    ["{{ toTime 1e300 }}", "time out of range: 1e+300"],
    [
      "{{ define `a` }}{{ template `a` }}{{ end }}{{ template `a` }}",
      "templates called deeper than 20",
    ],
    ["{{ humanize $labels.job }}", 'cannot convert string "node" to a number'],
    ["{{ toUpper }}", "wrong number of arguments for toUpper: want 1, got 0"],
    [
      '{{ match "(" "a" }}',
      'Not a regular expression: "(" (error parsing regexp: missing closing ): `(`)',
    ],
    ["{{ if lt $value `a` }}{{ end }}", "incompatible types for comparison: float64 and string"],
    ['{{ printf "%9999s" "a" }}', "printf width or precision over 1000"],
    ["{{ printf `%1000s` 1 }}".repeat(20), "output over 16384 characters"],
    [
      '{{ reReplaceAll "" $labels.instance (printf "%999s" "a") }}',
      "reReplaceAll gave over 16384 characters",
    ],
  ])("%s", (text, message) => {
    expect(expand(text)).toBe(`<error expanding template: ${message}>`);
  });
});
