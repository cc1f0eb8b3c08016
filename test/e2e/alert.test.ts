import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually, Hook } from "../support/programs.ts";

const RULES = `
groups:
  - name: load
    interval: 1s
    rules:
      - alert: LoadIsHigh
        expr: node_load1 > 5
        for: 0s
        labels: { severity: page }
        annotations: { summary: "load of {{ $labels.instance }} is {{ $value }}" }
      - alert: NodeDown
        expr: up == 0
`;

const notify = (url: string) => `
route: { receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}" }]
`;

/** A host of files, whose load is whatever the test writes. */
function fakeHost(bed: Bed): { root: string; setLoad: (load: string) => void } {
  const root = bed.path("host");
  mkdirSync(join(root, "proc"), { recursive: true });
  mkdirSync(join(root, "sys"), { recursive: true });
  for (const name of ["stat", "meminfo", "uptime", "vmstat"]) {
    if (existsSync(`/proc/${name}`)) cpSync(`/proc/${name}`, join(root, "proc", name));
  }
  const setLoad = (load: string) =>
    void bed.write("host/proc/loadavg", `${load} 0.10 0.05 1/100 1234\n`);
  setLoad("0.20");
  return { root, setLoad };
}

test("a rule that is true from the start reaches the webhook within two seconds", async () => {
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  bed.write("rules/r.yaml", RULES.replace("node_load1 > 5", "node_load1 >= 0"));
  bed.write("notify.yaml", notify(hook.url));
  await bed.startReadyAggregator();
  bed.start("agent", ["--log-level=debug"]);
  await bed.untilUp();
  const startedAtMs = Date.now();
  await eventually(() => hook.received.length > 0, 5000);
  const [first] = hook.received;
  expect((first?.atMs ?? Number.POSITIVE_INFINITY) - startedAtMs).toBeLessThan(2000);
  expect(first?.body).toMatchObject({ version: "4", receiver: "hook", status: "firing" });
  expect(first?.body.alerts[0]).toMatchObject({
    labels: { alertname: "LoadIsHigh", instance: "n1", severity: "page" },
    annotations: { summary: expect.stringMatching(/^load of n1 is \d/) },
  });
});

test("firing and resolved arrive once each though the aggregator is killed in between", async () => {
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  const host = fakeHost(bed);
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", notify(hook.url));
  let aggregator = await bed.startReadyAggregator();
  bed.start("agent", [`--host-root=${host.root}`]);
  await eventually(async () => (await bed.query("node_load1")).length === 1);
  host.setLoad("9.00");
  await eventually(() => hook.story.length === 1);
  // Killed between the answer of the receiver and its note of it, it would rightly tell again.
  await eventually(async () => /outcome="delivered",.* 1$/m.test(await bed.metrics()));
  await aggregator.kill();
  await delay(1500);
  aggregator = await bed.startReadyAggregator();
  await delay(4000);
  expect(hook.story).toEqual(["LoadIsHigh firing"]);
  host.setLoad("0.30");
  await eventually(() => hook.story.length === 2);
  await delay(2500);
  expect(hook.story).toEqual(["LoadIsHigh firing", "LoadIsHigh resolved"]);
});

test("a node that dies is down within five seconds, and its silence resolves nothing", async () => {
  await using bed = await Bed.open();
  await using hook = await Hook.open();
  const host = fakeHost(bed);
  host.setLoad("9.00");
  bed.write("rules/r.yaml", RULES);
  bed.write("notify.yaml", notify(hook.url));
  await bed.startReadyAggregator();
  const agent = bed.start("agent", [`--host-root=${host.root}`]);
  await eventually(() => hook.story.includes("LoadIsHigh firing"));
  const diedAtMs = Date.now();
  await agent.kill();
  await eventually(() => hook.story.includes("NodeDown firing"), 10_000);
  const toldMs = (hook.received.at(-1)?.atMs ?? 0) - diedAtMs;
  expect(toldMs).toBeLessThan(5000);
  await delay(3000);
  expect(hook.story).toEqual(["LoadIsHigh firing", "NodeDown firing"]);
  const restarted = bed.start("agent", [`--host-root=${host.root}`]);
  await eventually(() => hook.story.includes("NodeDown resolved"));
  await restarted.stop();
  await delay(6000);
  expect(await bed.query("up")).toEqual([]); // it said goodbye: neither up nor down
  expect(hook.story).toEqual(["LoadIsHigh firing", "NodeDown firing", "NodeDown resolved"]);
});

test("a receiver that is away gets its notification once when it is back, over a restart too", async () => {
  await using bed = await Bed.open();
  const away = await Hook.open();
  const { url } = away;
  await away[Symbol.asyncDispose]();
  bed.write("rules/r.yaml", RULES.replace("node_load1 > 5", "node_load1 >= 0"));
  bed.write("notify.yaml", notify(url));
  const aggregator = await bed.startReadyAggregator();
  bed.start("agent");
  const failed = /telltale_notification_attempts_failed_total(\{.*\})? [1-9]/;
  await eventually(async () => failed.test(await bed.metrics()));
  await aggregator.kill();
  await bed.startReadyAggregator();
  await eventually(async () => failed.test(await bed.metrics()));
  await using hook = await Hook.open(Number(new URL(url).port));
  await eventually(() => hook.story.length > 0);
  await delay(2000);
  expect(hook.story).toEqual(["LoadIsHigh firing"]);
});
