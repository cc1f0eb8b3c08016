import { expect, test } from "vitest";
import type { NotifiedAlert } from "../../../aggregator/notify/dispatch-state.ts";
import { fingerprint, webhookBody } from "../../../aggregator/notify/integrations/webhook.ts";
import { decodeNotification, encodeNotification } from "../../../aggregator/notify/outbox-entry.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const AT_MS = 1_767_700_800_000; // 2026-01-06T12:00:00Z

function change(status: "firing" | "resolved", instance: string): NotifiedAlert {
  return {
    status,
    labels: labelsOf({ alertname: "Down", instance, job: "node" }),
    annotations: labelsOf({ summary: `${instance} is down`, runbook: "r" }),
    startsAtMs: AT_MS + 1500,
    endsAtMs: status === "resolved" ? AT_MS + 60_000 : null,
    generatorUrl: "http://telltale:7071/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
  };
}

const GROUP_LABELS = labelsOf({ alertname: "Down" });
const GROUP = { groupKey: '{}:{alertname="Down"}', groupLabels: GROUP_LABELS };
const URL = "http://telltale:7071";
const WEBHOOK = {
  ...{ receiver: "ops", queue: "ops/0", url: "http://x/", sendsResolved: true },
  ...{ alertsMax: 0, timeoutMs: 1000 },
};

test("a message is Alertmanager's, version 4", () => {
  const notification = {
    timeMs: AT_MS,
    ...GROUP,
    alerts: [change("firing", "a"), change("resolved", "b")],
  };
  const body = webhookBody(notification, WEBHOOK, URL);
  expect(body).toBe(
    '{"receiver":"ops","status":"firing","alerts":[' +
      '{"status":"firing","labels":{"alertname":"Down","instance":"a","job":"node"},' +
      '"annotations":{"runbook":"r","summary":"a is down"},' +
      '"startsAt":"2026-01-06T12:00:01.5Z","endsAt":"0001-01-01T00:00:00Z",' +
      '"generatorURL":"http://telltale:7071/graph?g0.expr=up+%3D%3D+0&g0.tab=1",' +
      `"fingerprint":"${fingerprint(change("firing", "a").labels)}"},` +
      '{"status":"resolved","labels":{"alertname":"Down","instance":"b","job":"node"},' +
      '"annotations":{"runbook":"r","summary":"b is down"},' +
      '"startsAt":"2026-01-06T12:00:01.5Z","endsAt":"2026-01-06T12:01:00Z",' +
      '"generatorURL":"http://telltale:7071/graph?g0.expr=up+%3D%3D+0&g0.tab=1",' +
      `"fingerprint":"${fingerprint(change("firing", "b").labels)}"}],` +
      '"groupLabels":{"alertname":"Down"},"commonLabels":{"alertname":"Down","job":"node"},' +
      '"commonAnnotations":{"runbook":"r"},"externalURL":"http://telltale:7071","version":"4",' +
      '"groupKey":"{}:{alertname=\\"Down\\"}","truncatedAlerts":0}',
  );
});

test("a message is resolved when all of its alerts are", () => {
  const notification = { timeMs: AT_MS, ...GROUP, alerts: [change("resolved", "a")] };
  expect(JSON.parse(webhookBody(notification, WEBHOOK, URL))).toMatchObject({ status: "resolved" });
});

test("alerts over the webhook's bound are left out and counted", () => {
  const alerts = ["a", "b", "c"].map((instance) => change("firing", instance));
  const body = webhookBody({ timeMs: AT_MS, ...GROUP, alerts }, { ...WEBHOOK, alertsMax: 2 }, URL);
  const message = JSON.parse(body);
  expect(message).toMatchObject({ truncatedAlerts: 1 });
  expect(message.alerts).toHaveLength(2);
});

// FNV-1a, 64 bits: its offset basis, and the bytes `a`, 255, `b`, 255 worked out apart from this code.
test.each([
  [{}, "cbf29ce484222325"],
  [{ a: "b" }, "d2b371819297f98a"],
])("the fingerprint of %j is %s", (labels, expected) => {
  expect(fingerprint(labelsOf(labels as Record<string, string>))).toBe(expected);
});

test("an entry comes back from its bytes as it was, and damaged bytes as nothing", () => {
  const alerts = [change("firing", "ä"), change("resolved", "b")];
  const notification = { timeMs: AT_MS, ...GROUP, alerts };
  const bytes = encodeNotification(notification);
  expect(decodeNotification(bytes)).toStrictEqual(notification);
  expect(decodeNotification(bytes.subarray(1))).toBeNull();
  expect(decodeNotification(Buffer.from('{"timeMs":1}'))).toBeNull();
});
