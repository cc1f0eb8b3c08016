import { describe, expect, test } from "vitest";
import type { Notification, NotifiedAlert } from "../../../../aggregator/model/notification.ts";
import { fingerprint } from "../../../../aggregator/notify/message-parts.ts";
import {
  compileTemplates,
  type TemplateFile,
} from "../../../../aggregator/notify/templates/notify-templates.ts";
import { OperationalError } from "../../../../shared/errors.ts";
import { labelsOf } from "../../../../shared/model/labels.ts";

const STARTED_MS = 1_435_868_239_500;

const FIRING: NotifiedAlert = {
  status: "firing",
  labels: labelsOf({ alertname: "DiskFull", instance: "db-1:9100", app: "shop", Values: "v" }),
  annotations: labelsOf({ summary: "Disk of db-1 full", description: "by <90%>\nsoon" }),
  startsAtMs: STARTED_MS,
  endsAtMs: null,
  generatorUrl: "http://rules.example/graph?g0.expr=x&g0.tab=1",
};
const RESOLVED: NotifiedAlert = {
  ...FIRING,
  status: "resolved",
  labels: labelsOf({ alertname: "DiskFull", instance: "db-2:9100", app: "shop" }),
  annotations: labelsOf({ summary: "Disk of db-2 full" }),
  endsAtMs: STARTED_MS + 90_000,
};
const NOTIFICATION: Notification = {
  timeMs: STARTED_MS,
  groupKey: '{}:{app="shop"}',
  groupLabels: labelsOf({ app: "shop", alertname: "DiskFull" }),
  alerts: [FIRING, RESOLVED],
};
const PAIRS = "alertname:DiskFull;app:shop;";
const CONTEXT = {
  receiver: "team a",
  externalUrl: "http://telltale.example:7071",
  nowMs: STARTED_MS + 3_661_500,
};

function expand(text: string, files: readonly TemplateFile[] = []): string {
  return compileTemplates(files).compile(text, "text")(NOTIFICATION, CONTEXT);
}

describe("a template sees the notification as Alertmanager's do:", () => {
  test.each([
    ["{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}", `team a firing ${CONTEXT.externalUrl}`],
    ["{{ len .Alerts }}{{ len .Alerts.Firing }}{{ .Alerts.Resolved | len }}", "211"],
    ["{{ .GroupLabels.app }}/{{ .GroupLabels.alertname }}", "shop/DiskFull"],
    ["{{ .GroupLabels }}", "alertname=DiskFull, app=shop"],
    ["{{ .GroupLabels.String }}", "alertname=DiskFull, app=shop"],
    ["{{ .CommonLabels.SortedPairs }}", "alertname=DiskFull, app=shop"],
    ["{{ .CommonLabels.Names }} {{ .CommonLabels.Values }}", "[alertname app] [DiskFull shop]"],
    ['{{ .CommonLabels.SortedPairs.Values | join " " }}', "DiskFull shop"],
    ["{{ .CommonLabels.SortedPairs.Names }}", "[alertname app]"],
    ['{{ .CommonLabels.Remove (stringSlice "app" "x") }}', "alertname=DiskFull"],
    ['{{ (.CommonLabels.Remove (stringSlice "app")).SortedPairs.Values }}', "[DiskFull]"],
    ['{{ stringSlice "app" | .CommonLabels.Remove }}', "alertname=DiskFull"],
    ["{{ with .CommonLabels.Remove .GroupLabels.Names }}some{{ else }}none{{ end }}", "none"],
    ["{{ range .GroupLabels.SortedPairs }}{{ .Name }}:{{ .Value }};{{ end }}", PAIRS],
    ["{{ range $k, $v := .GroupLabels }}{{ $k }}:{{ $v }};{{ end }}", PAIRS],
    ["{{ .CommonAnnotations.summary }}.{{ .CommonLabels.absent }}.", ".."],
    [
      "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}",
      "Disk of db-1 full\nDisk of db-2 full\n",
    ],
    [
      "{{ range .Alerts }}{{ .Status }} {{ .Labels.instance }},{{ end }}",
      "firing db-1:9100,resolved db-2:9100,",
    ],
    ["{{ (index .Alerts 1).Labels.instance }}", "db-2:9100"],
    ["{{ range .Alerts.Firing }}{{ .GeneratorURL }}{{ end }}", FIRING.generatorUrl],
    ["{{ range .Alerts.Firing }}{{ index .Labels `Values` }}{{ end }}", "v"],
    ["{{ range .Alerts.Firing }}{{ $.Receiver }}{{ end }}", "team a"],
    ["{{ range $i, $a := .Alerts }}{{ $i }}{{ $a.Status }}{{ end }}", "0firing1resolved"],
  ])("%s", (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  test("an alert has the fingerprint that webhooks have", () => {
    expect(expand("{{ range .Alerts.Resolved }}{{ .Fingerprint }}{{ end }}")).toBe(
      fingerprint(RESOLVED.labels),
    );
  });
});

describe("times and durations are Go's:", () => {
  test.each([
    ["{{ .StartsAt }}", "2015-07-02 20:17:19.5 +0000 UTC"],
    ['{{ .StartsAt.Format "15:04:05" }}', "20:17:19"],
    ['{{ .StartsAt.UTC.Format "Mon, 02 Jan 2006 15:04 MST" }}', "Thu, 02 Jul 2015 20:17 UTC"],
    ['{{ .StartsAt.Local.Format "3:04PM" }}', "8:17PM"],
    ["{{ .StartsAt.Unix }} {{ .StartsAt.UnixMilli }}", "1435868239 1435868239500"],
    ["{{ .StartsAt.UnixNano }}", "1435868239500000000"],
    ["{{ .StartsAt.Year }} {{ .StartsAt.Month }} {{ .StartsAt.Day }}", "2015 July 2"],
    ["{{ .StartsAt.Weekday }} {{ .StartsAt.YearDay }}", "Thursday 183"],
    ["{{ .StartsAt.Hour }}:{{ .StartsAt.Minute }}:{{ .StartsAt.Second }}", "20:17:19"],
    ["{{ if ge .StartsAt.Hour 20 }}late{{ end }}", "late"],
    ["{{ .EndsAt.IsZero }} {{ .StartsAt.IsZero }} {{ .EndsAt.Year }}", "true false 1"],
    ["{{ .StartsAt.Before .EndsAt }} {{ .StartsAt.After .EndsAt }}", "false true"],
    ["{{ .StartsAt.Equal .StartsAt }} {{ .StartsAt.Sub .StartsAt }}", "true 0s"],
    ["{{ .StartsAt.Add (since .StartsAt) }}", "2015-07-02 21:18:21 +0000 UTC"],
    ["{{ since .StartsAt }} {{ since .StartsAt | humanizeDuration }}", "1h1m1.5s 1h 1m 1s"],
    ["{{ (since .StartsAt).Seconds }} {{ (since .StartsAt).Hours }}", "3661.5 1.0170833333333333"],
    ["{{ (since .StartsAt).Milliseconds }}", "3661500"],
    ['{{ .StartsAt | tz "Europe/Paris" | date "15:04 -07:00" }}', "22:17 +02:00"],
    ['{{ date "2006" .StartsAt }} {{ .StartsAt.String }}', "2015 2015-07-02 20:17:19.5 +0000 UTC"],
    ["{{ humanizeDuration 61 }} {{ humanizeDuration `0.2` }}", "1m 1s 200ms"],
  ])("%s", (text, expected) => {
    expect(expand(`{{ range .Alerts.Firing }}${text}{{ end }}`)).toBe(expected);
  });
});

describe("functions do what Alertmanager's do:", () => {
  test.each([
    ["{{ `aB` | toUpper }}{{ toLower `aB` }} {{ title `disk full` }}", "ABab Disk Full"],
    ["{{ trimSpace ` a\n` }}|{{ join `,` (stringSlice `a` `b`) }}", "a|a,b"],
    ["{{ match `^d.*l$` `disk full` }} {{ match `^$` `a` }}", "true false"],
    ['{{ reReplaceAll "(\\\\w+):.*" "$1!" "db-1:9100" }}', "db-1!"],
    ["{{ safeHtml `<b>` }}{{ safeUrl `a:b` }} {{ urlUnescape `a+b%2F` }}", "<b>a:b a b/"],
    ["{{ toJson (list 1 `<` 1.5 true nil) }}", '[1,"\\u003c",1.5,true,null]'],
    ["{{ toJson (dict `b` 1 `a` (stringSlice `x`)) }}", '{"a":["x"],"b":1}'],
    ["{{ toJson .GroupLabels }}", '{"alertname":"DiskFull","app":"shop"}'],
    [
      "{{ toJson .GroupLabels.SortedPairs }}",
      '[{"Name":"alertname","Value":"DiskFull"},{"Name":"app","Value":"shop"}]',
    ],
    ["{{ append (list 1) 2 3 }} {{ (dict `a` `b`).a }}", "[1 2 3] b"],
    [
      "{{ html `<` }} {{ urlquery `a b` }} {{ printf `%05.1f|%q` 3.14159 `x` }}",
      '&lt; a+b 003.1|"x"',
    ],
    ["{{ block `mine` . }}{{ .Status }}{{ end }}{{ template `mine` . }}", "firingfiring"],
    ["a {{- /* gone */ -}} b{{ with $x := .Status }} {{ $x }}{{ end }}", "ab firing"],
    ["{{ if and (eq .Status `firing`) (gt (len .Alerts) 1) }}many{{ end }}", "many"],
  ])("%s", (text, expected) => {
    expect(expand(text)).toBe(expected);
  });

  test("toJson writes an alert as webhooks have it", () => {
    const [alert] = JSON.parse(expand("{{ toJson .Alerts.Resolved }}"));
    expect(alert).toEqual({
      status: "resolved",
      labels: { alertname: "DiskFull", app: "shop", instance: "db-2:9100" },
      annotations: { summary: "Disk of db-2 full" },
      startsAt: "2015-07-02T20:17:19.5Z",
      endsAt: "2015-07-02T20:18:49.5Z",
      generatorURL: FIRING.generatorUrl,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });
});

test("in HTML a value is escaped once, whatever functions it went through", () => {
  const html = compileTemplates([]).compile(
    '<p title="{{ html .Receiver }}">{{ range .Alerts.Firing }}{{ html .Annotations.description }}' +
      "{{ .Annotations.description | html | reReplaceAll `\n` `<br>` | safeHtml }}" +
      '</p><a href="{{ html .GeneratorURL }}"><a href="/?q={{ urlquery $.Receiver }}">{{ end }}',
    "html",
  );
  expect(html(NOTIFICATION, CONTEXT)).toBe(
    '<p title="team a">by &lt;90%&gt;\nsoonby &lt;90%&gt;<br>soon</p>' +
      '<a href="http://rules.example/graph?g0.expr=x&amp;g0.tab=1"><a href="/?q=team+a">',
  );
});

describe("templates of files", () => {
  const file = (path: string, text: string) => ({ path, text });

  test("are called by name, from a text and from each other", () => {
    const files = [
      file("a.tmpl", '{{ define "slack.myorg.text" }}{{ template "wiki" .GroupLabels }}{{ end}}'),
      file("b.tmpl", 'unused {{ define "wiki" }}https://wiki.example/{{ .app }}{{ end }}'),
    ];
    expect(expand('{{ template "slack.myorg.text" . }}', files)).toBe("https://wiki.example/shop");
  });

  test("stand over the shipped ones, the last over those before, one of the text over all", () => {
    const files = [
      file("a", '{{ define "__subject" }}first{{ end }}'),
      file("b", '{{ define "__subject" }}second{{ end }}'),
    ];
    const call = '{{ template "slack.default.title" . }}';
    expect(expand(call)).toBe("[FIRING:1] DiskFull shop");
    expect(expand(call, files)).toBe("second");
    expect(expand(`${call}{{ define "__subject" }}third{{ end }}`, files)).toBe("third");
    expect(expand(call, [...files, file("c", '{{ define "__subject" }} {{ end }}')])).toBe(
      "second",
    );
  });

  test("that do not parse are refused with file, line and column", () => {
    const text = '{{ define "x" }}\n  {{ .Labels | nothing }}{{ end }}';
    expect(() => compileTemplates([file("/etc/t/my.tmpl", text)])).toThrow(
      new OperationalError(
        "PARSE",
        '/etc/t/my.tmpl: template 2:16: function "nothing" not defined',
      ),
    );
  });
});

describe("a text is refused that", () => {
  test.each([
    ["calls what nobody defines", "\n{{ template `none` . }}", 'template 2:13: no template "none"'],
    [
      "calls what calls what nobody defines",
      "{{ template `a` . }}",
      'template 1:13: no template "none", which "b" calls',
    ],
    ["does not parse", "{{ if }}", "template 1:6: missing value for command"],
  ])("%s", (_, text, message) => {
    const calls =
      '{{ define "a" }}{{ template "b" }}{{ end }}{{ define "b" }}{{ template "none" }}';
    const templates = compileTemplates([{ path: "f", text: `${calls}{{ end }}` }]);
    expect(() => templates.compile(text, "text")).toThrow(new OperationalError("PARSE", message));
  });
});

describe("a text fails with its reason:", () => {
  test.each([
    ["{{ .Nope }}", "PARSE", "cannot evaluate field Nope in template.Data"],
    ["{{ .Alerts.Nope }}", "PARSE", "cannot evaluate field Nope in template.Alerts"],
    ["{{ .Status.Format `x` }}", "PARSE", "cannot evaluate field Format in string"],
    ["{{ .GroupLabels.app `x` }}", "PARSE", "cannot give an argument to what is not a function"],
    ["{{ .GroupLabels.Remove }}", "PARSE", "wrong number of arguments for Remove: want 2, got 1"],
    ["{{ .GroupLabels.Remove `a` }}", "PARSE", "string where a list is wanted"],
    ["{{ tz `Mars/Base` nil }}", "PARSE", "<nil> where a time is wanted"],
    ["{{ dict `a` }}", "PARSE", "dict wants a value for every name"],
    ["{{ match `(` .Status }}", "PARSE", "Not a regular expression"],
    ["{{ urlUnescape `%zz` }}", "PARSE", "not URL-encoded"],
    ["{{ define `x` }}{{ template `x` }}{{ end }}{{ template `x` }}", "LIMIT", "deeper than 20"],
    ["{{ $l := list 1 }}{{ range (slice .Status 0 0) }}{{ end }}", "PARSE", "can't iterate"],
  ])("%s", (text, code, message) => {
    const error = errorOf(text);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });

  const turns = `{{ range (list ${"1 ".repeat(60)}) }}`;
  test.each([
    ["lists that double", `{{ $l := list 1 }}${turns}{{ $l = append $l $l $l }}{{ end }}`],
    ["lists in lists", `{{ $l := list 1 }}${turns}{{ $l = list $l }}{{ end }}`],
    ["texts that double", `{{ $t := "abcd" }}${turns}{{ $t = print $t $t }}{{ end }}`],
    [
      "texts in lists",
      `{{ $t := printf "%999s" "" }}${turns}{{ $t = join $t (stringSlice ${"$t ".repeat(50)}) }}{{ end }}`,
    ],
    [
      "a long output",
      `{{ define "x" }}${"x".repeat(20_000)}{{ end }}${turns}{{ template "x" }}{{ end }}`,
    ],
    ["turns in turns", `${turns}${turns}${turns}{{ end }}{{ end }}{{ end }}`],
  ])("%s end at a limit", (_, text) => {
    expect(errorOf(text).code).toBe("LIMIT");
  });

  function errorOf(text: string): OperationalError {
    try {
      expand(text);
    } catch (error) {
      if (error instanceof OperationalError) return error;
      throw error;
    }
    throw new Error("it does not fail");
  }
});

test("one notification to several receivers names each, and the address of its time", () => {
  const expand = compileTemplates([]).compile("{{ .Receiver }} {{ .ExternalURL }}", "text");
  const other = { ...CONTEXT, receiver: "team b" };
  const contexts = [CONTEXT, CONTEXT, other, { ...other, externalUrl: "http://b" }, CONTEXT];
  expect(contexts.map((context) => expand(NOTIFICATION, context))).toEqual(
    contexts.map(({ receiver, externalUrl }) => `${receiver} ${externalUrl}`),
  );
});

test("what files define is gone with them", () => {
  const call = '{{ template "slack.default.color" . }}';
  const text = '{{ define "slack.default.color" }}pink{{ end }}';
  expect(expand(call, [{ path: "a.tmpl", text }])).toBe("pink");
  expect(expand(call)).toBe("danger");
});
