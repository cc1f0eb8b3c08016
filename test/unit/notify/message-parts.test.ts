import fc from "fast-check";
import { expect, test } from "vitest";
import type { NotifiedAlert } from "../../../aggregator/model/notification.ts";
import {
  commonLabels,
  fingerprint,
  groupHash,
  messageJson,
} from "../../../aggregator/notify/message-parts.ts";
import { labelsFrom, labelsOf } from "../../../shared/model/labels.ts";

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
const BY = { receiver: "ops", externalUrl: "http://telltale:7071" };

test("a message is Alertmanager's, version 4", () => {
  const notification = {
    timeMs: AT_MS,
    ...GROUP,
    alerts: [change("firing", "a"), change("resolved", "b")],
  };
  const body = messageJson(notification, BY, 0);
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
  expect(JSON.parse(messageJson(notification, BY, 0))).toMatchObject({ status: "resolved" });
});

test("alerts over the webhook's bound are left out and counted", () => {
  const alerts = ["a", "b", "c"].map((instance) => change("firing", instance));
  const body = messageJson({ timeMs: AT_MS, ...GROUP, alerts }, BY, 2);
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

test("what all sets have in common", () => {
  const [a, b] = [labelsOf({ x: "1", y: "2" }), labelsOf({ x: "1", y: "3", z: "4" })];
  expect(commonLabels([a, b])).toEqual(labelsOf({ x: "1" }));
  expect(commonLabels([a])).toEqual(a);
  expect(commonLabels([])).toEqual([]);
});

test("a group's hash is SHA-256 of its key", () => {
  expect(groupHash({ groupKey: "abc" })).toBe(
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

/** As the definition of FNV-1a says it. */
function reference(bytes: Iterable<number>): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

test("a fingerprint is FNV-1a over names and values with a byte 255 behind each", () => {
  expect(fingerprint([])).toBe("cbf29ce484222325");
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string({ unit: "grapheme" })), (record) => {
      const labels = labelsFrom(Object.entries(record));
      const bytes = labels.flatMap((text) => [...Buffer.from(text), 255]);
      expect(fingerprint(labels)).toBe(reference(bytes));
    }),
  );
});
