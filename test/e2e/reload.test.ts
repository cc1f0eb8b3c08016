import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { sumOnPage } from "../support/accounts.ts";
import { Bed, eventually, Hook, type Program } from "../support/programs.ts";

const rule = (name: string) => `
groups:
  - { name: ${name}, interval: 1s, rules: [{ alert: ${name}, expr: "vector(1)" }] }
`;

const notify = (url: string, name = "hook") => `
route: { receiver: ${name}, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers: [{ name: ${name}, webhook_configs: [{ url: "${url}" }] }]
`;

const gauge = async (bed: Bed, name: string) => sumOnPage(await bed.metrics(), name);
const SUCCESSFUL = "telltale_config_last_reload_successful";
const SUCCESS_TIME = "telltale_config_last_reload_success_timestamp_seconds";
const messages = (program: Program) => program.log().map(({ msg }) => msg);

test("SIGHUP takes rules and routing, both or neither, and reports", async () => {
  await using bed = await Bed.open();
  await using old = await Hook.open();
  await using moved = await Hook.open();
  bed.write("rules/r.yaml", rule("One"));
  bed.write("notify.yaml", notify(old.url));
  const aggregator = await bed.startReadyAggregator();
  await eventually(() => old.story.includes("One firing"));
  const startedAtS = await gauge(bed, SUCCESS_TIME);

  // Good rules beside a wrong notify.yaml: the fault is named, and neither comes into force.
  bed.write("rules/r.yaml", rule("Two"));
  bed.write("notify.yaml", notify(moved.url).replace("receiver: hook", "receiver: nobody"));
  aggregator.child.kill("SIGHUP");
  await eventually(async () => (await gauge(bed, SUCCESSFUL)) === 0);
  const failure = aggregator.log().find(({ msg }) => String(msg).startsWith("reload failed"));
  expect(failure).toMatchObject({
    error: expect.stringMatching(
      /notify\.yaml:2: route\.receiver: undefined receiver "nobody" used in route$/,
    ),
  });
  expect(await gauge(bed, SUCCESS_TIME)).toBe(startedAtS);
  await delay(2500);
  expect(old.story).toEqual(["One firing"]);

  bed.write("rules/r.yaml", rule("Two").replace("vector(1)", "vector("));
  aggregator.child.kill("SIGHUP");
  await eventually(() => aggregator.errors.includes("r.yaml:3: groups[0].rules[0].expr"));
  bed.write("rules/r.yaml", rule("Two"));

  rmSync(bed.path("notify.yaml"));
  aggregator.child.kill("SIGHUP");
  await eventually(() => aggregator.errors.includes("there is no such file any more"));

  // With both right, the end of the old rule's alert and the new one go to the new address.
  bed.write("notify.yaml", notify(moved.url));
  aggregator.child.kill("SIGHUP");
  await eventually(() => moved.story.length === 2);
  expect(moved.story.toSorted()).toEqual(["One resolved", "Two firing"]);
  expect(old.story).toEqual(["One firing"]);
  expect(await gauge(bed, SUCCESSFUL)).toBe(1);
  expect(await gauge(bed, SUCCESS_TIME)).toBeGreaterThan(startedAtS);
  expect(messages(aggregator)).toContain("configuration reloaded");
});

test("what waits follows a receiver that moves, and expires with one that goes", async () => {
  await using bed = await Bed.open();
  const away = await Hook.open();
  const { url } = away;
  await away[Symbol.asyncDispose]();
  bed.write("rules/r.yaml", rule("One"));
  bed.write("notify.yaml", notify(url));
  const aggregator = await bed.startReadyAggregator();
  await eventually(async () => (await gauge(bed, "telltale_outbox_entries")) === 1);
  await using moved = await Hook.open();
  bed.write("notify.yaml", notify(moved.url));
  aggregator.child.kill("SIGHUP");
  await eventually(() => moved.story.length === 1);
  expect(moved.story).toEqual(["One firing"]);
  await eventually(async () => (await gauge(bed, "telltale_outbox_entries")) === 0);

  bed.write("notify.yaml", notify(url)); // away again, with the end of the alert waiting
  bed.write("rules/r.yaml", "groups: []");
  aggregator.child.kill("SIGHUP");
  await eventually(async () => (await gauge(bed, "telltale_outbox_entries")) === 1);
  bed.write("notify.yaml", notify(moved.url, "other"));
  aggregator.child.kill("SIGHUP");
  await eventually(async () => /reason="receiver_removed".* 1$/m.test(await bed.metrics()));
  expect(messages(aggregator)).toContain("notification expired");
  await delay(1000);
  expect(moved.story).toEqual(["One firing"]);
});
