import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Notification, NotifiedAlert } from "../../../../aggregator/model/notification.ts";
import { compileTemplates } from "../../../../aggregator/notify/templates/notify-templates.ts";
import { labelsOf } from "../../../../shared/model/labels.ts";
import { elementsOf, shapeOf } from "../../../support/html-elements.ts";

const STARTED_MS = 1_435_868_239_500;
const CONTEXT = {
  receiver: "team a",
  externalUrl: "http://telltale.example:7071",
  nowMs: STARTED_MS + 60_000,
};
const TEMPLATES = compileTemplates([]);

function alert(instance: string, more: Partial<NotifiedAlert> = {}): NotifiedAlert {
  return {
    status: "firing",
    labels: labelsOf({ alertname: "DiskFull", instance, severity: "critical" }),
    annotations: labelsOf({ summary: "Disk full", value: "97" }),
    startsAtMs: STARTED_MS,
    endsAtMs: null,
    generatorUrl: "http://rules.example/graph?g0.expr=x&g0.tab=1",
    ...more,
  };
}

function notification(alerts: readonly NotifiedAlert[]): Notification {
  const groupLabels = labelsOf({ alertname: "DiskFull" });
  return { timeMs: STARTED_MS, groupKey: "{}:{}", groupLabels, alerts };
}

const ended = { status: "resolved", endsAtMs: STARTED_MS + 90_000 } as const;
const FIRING = notification([alert("db-1"), alert("db-2")]);
const RESOLVED = notification([alert("db-1", ended)]);

function render(name: string, about: Notification = FIRING): string {
  const form = /html$|^telegram/.test(name) ? "html" : "text";
  const root = name === "pagerduty.default.instances" ? ".Alerts.Firing" : ".";
  return TEMPLATES.compile(`{{ template "${name}" ${root} }}`, form)(about, CONTEXT);
}

const SPOKEN = `
  email.default.subject email.default.html email.default.text slack.default.title
  slack.default.username slack.default.fallback slack.default.titlelink slack.default.text
  slack.default.color pagerduty.default.client pagerduty.default.clientURL
  pagerduty.default.description pagerduty.default.instances opsgenie.default.message
  opsgenie.default.description opsgenie.default.source victorops.default.state_message
  victorops.default.entity_display_name victorops.default.monitoring_tool webex.default.message
  rocketchat.default.title rocketchat.default.alias rocketchat.default.titlelink
  rocketchat.default.text mattermost.default.username mattermost.default.title
  mattermost.default.titlelink mattermost.default.fallback mattermost.default.text
  mattermost.default.color sns.default.subject sns.default.message jira.default.summary
  jira.default.description jira.default.priority discord.default.title discord.default.message
  msteams.default.summary msteams.default.title msteams.default.text msteamsv2.default.title
  msteamsv2.default.text pushover.default.title pushover.default.message pushover.default.url
  telegram.default.message wechat.default.message dingtalk.default.title dingtalk.default.text
  feishu.default.title feishu.default.text wecom.default.text sms.default.text ntfy.default.title
  ntfy.default.message __subject __alertmanager __alertmanagerURL
`
  .trim()
  .split(/\s+/);

const EMPTY = `
  slack.default.callbackid slack.default.pretext slack.default.iconemoji slack.default.iconurl
  slack.default.footer rocketchat.default.emoji rocketchat.default.iconurl
  mattermost.default.pretext mattermost.default.footer mattermost.default.iconurl
  mattermost.default.iconemoji discord.default.content wechat.default.to_user
  wechat.default.to_party wechat.default.to_tag wechat.default.agent_id __description
`
  .trim()
  .split(/\s+/);

test.each(SPOKEN)("%s says something", (name) => expect(render(name).trim()).not.toBe(""));

const MANY = notification(Array.from({ length: 12_000 }, (_, i) => alert(`db-${i}`)));

test.each([
  "email.default.html",
  "email.default.text",
  "dingtalk.default.text",
  "slack.default.text",
  "telegram.default.message",
  "ntfy.default.message",
])("%s says of thousands of alerts no more than can be sent", (name) => {
  const text = render(name, MANY);
  expect(text.length).toBeLessThan(60_000);
  expect(text).toMatch(/(20|50) of 12000 alerts/);
});

test.each(EMPTY)("%s is there, and empty", (name) => expect(render(name)).toBe(""));

describe("the words of", () => {
  test.each([
    ["email.default.subject", FIRING, "[FIRING:2] DiskFull (critical)"],
    ["email.default.subject", RESOLVED, "[RESOLVED] DiskFull (db-1 critical)"],
    ["sms.default.text", FIRING, "[FIRING 2] DiskFull: Disk full"],
    ["sms.default.text", RESOLVED, "[RESOLVED 1] DiskFull: Disk full"],
    ["slack.default.color", FIRING, "danger"],
    ["slack.default.color", RESOLVED, "good"],
    ["jira.default.priority", FIRING, "High"],
    ["jira.default.priority", RESOLVED, ""],
    ["pushover.default.url", FIRING, "http://telltale.example:7071/#/alerts?receiver=team+a"],
    [
      "slack.default.text",
      notification([alert("a"), alert("b", ended)]),
      "• DiskFull (critical) on a: Disk full\nResolved:\n• DiskFull (critical) on b: Disk full\n",
    ],
    [
      "dingtalk.default.text",
      notification([alert("a")]),
      "**[FIRING:1] DiskFull (a critical)**\n\n**Firing**\n\n- **DiskFull** (critical) on a: " +
        "Disk full, value 97, since 2015-07-02 20:17:19 UTC " +
        "[source](http://rules.example/graph?g0.expr=x&g0.tab=1)\n",
    ],
    [
      "email.default.text",
      RESOLVED,
      `[RESOLVED] DiskFull (db-1 critical)

Resolved:
- DiskFull (critical) on db-1: Disk full
  since 2015-07-02 20:17:19 UTC until 2015-07-02 20:18:49 UTC, value 97
  alertname=DiskFull, instance=db-1, severity=critical
  http://rules.example/graph?g0.expr=x&g0.tab=1

Silence what these have in common:
http://telltale.example:7071/#/silences/new?filter=%7Balertname%3D%22DiskFull%22%2Cinstance%3D%22db-1%22%2Cseverity%3D%22critical%22%7D
Alerts of this receiver:
http://telltale.example:7071/#/alerts?receiver=team+a`,
    ],
  ])("%s, case %#", (name, about, expected) => {
    expect(render(name, about)).toBe(expected);
  });
});

test("without a label in common no mail offers to silence everything", () => {
  const other = labelsOf({ alertname: "Other" });
  const about = notification([alert("a"), alert("b", { labels: other })]);
  expect(render("email.default.text", about)).not.toContain("/silences/");
});

test("the mail's link to a silence has the alert's labels as matchers, encoded once", () => {
  const labels = labelsOf({ alertname: 'a "b" & c+d', "dotted.name": "ü" });
  const elements = elementsOf(render("email.default.html", notification([alert("", { labels })])));
  const links = elements.flatMap(({ attributes }) => attributes.get("href") ?? []);
  const [, filter = ""] = links.find((link) => link.includes("/silences/"))?.split("filter=") ?? [];
  expect(decodeURIComponent(filter)).toBe('{alertname="a \\"b\\" & c+d","dotted.name"="ü"}');
});

const FRAGMENTS = [
  ..."<>\"'&=`[]()!*_#@ \n\\|",
  ..."</td> <script> <img/src=x> --> ](http://evil.example) javascript:x {{.Status}} x".split(" "),
];
const hostile = fc
  .array(fc.constantFrom(...FRAGMENTS), { size: "max", minLength: 1, maxLength: 10 })
  .map((parts) => `x${parts.join("")}`);

/** With the same values in all places. */
function about(value: string): Notification {
  const labels = labelsOf({ alertname: value, instance: value, severity: value, other: value });
  const annotations = labelsOf({ summary: value, value, description: value, more: value });
  const hostileAlert = alert("", { labels, annotations, generatorUrl: `http://x/${value}` });
  return {
    ...notification([hostileAlert, { ...hostileAlert, ...ended }]),
    groupLabels: labelsOf({ alertname: value }),
  };
}

test.each(["email.default.html", "telegram.default.message"])(
  "in %s no value is an element or an attribute",
  (name) => {
    const plain = shapeOf(elementsOf(render(name, about("x"))));
    expect(plain.length).toBeGreaterThan(5);
    fc.assert(
      fc.property(hostile, (value) => {
        expect(shapeOf(elementsOf(render(name, about(value))))).toEqual(plain);
      }),
      { numRuns: 60 },
    );
  },
);

test.each(
  SPOKEN.filter((name) =>
    /^(discord|msteams|webex|mattermost|dingtalk|feishu|wecom)/.test(name),
  ).filter((name) => /text|message/.test(name)),
)("in %s no value is a link, an image, an element or a line", (name) => {
  const lines = render(name, about("x")).split("\n").length;
  fc.assert(
    fc.property(hostile, (value) => {
      const text = render(name, about(value));
      expect(text.split("\n")).toHaveLength(lines);
      const links = text.match(/\]\([^)]*\)/g) ?? [];
      expect(links.filter((link) => !/^\]\(http:\/\/x\/[^ "<>[\]]*\)$/.test(link))).toEqual([]);
      expect(text).not.toMatch(/!\[|<[^\u200b]/);
    }),
    { numRuns: 60 },
  );
});

const CONTEXT_TEXTS = {
  telltale_sparkline: "▁▂█ 1 to 9, last 9, in 30m",
  telltale_top_processes: "mysqld: 1.00 cores, 1.0 GiB\n<b>: 0.10 cores, 1 MiB",
  telltale_top_containers: "db: 1.00 cores, 1.0 GiB",
  telltale_logs: "12:00:00Z db: <script>boom",
  telltale_changes: "11:59:00Z node booted",
  telltale_link: "http://t/#/alerts?filter=x",
  telltale_ended: "the container has ended",
};
const CONTEXT_ALERT = notification([alert("a", { annotations: labelsOf(CONTEXT_TEXTS) })]);

describe("what is found out about an alert", () => {
  test("stands in the mail as it is, once, and escaped", () => {
    const html = render("email.default.html", CONTEXT_ALERT);
    for (const name of Object.keys(CONTEXT_TEXTS)) {
      expect(html.includes(`${name} =`)).toBe(name === "telltale_ended");
    }
    expect(html).toMatch(
      /<pre [^>]*>mysqld: 1.00 cores, 1.0 GiB\n&lt;b&gt;: 0.10 cores, 1 MiB<\/pre>/,
    );
    expect(html).toMatch(/<pre [^>]*>12:00:00Z db: &lt;script&gt;boom<\/pre>/);
    expect(html.match(/node booted/g)).toHaveLength(1);
    expect(html).toContain('<a href="http://t/#/alerts?filter=x">Alert</a>');
    expect(render("email.default.text", CONTEXT_ALERT)).toContain(
      `  Graph:
    ▁▂█ 1 to 9, last 9, in 30m
  Processes:
    mysqld: 1.00 cores, 1.0 GiB
    <b>: 0.10 cores, 1 MiB
  Containers:
    db: 1.00 cores, 1.0 GiB
  Log:
    12:00:00Z db: <script>boom
  Changes:
    11:59:00Z node booted
`,
    );
  });

  test.each([
    ["slack.default.text", "\n  mysqld: 1.00 cores, 1.0 GiB; &lt;b&gt;: 0.10 cores, 1 MiB\n"],
    ["telegram.default.message", "\n  mysqld: 1.00 cores, 1.0 GiB; &lt;b&gt;: 0.10 cores, 1 MiB\n"],
    ["dingtalk.default.text", "\n  mysqld: 1.00 cores, 1.0 GiB; "],
  ])("is two lines in %s", (name, processes) => {
    const text = render(name, CONTEXT_ALERT);
    expect(text).toContain("\n  ▁▂█ 1 to 9, last 9, in 30m\n");
    expect(text).toContain(processes);
    expect(text).not.toMatch(/boom|booted/);
  });

  test.each([
    ...["sms.default.text", "pagerduty.default.description", "opsgenie.default.description"],
    ...["victorops.default.state_message", "sns.default.message", "jira.default.description"],
  ])("is not in %s", (name) => {
    expect(render(name, CONTEXT_ALERT)).not.toMatch(/▁|mysqld|boom|booted|telltale_(?!ended)/);
  });
});
