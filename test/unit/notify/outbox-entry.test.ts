import { expect, test } from "vitest";
import {
  decodeEntry,
  decodeSent,
  encodeEntry,
  encodeSent,
  queueOf,
  readKey,
  sentKey,
  waitingKey,
} from "../../../aggregator/notify/outbox-entry.ts";
import { labelsOf } from "../../../shared/model/labels.ts";

const ALERT = {
  status: "firing" as const,
  labels: labelsOf({ alertname: "Down", instance: "ä" }),
  annotations: labelsOf({ summary: "s" }),
  startsAtMs: 1500,
  endsAtMs: null,
  generatorUrl: "",
};
const GROUP = { groupKey: '{}:{alertname="Down"}', groupLabels: labelsOf({ alertname: "Down" }) };

test("an entry comes back from its bytes as it was, and damaged bytes as nothing", () => {
  const notification = { timeMs: 7, ...GROUP, alerts: [ALERT] };
  const heard = { firing: ["c"], resolved: ["d"] };
  const entry = { notification, firing: ["a"], resolved: ["b"], heard, repeatIntervalMs: 5 };
  const bytes = encodeEntry(entry);
  expect(decodeEntry(bytes)).toStrictEqual(entry);
  expect(decodeEntry(bytes.subarray(1))).toBeNull();
  expect(decodeEntry(Buffer.from('{"timeMs":1}'))).toBeNull();
});

test("what was sent comes back from its bytes as it was", () => {
  const sets = { firing: new Set(["a"]), resolved: new Set<string>(), unheard: new Set(["a"]) };
  const sent = { groupKey: GROUP.groupKey, timeMs: 1, expiresAtMs: 2, ...sets };
  expect(decodeSent(encodeSent(sent))).toStrictEqual(sent);
  expect(decodeSent(Buffer.from("{}"))).toBeNull();
});

test.each(["ops/webhook[0]", "a|b%7C/x[1]", "ночь/hook[0]", ""])(
  "a key says its queue: %s",
  (queue) => {
    expect(readKey(waitingKey(queue, 2 ** 52 + 3))).toStrictEqual({ queue, id: 2 ** 52 + 3 });
    expect(queueOf(sentKey(queue, "g"))).toBe(queue);
  },
);

test("keys of a queue are in the order of their ids", () => {
  const keys = [1, 255, 256, 2 ** 40].map((id) => Buffer.from(waitingKey("q", id)));
  expect(keys.toSorted(Buffer.compare)).toStrictEqual(keys);
});
