import { expect, test } from "vitest";
import {
  type AlertChange,
  decodeNotification,
  encodeNotification,
  fingerprint,
  groupChanges,
  webhookBody,
} from "../../../aggregator/notify/integrations/webhook.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const AT_MS = 1_767_700_800_000; // 2026-01-06T12:00:00Z

function change(status: "firing" | "resolved", instance: string): AlertChange {
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
const OPTIONS = { receiver: "ops", externalUrl: "http://telltale:7071", alertsMax: 0 };

test("a message is Alertmanager's, version 4", () => {
  const notification = {
    timeMs: AT_MS,
    groupLabels: GROUP_LABELS,
    alerts: [change("firing", "a"), change("resolved", "b")],
  };
  const body = webhookBody(notification, OPTIONS);
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
  const notification = {
    timeMs: AT_MS,
    groupLabels: GROUP_LABELS,
    alerts: [change("resolved", "a")],
  };
  expect(JSON.parse(webhookBody(notification, OPTIONS))).toMatchObject({ status: "resolved" });
});

test("alerts over the webhook's bound are left out and counted", () => {
  const alerts = ["a", "b", "c"].map((instance) => change("firing", instance));
  const body = webhookBody(
    { timeMs: AT_MS, groupLabels: GROUP_LABELS, alerts },
    { ...OPTIONS, alertsMax: 2 },
  );
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

test("changes are grouped by labels, in their order, and cut at the bound", () => {
  const changes = ["a", "b", "a", "a"].map((instance) => change("firing", instance));
  const parts = groupChanges(changes, ["instance"], AT_MS, 2).map(({ groupLabels, alerts }) => [
    groupLabels.join("="),
    alerts.length,
  ]);
  expect(parts).toStrictEqual([
    ["instance=a", 2],
    ["instance=a", 1],
    ["instance=b", 1],
  ]);
  expect(groupChanges(changes, [], AT_MS, 100)).toHaveLength(1);
  expect(groupChanges(changes, null, AT_MS, 100)).toHaveLength(2);
});

test("an entry comes back from its bytes as it was, and damaged bytes as nothing", () => {
  const alerts = [change("firing", "ä"), change("resolved", "b")];
  const notification = { timeMs: AT_MS, groupLabels: GROUP_LABELS, alerts };
  const bytes = encodeNotification(notification);
  expect(decodeNotification(bytes)).toStrictEqual(notification);
  expect(decodeNotification(bytes.subarray(1))).toBeNull();
  expect(decodeNotification(Buffer.from('{"timeMs":1}'))).toBeNull();
});
