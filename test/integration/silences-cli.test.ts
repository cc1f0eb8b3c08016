import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { Delivery } from "../../aggregator/model/notification.ts";
import { OperationalError } from "../../shared/errors.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { alertsCli } from "../support/alerts-cli.ts";
import { FAKE_START_MS, FakeClock } from "../support/fake-clock.ts";
import { call } from "../support/grpc-call.ts";
import { startGrpcBed } from "./api-bed.ts";

const DELIVERY: Delivery = {
  timeMs: FAKE_START_MS - 90_000,
  receiver: "ops",
  integration: "webhook",
  groupKey: '{}:{alertname="Full"}',
  outcome: "delivered",
  firing: 2,
  resolved: 1,
  answer: "200",
  waitedMs: 1200,
  attempts: 1,
};

async function startBed() {
  const clock = new FakeClock();
  const bed = await startGrpcBed(clock);
  return { ...bed, clock, ...alertsCli(bed.server.address, clock) };
}

const ADD = ["silence", "add", "alertname=Full", 'disk=~"a|b"', "--comment", "new disk"];

test("an account without a name makes silences as unknown, and hears how to say who", async () => {
  const clock = new FakeClock();
  const { server } = await startGrpcBed(clock);
  const { telltale, json } = alertsCli(server.address, clock, "");
  const { code, errors } = await telltale(...ADD, "--duration", "2h");
  expect({ code, errors }).toEqual({ code: 0, errors: expect.stringContaining("--author") });
  expect((await telltale(...ADD, "--duration", "2h", "--author", "bob")).errors).toBe("");
  const authors = (await json("silence", "list")).map(
    (one: { createdBy: string }) => one.createdBy,
  );
  expect(authors.toSorted()).toEqual(["bob", "unknown"]);
});

test("a silence is made, listed and ended", async () => {
  const { telltale, json, clock } = await startBed();
  expect(await telltale("silence", "list")).toMatchObject({ output: "Nothing is silenced.\n" });
  const { code, output } = await telltale(...ADD, "--duration", "2h");
  const id = output.trim();
  expect({ code, id }).toEqual({ code: 0, id: expect.stringMatching(/^[\da-f-]{36}$/) });
  await clock.advance(60_000);
  expect((await telltale("silence", "list")).output).toBe(
    [
      "ID                                    STATE   STARTS  ENDS       BY   MATCHERS                      COMMENT",
      `${id}  active  1m ago  in 1h 59m  ann  alertname="Full" disk=~"a|b"  new disk`,
      "",
    ].join("\n"),
  );
  expect(await json("silence", "list")).toEqual([
    {
      id,
      state: "active",
      matchers: ['alertname="Full"', 'disk=~"a|b"'],
      startsAt: "2026-01-06T12:00:00Z",
      endsAt: "2026-01-06T14:00:00Z",
      updatedAt: "2026-01-06T12:00:00Z",
      createdBy: "ann",
      comment: "new disk",
    },
  ]);
  const ended = await telltale("silence", "expire", id);
  expect(ended).toEqual({ code: 0, output: `Silence ${id} has ended.\n`, errors: "" });
  expect(await json("silence", "list")).toEqual([]);
  expect(await json("silence", "list", "--all")).toMatchObject([{ id, state: "expired" }]);
  expect(await telltale("silence", "expire", id)).toMatchObject({
    code: 1,
    errors: `telltale: Silence ${id} has ended already\n`,
  });
});

test("its end and its author may be named", async () => {
  const { telltale, json } = await startBed();
  await telltale(...ADD, "--until", "2026-01-07T06:00:00Z", "--author", "bob");
  expect(await json("silence", "list")).toMatchObject([
    { endsAt: "2026-01-07T06:00:00Z", createdBy: "bob" },
  ]);
});

test.each<[number, string, string[]]>([
  [2, "either --duration or --until", ADD],
  [2, "either --duration or --until", [...ADD, "--duration", "1h", "--until", "4000000000"]],
  [2, "--comment", ["silence", "add", "a=b", "--duration", "1h"]],
  [2, "matcher", ["silence", "add", "--comment", "x", "--duration", "1h"]],
  [1, "Not a matcher", ["silence", "add", "a", "--comment", "x", "--duration", "1h"]],
  [1, "end time is in the past", [...ADD, "--until", "1000"]],
  [1, 'There is no silence "x"', ["silence", "expire", "x"]],
  [2, "--limit 0", ["notifications", "--limit", "0"]],
])("exits %i saying %j", async (code, text, args) => {
  const { telltale, json } = await startBed();
  expect(await telltale(...args)).toMatchObject({ code, errors: expect.stringContaining(text) });
  expect(await json("silence", "list", "--all")).toEqual([]);
});

test("what a comment holds is shown and not obeyed", async () => {
  const { telltale } = await startBed();
  await telltale("silence", "add", "a=b", "--comment", "\u001b[2J", "--duration", "1h");
  expect((await telltale("silence", "list")).output).toContain("\\u001b[2J");
});

test("notifications are a table, newest first, and JSON with every figure", async () => {
  const { telltale, json, alerts } = await startBed();
  expect((await telltale("notifications")).output).toBe("Nobody was notified yet.\n");
  const failed = { ...DELIVERY, outcome: "expired", answer: "503: away", attempts: 7 } as const;
  alerts.deliveryList = [DELIVERY, failed];
  expect((await telltale("notifications")).output).toBe(
    [
      "WHEN        RECEIVER  BY       OUTCOME    FIRING  RESOLVED  ATTEMPTS   WAITED  GROUP                  ANSWER",
      '1m 30s ago  ops       webhook  delivered       2         1         1  1s200ms  {}:{alertname="Full"}  200',
      '1m 30s ago  ops       webhook  expired         2         1         7  1s200ms  {}:{alertname="Full"}  503: away',
      "",
    ].join("\n"),
  );
  expect(await json("notifications", "--limit", "1")).toEqual([
    {
      time: "2026-01-06T11:58:30Z",
      receiver: "ops",
      integration: "webhook",
      outcome: "delivered",
      firing: 2,
      resolved: 1,
      answer: "200",
      attempts: 1,
      waitedSeconds: 1.2,
      groupKey: '{}:{alertname="Full"}',
    },
  ]);
});

test("the service lists alerts as they are notified of", async () => {
  const { client, alerts, clock } = await startBed();
  const labels = labelsOf({ alertname: "Target", severity: "page" });
  const times = { startsAtMs: null, endsAtMs: clock.nowMs() + 1000 };
  const posted = { annotations: ["a", "b"], generatorUrl: "http://x/", ...times };
  await alerts.post([
    { labels, ...posted },
    { labels: labelsOf({ alertname: "Source" }), ...posted },
  ]);
  const { alerts: listed } = await call(client, client.list, {});
  expect(listed.find(({ labels: [, name] }) => name === "Target")).toEqual({
    labels: ["alertname", "Target", "severity", "page"],
    annotations: ["a", "b"],
    startsAtMs: FAKE_START_MS + 1000,
    endsAtMs: FAKE_START_MS + 1000,
    updatedAtMs: FAKE_START_MS,
    generatorUrl: "http://x/",
    fingerprint: expect.stringMatching(/^[\da-f]{16}$/),
    receivers: ["pager"],
    state: "suppressed",
    silencedBy: [],
    inhibitedBy: ["a88e9fda770d6767"],
    mutedBy: [],
    acknowledgedBy: "",
    acknowledgeComment: "",
  });
});

test("a silence may be changed, and may begin later", async () => {
  const { client } = await startBed();
  const request = {
    matchers: ['{a="b"}', "c!=d"],
    startsAtMs: FAKE_START_MS + 1000,
    endsAtMs: FAKE_START_MS + 9000,
    createdBy: "me",
    comment: "x",
  };
  const { id } = await call(client, client.setSilence, request);
  expect(await call(client, client.setSilence, { ...request, id, comment: "y" })).toEqual({ id });
  const { silences } = await call(client, client.silences, {});
  expect(silences).toMatchObject([
    { id, matchers: ['a="b"', 'c!="d"'], state: "pending", comment: "y" },
  ]);
});

test.each<[number, object]>([
  [status.INVALID_ARGUMENT, { matchers: Array(101).fill("a=b") }],
  [status.INVALID_ARGUMENT, { matchers: ["a=b".padEnd(70_000, "b")] }],
  [status.INVALID_ARGUMENT, { matchers: [] }],
  [status.NOT_FOUND, { id: "x" }],
])("a silence is refused with status %i", async (code, fields) => {
  const { client } = await startBed();
  const request = { matchers: ["a=b"], endsAtMs: FAKE_START_MS + 9000, ...fields };
  await expect(call(client, client.setSilence, request)).rejects.toMatchObject({ code });
});

test("deliveries are bounded, and a store that fails is told", async () => {
  const { client, alerts } = await startBed();
  alerts.deliveryList = Array.from({ length: 1200 }, () => DELIVERY);
  const count = async (limit: number) =>
    (await call(client, client.deliveries, { limit })).deliveries.length;
  expect([await count(0), await count(7), await count(5000)]).toEqual([100, 7, 1000]);
  alerts.failure = new OperationalError("STORAGE", "Read error");
  await expect(count(1)).rejects.toMatchObject({ code: status.INTERNAL, details: "Read error" });
});
