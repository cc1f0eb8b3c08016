import { expect, test } from "vitest";
import { readSecret } from "../../../../aggregator/notify/config/read-secret.ts";
import { cutBytes, cutText } from "../../../../aggregator/notify/integrations/cut-text.ts";
import { joinUrl } from "../../../../aggregator/notify/integrations/http-send.ts";
import {
  readTexts,
  readValues,
  withoutMarkup,
} from "../../../../aggregator/notify/integrations/message-texts.ts";
import { answerOf, answerRecord } from "../../../../aggregator/notify/integrations/send-answer.ts";
import { labelsRecord } from "../../../../shared/model/labels.ts";
import { notificationOf, portsOf } from "../../../support/receiver-kind.ts";
import { STUB_TEMPLATES } from "../../../support/stub-templates.ts";

test.each([
  [200, "delivered"],
  [204, "delivered"],
  [400, "rejected"],
  [413, "rejected"],
  [422, "rejected"],
  ...[301, 307, 401, 403, 404, 408, 409, 410, 429, 500, 503].map((one) => [one, "retry"] as const),
] as const)("an answer %d means %s", (status, outcome) => {
  expect(answerOf({ status, text: "", retryAfterMs: 5 })).toEqual({
    ...{ outcome, text: String(status) },
    retryAfterMs: outcome === "delivered" ? null : 5,
  });
});

test("an answer is shown on one line, and how it begins", () => {
  const text = ` slow\r\n\u0000down ${"x".repeat(500)}`;
  const shown = answerOf({ status: 429, text, retryAfterMs: null }).text;
  expect(shown).toMatch(/^429: slow down x+…$/);
  expect(shown).toHaveLength(205);
});

test.each([
  ['{"ok":true}', { ok: true }],
  ["[1]", {}],
  ["null", {}],
  ["", {}],
])("the members of %s", (text, expected) => {
  expect(answerRecord(text)).toEqual(expected);
});

test.each([
  ["abc", 3, "abc"],
  ["abcd", 3, "ab…"],
  ["😀😀", 2, "😀😀"],
  ["😀😀😀", 2, "😀…"],
])("%s is at most %d characters as %s", (text, max, expected) => {
  expect(cutText(text, max)).toBe(expected);
});

test.each([
  ["abc", 3, "abc"],
  ["abcdef", 5, "ab…"],
  ["aé€😀", 10, "aé€😀"],
  ["aé€😀x", 10, "aé€…"],
  ["😀😀😀", 8, "😀…"],
])("%s is at most %d bytes as %s", (text, max, expected) => {
  expect(cutBytes(text, max)).toBe(expected);
  expect(Buffer.byteLength(cutBytes(text, max))).toBeLessThanOrEqual(max);
});

test.each([
  ["https://a/", "v2/x", "https://a/v2/x"],
  ["https://a/b", "/v2/x", "https://a/b/v2/x"],
  ["https://a/b//?c=d", "x", "https://a/b/x?c=d"],
  ["https://a", "x?y=z", "https://a/x?y=z"],
  ["https://a", "x%2Fy", "https://a/x%2Fy"],
])("%s with %s is %s", (base, path, expected) => {
  expect(joinUrl(base, path)).toBe(expected);
});

test("a secret is the setting, or the text of its file, but not both", () => {
  const faults: string[] = [];
  const reading = { readText: () => " s\n", report: (text: string) => faults.push(text) };
  expect(readSecret(reading, "a", undefined, "key")).toBe("a");
  expect(readSecret(reading, undefined, "/f", "key")).toBe("s");
  expect(readSecret(reading, "", "/f", "key")).toBe("s");
  expect(readSecret(reading, undefined, undefined, "key")).toBe("");
  expect(faults).toEqual([]);
  readSecret(reading, "a", "/f", "key");
  expect(faults).toEqual(["at most one of key & key_file must be configured"]);
});

function readingOf(faults: string[] = []) {
  const report = (text: string, path: readonly unknown[] = []) => {
    faults.push(`${path.join(".")}: ${text}`);
  };
  return {
    ...{ receiver: "ops", globals: {}, templates: STUB_TEMPLATES, readText: () => "" },
    report,
  };
}
const PORTS = portsOf(() => Promise.reject(new Error("nothing is asked here")));

test("every text of a tree is a template, and other values stay", () => {
  const tree = { a: "{{ .Status }}!", b: [{ c: "{{ .CommonLabels.instance }}", d: true }], e: 1 };
  const expected = { a: "firing!", b: [{ c: "a", d: true }], e: 1 };
  expect(readTexts(readingOf(), tree)(notificationOf(), PORTS)).toEqual(expected);
});

test("a template that does not parse is a fault where it stands", () => {
  const faults: string[] = [];
  readTexts(readingOf(faults), { a: "fine", b: [{ c: "{{ bad" }] });
  readValues(readingOf(faults), { x: "{{ bad" }, ["payload"]);
  expect(faults).toEqual(["b.0.c: 1:1: not closed", "payload.x: 1:1: not closed"]);
});

const hostile = notificationOf("firing", { alertname: '{"a":1}', instance: "[1]" });

test.each([
  ["{{ .Alerts | toJson }}", [{ alertname: '{"a":1}', instance: "[1]" }]],
  [" {{- toJson .Alerts -}} ", [{ alertname: '{"a":1}', instance: "[1]" }]],
  ["{{ .CommonLabels.alertname }}", '{"a":1}'],
  ["{{ .CommonLabels.instance }}", "[1]"],
  ["x {{ .Alerts | toJson }}", 'x [{"alertname":"{\\"a\\":1}","instance":"[1]"}]'],
])("of the user's own values, %s gives %j", (text, expected) => {
  expect(readValues(readingOf(), { v: text }, [])(hostile, PORTS)).toEqual({ v: expected });
});

test("a member called __proto__ is only a member", () => {
  const tree = JSON.parse('{"__proto__":{"a":"{{ .Status }}"}}');
  const values = readValues(readingOf(), tree, [])(notificationOf(), PORTS);
  expect(JSON.stringify(values)).toBe('{"__proto__":{"a":"firing"}}');
});

test.each([
  ["<!channel>", "<\u200b!channel>"],
  ["<@U1> <#C1> <https://x|y> </a>", "<\u200b@U1> <\u200b#C1> <\u200bhttps://x|y> <\u200b/a>"],
  ["@all, (@here) user@host a < b", "@\u200ball, (@\u200bhere) user@host a < b"],
  ["[text](https://x) ![](y) [~user]", "[text]\u200b(https://x) ![]\u200b(y) [\u200b~user]"],
])("the markup in %s is taken apart", (value, expected) => {
  const [alert] = withoutMarkup(notificationOf("firing", { alertname: value })).alerts;
  expect(labelsRecord(alert?.labels ?? [])).toEqual({ alertname: expected });
});
