import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { PreviewMessage } from "../../aggregator/model/notification.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { alertsCli } from "../support/alerts-cli.ts";
import { FAKE_START_MS, FakeClock } from "../support/fake-clock.ts";
import { call } from "../support/grpc-call.ts";
import { ALERT } from "../support/rule-group.ts";
import { startGrpcBed } from "./api-bed.ts";

async function startBed() {
  const clock = new FakeClock();
  const bed = await startGrpcBed(clock);
  /** As receivers know the alert of the bed's rule, with what comes beside its labels. */
  const post = async (further: Record<string, string> = {}) => {
    const labels = labelsOf({
      ...{ alertname: "NodeDown", instance: "db1", severity: "page" },
      ...further,
    });
    const times = { startsAtMs: null, endsAtMs: FAKE_START_MS + 60_000 };
    await bed.alerts.post([{ labels, annotations: [], generatorUrl: "", ...times }]);
  };
  return { ...bed, ...alertsCli(bed.server.address, clock), post };
}

test("alerts that fire are acknowledged, and the list says by whom", async () => {
  const { telltale, json, post } = await startBed();
  await post();
  const acked = await telltale("ack", "alertname=NodeDown", "--comment", "new disk");
  expect(acked).toEqual({ code: 0, output: "1 alert acknowledged.\n", errors: "" });
  expect((await telltale("alerts")).output).toContain("acknowledged by ann");
  expect(await json("alerts")).toMatchObject([
    { acknowledgedBy: "ann", acknowledgeComment: "new disk", silencedBy: [], inhibitedBy: [] },
  ]);
  await telltale("ack", 'instance=~"db.*"', "--comment", "x", "--author", "bob");
  expect(await json("alerts")).toMatchObject([{ acknowledgedBy: "bob" }]);
});

test("an alert that is not there cannot be acknowledged: exit 1", async () => {
  const { telltale, json } = await startBed();
  const said = await telltale("ack", "alertname=Other", "--comment", "x");
  expect(said).toEqual({ code: 1, output: "No alert that fires matches.\n", errors: "" });
  expect(await json("ack", "alertname=Other", "--comment", "x")).toEqual({ alerts: 0 });
});

test.each<[number, string, string[]]>([
  [2, "--comment", ["ack", "a=b"]],
  [2, "matcher", ["ack", "--comment", "x"]],
  [1, "Not a matcher", ["ack", "a", "--comment", "x"]],
  [1, "must not match the empty string", ["ack", 'a=~".*"', "--comment", "x"]],
  [1, "There is no receiver nobody", ["notify", "test", "nobody"]],
  [2, "receiver", ["notify", "test"]],
  [2, 'Not NAME=VALUE: "x"', ["notify", "preview", "x"]],
  [2, 'Not NAME=VALUE: "=x"', ["notify", "preview", "=x"]],
])("exits %i saying %j", async (code, text, args) => {
  const { telltale } = await startBed();
  expect(await telltale(...args)).toMatchObject({ code, errors: expect.stringContaining(text) });
});

test("the list joins by the labels that receivers get, external ones included", async () => {
  const { telltale, json, post, alerts } = await startBed();
  alerts.external = labelsOf({ cluster: "c1", instance: "of the aggregator" });
  await post({ cluster: "c1" });
  await post({ cluster: "c2", alertname: "Other" });
  await telltale("silence", "add", "cluster=c1", "--duration", "1h", "--comment", "x");
  const [silence] = await json("silence", "list");
  expect(ALERT.labels).not.toContain("cluster");
  expect(await json("alerts")).toMatchObject([{ silencedBy: [silence.id] }]);
  const { output } = await telltale("alerts");
  expect(output.split("\n")[0]).toMatch(/VALUE +NOTIFYING +LABELS/);
  expect(output).toMatch(/ 0 +silenced +\{instance=/);
});

test("a test of a receiver prints each answer, and exits 1 unless all took it", async () => {
  const { telltale, json, alerts } = await startBed();
  expect(await telltale("notify", "test", "default")).toMatchObject({
    code: 0,
    output: "The receiver has no integrations: it tells nobody.\n",
  });
  const good = {
    integration: "webhook[0]",
    outcome: "delivered",
    answer: "200",
    tookMs: 12,
  } as const;
  alerts.answers = [good];
  expect((await telltale("notify", "test", "default")).code).toBe(0);
  const bad = { integration: "email[0]", outcome: "failed", answer: "away\u001b[2J" } as const;
  alerts.answers = [good, { ...bad, tookMs: 10_000 }];
  expect(await telltale("notify", "test", "default")).toEqual({
    code: 1,
    output: [
      "INTEGRATION  OUTCOME    TOOK  ANSWER",
      "webhook[0]   delivered  12ms  200",
      "email[0]     failed      10s  away\\u001b[2J",
      "",
    ].join("\n"),
    errors: "",
  });
  expect(await json("notify", "test", "default")).toEqual([
    { integration: "webhook[0]", outcome: "delivered", answer: "200", tookSeconds: 0.012 },
    { integration: "email[0]", outcome: "failed", answer: "away\u001b[2J", tookSeconds: 10 },
  ]);
});

const ROUTE = {
  key: '{}/{severity="page"}',
  receiver: "ops",
  integrations: ["webhook[0]", "email[0]"],
  groupLabels: ["alertname", "Full"],
  groupWaitMs: 30_000,
  groupIntervalMs: 300_000,
  repeatIntervalMs: 14_400_000,
  mutedBy: ["nights"],
  escalations: [{ afterMs: 900_000, receiver: "boss" }],
};
const MESSAGE: PreviewMessage = {
  ...{ integration: "webhook[0]", method: "POST", host: "hook.example" },
  ...{ contentType: "application/json", body: '{"a":"x\\ny"}', fault: "" },
};
const FORM: PreviewMessage = {
  ...{ ...MESSAGE, integration: "pushover[0]" },
  ...{ contentType: "application/x-www-form-urlencoded", body: "token=%3Csecret%3E&title=a+b" },
};
const MAIL: PreviewMessage = {
  ...{ integration: "email[0]", method: "MAIL", host: "mx.example:25" },
  ...{ contentType: "text/plain", body: "to: a@b\n\nText\u001b", fault: "" },
};
const FAULT: PreviewMessage = { ...MESSAGE, body: "", fault: "template: no" };

test("a preview shows routes, and with a receiver its messages", async () => {
  const { telltale, json, alerts } = await startBed();
  const args = ["notify", "preview", "alertname=Full", "expr=a=b"];
  expect((await telltale(...args)).output).toContain("There is no routing: nobody is notified.\n");
  alerts.previewed = { routes: [ROUTE], messages: [MESSAGE, FORM, MAIL, FAULT] };
  expect((await telltale(...args, "--receiver", "ops")).output).toBe(
    `Alert {alertname="Full", expr="a=b"}

Route {}/{severity="page"}
  receiver  ops: webhook[0], email[0]
  group     {alertname="Full"}
  sent      after 30s, changes every 5m, repeated every 4h
  escalates after 15m to boss
  mute now  by nights

webhook[0] POST hook.example
  {
    "a": "x\\ny"
  }

pushover[0] POST hook.example
  token: <secret>
  title: a b

email[0] MAIL mx.example:25
  to: a@b

  Text\\u001b

webhook[0] template: no
`,
  );
  expect(await json(...args)).toEqual({
    labels: { alertname: "Full", expr: "a=b" },
    routes: [
      {
        ...{ key: ROUTE.key, receiver: "ops", integrations: ROUTE.integrations },
        groupLabels: { alertname: "Full" },
        ...{ groupWaitSeconds: 30, groupIntervalSeconds: 300, repeatIntervalSeconds: 14_400 },
        mutedBy: ["nights"],
        escalations: [{ afterSeconds: 900, receiver: "boss" }],
      },
    ],
    messages: [],
  });
});

test.each([
  [["a"]],
  [["", "b"]],
  [["a", "x".repeat(10_001)]],
  [["a\0", "b"]],
  [Array(202).fill("a")],
])("labels that are none are refused (case %#)", async (labels: string[]) => {
  const { client } = await startBed();
  await expect(call(client, client.preview, { labels })).rejects.toMatchObject({
    code: status.INVALID_ARGUMENT,
  });
});
