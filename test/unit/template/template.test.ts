import { describe, expect, test } from "vitest";
import { compileTemplate, expandTemplate } from "../../../aggregator/template/template.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const DATA = {
  labels: labelsOf({ __name__: "m", instance: "db-1.example.org:9100", job: "node", n: "1234567" }),
  value: 1234567.5,
  externalLabels: labelsOf({ region: "eu" }),
  externalUrl: "http://telltale:7071",
};

const RANGE_FAULT = "<error expanding template: range can't iterate over string>";

function expand(text: string, value = DATA.value): string {
  return expandTemplate(compileTemplate(text), { ...DATA, value });
}

describe("a template expands as Prometheus expands it:", () => {
  test.each([
    ["no action", "no action"],
    ["{{ $labels.instance }} of {{ .Labels.job }}", "db-1.example.org:9100 of node"],
    ["{{$value}}|{{.Value}}|{{ $.Value }}", "1.2345675e+06|1.2345675e+06|1.2345675e+06"],
    ["{{ $labels.absent }}.", "."],
    ["{{ $labels }}", "map[__name__:m instance:db-1.example.org:9100 job:node n:1234567]"],
    ["{{ $externalLabels.region }} {{ $externalURL }}", "eu http://telltale:7071"],
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
    ['{{ query "up" }}', 'template 1:4: function "query" is not supported'],
    ["{{ define `x` }}{{ end }}", "template 1:4: {{define}} is not supported"],
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
    ["{{ $labels.a-b }}", 'template 1:13: unexpected "-"'],
    ["{{ (1 }}", "template 1:4: unclosed left parenthesis"],
    ['{{ "a\\q" }}', "template 1:4: invalid syntax"],
    ["{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 'template 1:39: undefined variable "$x"'],
    [`{{ ${"(".repeat(200)}1${")".repeat(200)} }}`, "template 1:55: nested deeper than 50"],
  ])("%s", (text, message) => {
    expect(() => compileTemplate(text)).toThrow(new OperationalError("PARSE", message));
  });
});

describe("a template that fails when it runs says so in its place:", () => {
  test.each([
    ["{{ $.labels.service }}", "cannot evaluate field labels in template data"],
    ["{{ $value.x }}", "cannot evaluate field x in float64"],
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
