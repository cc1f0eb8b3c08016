import { renameSync, symlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { answerWith, HttpReceiver } from "../support/http-receiver.ts";
import { Bed, eventually, Hook, runProgram } from "../support/programs.ts";

const alert = (name: string) => `{ alert: ${name}, expr: "vector(1)" }`;
const rules = (names: readonly string[]) => `
groups:
  - name: g
    interval: 1s
    rules:
${names.map((name) => `      - ${alert(name)}`).join("\n")}
`;

const routing = (receivers: string, route = "repeat_interval: 1h") => `
route: { receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s, ${route} }
receivers:
${receivers}
`;
const hookTo = (url: string, name = "ops") =>
  `  - { name: ${name}, webhook_configs: [{ url: "${url}" }] }`;

async function telltale(bed: Bed, ...args: string[]) {
  return await runProgram("cli", [...args, "--server", bed.address]);
}

async function json(bed: Bed, ...args: string[]) {
  const { output, errors } = await telltale(bed, ...args, "--output", "json");
  if (output === "") throw new Error(errors);
  return JSON.parse(output);
}

async function reload(bed: Bed): Promise<[number, string]> {
  const response = await fetch(`http://127.0.0.1:${bed.httpPort}/-/reload`, { method: "POST" });
  return [response.status, await response.text()];
}

const ruleNames = async (bed: Bed) => {
  const groups: { name: string; rules: { name: string }[] }[] = await json(bed, "rules");
  return groups.find(({ name }) => name === "g")?.rules.map(({ name }) => name);
};

test("a reload with one bad rule among 500 keeps the old 500, and names the line", async () => {
  await using bed = await Bed.open();
  const names = (prefix: string) => Array.from({ length: 500 }, (_, i) => `${prefix}${i}`);
  const path = "rules/r.yaml";
  bed.write(path, rules(names("Old")));
  await bed.startReadyAggregator(["--log-level=warn"]);
  const bad = rules(names("New")).replace(alert("New399"), alert("New399").replace("(1)", "("));
  bed.write(path, bad);
  const line = bad.split("\n").findIndex((text) => text.includes("New399")) + 1;
  const [status, faults] = await reload(bed);
  expect(status).toBe(500);
  expect(faults).toContain(`r.yaml:${line}: groups[0].rules[399].expr: `);
  expect(faults.trim().split("\n").length).toBe(1);
  expect(await ruleNames(bed)).toEqual(names("Old"));
  bed.write(path, rules(names("New")));
  expect(await reload(bed)).toEqual([200, "Rules and routing are reloaded.\n"]);
  expect(await ruleNames(bed)).toEqual(names("New"));
});

test("changed files are taken by themselves, a wrong one is reported once", async () => {
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  bed.write("rules/r.yaml", rules(["One"]));
  bed.write("v1/url", hook.url);
  const link = (target: string) => {
    symlinkSync(target, bed.path("..new"));
    renameSync(bed.path("..new"), bed.path("..data"));
  };
  link("v1");
  const receiver = '  - { name: ops, webhook_configs: [{ url_file: "..data/url" }] }';
  bed.write("notify.yaml", routing(receiver));
  const aggregator = await bed.startReadyAggregator();
  await eventually(() => hook.story.includes("One firing"));
  const messages = (start: string) =>
    aggregator.log().filter(({ msg }) => String(msg).startsWith(start));

  bed.write("rules/r.yaml", "groups: [");
  await eventually(() => messages("reload failed").length > 0);
  await delay(12_000);
  expect(messages("reload failed").length).toBe(1);
  bed.write("rules/r.yaml", rules(["One", "Two"]));
  await eventually(() => hook.story.includes("Two firing"));

  // A secret's file, behind a link that is swapped as Kubernetes does it.
  await using moved = await Hook.open();
  bed.write("v2/url", moved.url);
  link("v2");
  await eventually(() => messages("configuration reloaded").length === 2);
  bed.write("rules/r.yaml", rules(["One", "Two", "Three"]));
  await eventually(() => moved.story.includes("Three firing"));
  expect(hook.story).not.toContain("Three firing");
  expect(messages("reload failed").length).toBe(1);
});

test("with reload_on_change off only those who ask get a reload", async () => {
  await using bed = await Bed.open();
  bed.write("rules/r.yaml", rules(["One"]));
  const config = bed.write("aggregator.yaml", "reload_on_change: false\n");
  await bed.startReadyAggregator([`--config=${config}`]);
  bed.write("rules/r.yaml", rules(["Two"]));
  await delay(12_000);
  expect(await ruleNames(bed)).toEqual(["One"]);
  expect((await reload(bed))[0]).toBe(200);
  expect(await ruleNames(bed)).toEqual(["Two"]);
});

test("an acknowledged alert is shown as such, is not repeated and does not escalate", async () => {
  await using bed = await Bed.open();
  await using ops = await Hook.open();
  await using boss = await Hook.open();
  bed.write("rules/r.yaml", rules(["Seen", "Unseen"]));
  const receivers = `${hookTo(ops.url)}\n${hookTo(boss.url, "boss")}`;
  const escalate = "repeat_interval: 2s, escalate: [{ after: 8s, receiver: boss }]";
  bed.write("notify.yaml", routing(receivers, escalate));
  await bed.startReadyAggregator();
  await eventually(() => new Set(ops.story).size === 2);
  const acked = await telltale(bed, "ack", "alertname=Seen", "--comment", "mine", "--author=ann");
  expect(acked).toEqual({ code: 0, output: "1 alert acknowledged.\n", errors: "" });
  const countOf = (name: string) => ops.story.filter((one) => one === `${name} firing`).length;
  const seen = countOf("Seen");
  await eventually(() => boss.story.includes("Unseen firing"));
  await eventually(() => countOf("Unseen") >= seen + 2);
  expect(boss.story).not.toContain("Seen firing");
  expect(countOf("Seen")).toBeLessThanOrEqual(seen + 1); // one may have been under way
  const alerts: { labels: { alertname: string }; acknowledgedBy: string | null }[] = await json(
    bed,
    "alerts",
  );
  const by = new Map(alerts.map((one) => [one.labels.alertname, one.acknowledgedBy]));
  expect(by).toEqual(
    new Map([
      ["Seen", "ann"],
      ["Unseen", null],
    ]),
  );
  expect((await telltale(bed, "alerts")).output).toMatch(/Seen .* acknowledged by ann/);
});

test("a test of a receiver reports what each integration answered", async () => {
  await using bed = await Bed.open();
  await using good = await HttpReceiver.open(answerWith(200));
  await using bad = await HttpReceiver.open(answerWith(500, "no room"));
  await using hanging = await HttpReceiver.open(() => {});
  const urls = [good.url, bad.url, hanging.url].map((url) => `${url}/T0KEN`);
  const configs = urls.map((url) => `{ url: "${url}", timeout: 1s }`);
  const receivers = [
    `  - { name: ops, webhook_configs: [${configs.join(", ")}] }`,
    `  - { name: good, webhook_configs: [${configs[0]}] }`,
  ];
  bed.write("notify.yaml", routing(receivers.join("\n")));
  await bed.startReadyAggregator();
  const { code, output } = await telltale(bed, "notify", "test", "ops");
  expect(code).toBe(1);
  expect(output).toMatch(/^webhook\[0\] +delivered .* 200$/m);
  expect(output).toMatch(/^webhook\[1\] +failed .* 500: no room$/m);
  expect(output).toMatch(/^webhook\[2\] +failed .* No answer within 1000 ms$/m);
  expect(output).not.toContain("T0KEN");
  expect(good.json).toMatchObject({
    receiver: "ops",
    alerts: [
      {
        labels: { alertname: "TelltaleTest" },
        annotations: { summary: expect.stringContaining("TEST") },
      },
    ],
  });
  expect((await telltale(bed, "notify", "test", "good")).code).toBe(0);
  expect(await telltale(bed, "notify", "test", "nobody")).toMatchObject({
    code: 1,
    errors: 'telltale: There is no receiver "nobody" in the routing file\n',
  });
  expect(await json(bed, "notifications")).toEqual([]); // a test is no notification
});

test("a preview says where an alert goes and what is sent, and sends nothing", async () => {
  await using bed = await Bed.open();
  await using receiver = await HttpReceiver.open();
  const page = `routes: [{ matchers: ['severity="page"', 'cluster="c1"'], receiver: pager }]`;
  const pager = `  - name: pager
    webhook_configs: [{ url: "${receiver.url}/T0KEN", payload: { text: "{{ .CommonLabels.alertname }}", token: T0KEN } }]`;
  bed.write("notify.yaml", routing(`${hookTo(receiver.url)}\n${pager}`, page));
  const config = bed.write("aggregator.yaml", "external_labels: { cluster: c1 }\n");
  await bed.startReadyAggregator([`--config=${config}`]);
  const args = ["notify", "preview", "alertname=Full", "severity=page"];
  expect(await json(bed, ...args, "--receiver", "pager")).toEqual({
    labels: { alertname: "Full", cluster: "c1", severity: "page" },
    routes: [
      {
        key: '{}/{cluster="c1",severity="page"}',
        receiver: "pager",
        integrations: ["webhook[0]"],
        groupLabels: { alertname: "Full" },
        groupWaitSeconds: 0,
        groupIntervalSeconds: 1,
        repeatIntervalSeconds: 14_400,
        mutedBy: [],
        escalations: [],
      },
    ],
    messages: [
      {
        integration: "webhook[0]",
        method: "POST",
        host: new URL(receiver.url).host,
        contentType: "application/json",
        body: '{"text":"Full","token":"<secret>"}',
        fault: "",
      },
    ],
  });
  const { output } = await telltale(bed, "notify", "preview", "alertname=Full");
  expect(output).toContain("receiver  ops: webhook[0]");
  expect(receiver.got).toEqual([]);
});
