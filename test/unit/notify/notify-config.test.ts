import { expect, test } from "vitest";
import { parseNotifyConfig } from "../../../aggregator/notify/notify-config.ts";
import { faultsError } from "../../../shared/config/decode-yaml.ts";
import { OperationalError } from "../../../shared/errors.ts";

function readText(path: string): string {
  if (path === "/secret") return "https://hook.example/token\n";
  throw new OperationalError("NOT_FOUND", `${path} is not there`);
}

function parse(text: string) {
  const { config, faults } = parseNotifyConfig({ path: "notify.yaml", text }, readText);
  if (config === null) throw faultsError(faults);
  return config;
}

test("a file gives the receiver and its webhooks", () => {
  const text = `
global: { resolve_timeout: 5m }
route:
  receiver: ops
  group_by: [alertname, instance]
  group_wait: 0s
receivers:
  - name: "null"
  - name: ops
    webhook_configs:
      - url: http://127.0.0.1:9000/hook
      - url_file: /secret
        send_resolved: false
        max_alerts: 5
        timeout: 3s
`;
  expect(parse(text)).toStrictEqual({
    groupBy: ["alertname", "instance"],
    receiver: {
      name: "ops",
      webhooks: [
        {
          receiver: "ops",
          queue: "ops/0",
          url: "http://127.0.0.1:9000/hook",
          sendsResolved: true,
          alertsMax: 0,
          timeoutMs: 10_000,
        },
        {
          receiver: "ops",
          queue: "ops/1",
          url: "https://hook.example/token",
          sendsResolved: false,
          alertsMax: 5,
          timeoutMs: 3000,
        },
      ],
    },
  });
});

test("alerts are sent together by their name unless the file says otherwise", () => {
  const rest = "receivers: [{ name: a }]";
  expect(parse(`route: { receiver: a }\n${rest}`).groupBy).toStrictEqual(["alertname"]);
  expect(parse(`route: { receiver: a, group_by: [] }\n${rest}`).groupBy).toStrictEqual([]);
  expect(parse(`route: { receiver: a, group_by: ["..."] }\n${rest}`).groupBy).toBeNull();
});

test("all faults are told at once, each with file, line and path", () => {
  const text = `route:
  receiver: a
  repeat_interval: 4h
  routes: []
receivers:
  - name: a
    email_configs: []
    webhook_configs:
      - url: ftp://x
        colour: red
inhibit_rules: []
`;
  expect(() => parse(text)).toThrow(
    new OperationalError(
      "CONFIG",
      [
        "notify.yaml:3: route.repeat_interval: not supported yet",
        "notify.yaml:4: route.routes: not supported yet",
        "notify.yaml:9: receivers[0].webhook_configs[0].url: must be an http or https URL",
        "notify.yaml:10: receivers[0].webhook_configs[0].colour: unknown key",
        "notify.yaml:7: receivers[0].email_configs: not supported yet",
        "notify.yaml:11: inhibit_rules: not supported yet",
      ].join("\n"),
    ),
  );
});

test.each([
  ["route: { receiver: b }\nreceivers: [{ name: a }]", 'no receiver is named "b"'],
  ["route: {}\nreceivers: [{ name: a }]", "route.receiver: the root route must name a receiver"],
  ["route: { receiver: a }\nreceivers: [{ name: a }, { name: a }]", "is not unique"],
  ["route: { receiver: a, group_by: [b, b] }\nreceivers: [{ name: a }]", "a label is named twice"],
  ["route: { receiver: a, group_wait: 30s }\nreceivers: [{ name: a }]", "only 0s is supported yet"],
  [
    "route: { receiver: a }\nreceivers: [{ name: a, webhook_configs: [{}] }]",
    "receivers[0].webhook_configs[0]: one of url and url_file must be set",
  ],
  [
    "route: { receiver: a }\nreceivers: [{ name: a, webhook_configs: [{ url_file: /no }] }]",
    "receivers[0].webhook_configs[0]: url_file: /no is not there",
  ],
])("%s is refused", (text, message) => {
  expect(() => parse(text)).toThrow(message);
});
