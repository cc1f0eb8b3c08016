import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { type BusReply, type BusRequest, FakeBus } from "../integration/fake-bus.ts";
import { readAgentAccounts } from "../support/accounts.ts";
import { withClock } from "../support/other-clock.ts";
import { Bed, Hook } from "../support/programs.ts";
import {
  fakeHost,
  fires,
  isResolved,
  patiently,
  SHORTENED,
  startWithRules,
  told,
} from "../support/shipped-rules.ts";

/** The rules that are shipped: those on Telltale itself, and on what a test cannot do to its host. */
const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Root, too, is refused what a file's mode does not allow. */
const ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];

/** A systemd with one unit. */
function answerOf(state: () => string) {
  return ({ member, texts }: BusRequest): BusReply => {
    if (member === "Hello") return { signature: "s", body: [":1.5"] };
    const path = "/org/freedesktop/systemd1/unit/backup";
    const unit = ["backup.service", "", "loaded", state(), "x", "", path, 0, "", "/"];
    if (member === "ListUnits") return { signature: "a(ssssssouso)", body: [[unit]] };
    if (texts[1] === "Type") return { signature: "v", body: [["s", "oneshot"]] };
    return { errorName: "org.freedesktop.DBus.Error.UnknownProperty" };
  };
}

/** Kernel files in which processes wait for memory half of the time. */
function startPressure(bed: Bed): Disposable {
  let stalledUsec = 0;
  const timer = setInterval(() => {
    stalledUsec += 250_000;
    const line = `avg10=50.00 avg60=50.00 avg300=50.00 total=${stalledUsec}`;
    bed.write("host/proc/pressure/memory", `some ${line}\nfull ${line}\n`);
  }, 500);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

test.concurrent("a host that is short of memory, has a failed unit and a log that nobody may read", async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  const host = fakeHost(bed);
  host.setMounts(null);
  const setOomKills = (kills: number) => bed.write("host/proc/vmstat", `oom_kill ${kills}\n`);
  setOomKills(3);
  for (const folder of ["host/run/systemd/system", "host/run/dbus", "logs"]) {
    mkdirSync(bed.path(folder), { recursive: true });
  }
  let unitState = "failed";
  const bus = new FakeBus({ isLittle: true, answer: answerOf(() => unitState) });
  await bus.listen(bed.path("host/run/dbus/system_bus_socket"));
  using _bus = { [Symbol.dispose]: () => bus.close() };
  const log = bed.write("logs/app.log", "before anybody looked\n");
  chmodSync(log, 0o200);
  const config = bed.write(
    "agent.yaml",
    `collectors: { enable: [systemd] }
budget: { cpu: 0.001 }
logs: { files: [{ include: ${bed.path("logs/*.log")} }] }
`,
  );
  await startWithRules(bed, hook);
  const args = [`--config=${config}`, `--host-root=${host.root}`];
  const launcher = process.getuid?.() === 0 ? ORDINARY : [];
  const startAgent = async () => {
    const agent = bed.start("agent", args, launcher);
    await bed.untilUp();
    return agent;
  };
  using _pressure = startPressure(bed);
  const agent = await startAgent();
  await patiently(async () => (await bed.query("node_vmstat_oom_kill == 3")).length === 1);
  setOomKills(4);
  appendFileSync(log, "a line that is new\n");
  await fires(hook, "TelltaleOomKill n1");
  await fires(hook, "TelltaleUnitFailed backup.service");
  await fires(hook, "TelltaleMemoryPressure n1");
  await fires(hook, "TelltaleLogFileStalled n1");
  chmodSync(log, 0o600);
  await fires(hook, "TelltaleAgentOverBudget n1"); // the agent has its first minute free
  await isResolved(hook, "TelltaleLogFileStalled n1");
  unitState = "inactive";
  await agent.kill();
  await startAgent();
  await isResolved(hook, "TelltaleUnitFailed backup.service");
});

const fillingName = "a disk that fills steadily, and an agent whose clock is hours behind";
test.skipIf(!canMount).concurrent(fillingName, async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  const host = fakeHost(bed);
  host.setMounts("rw - ext4 /dev/small rw"); // a tmpfs it is; of those nobody expects anything
  await startWithRules(bed, hook);
  const startAgent = async (aheadMs: number, usedMiB: number) => {
    const script = `mount -t tmpfs -o size=16m small ${host.small} &&
      head -c ${usedMiB}M /dev/zero > ${host.small}/x && exec "$@"`;
    const launcher = [...withClock(aheadMs), "unshare", "-m", "sh", "-c", script, "sh"];
    const agent = bed.start("agent", [`--host-root=${host.root}`], launcher);
    const isStored = async () => {
      const times = await bed.sampleTimes('node_filesystem_avail_bytes{mountpoint="/small"}[7h]');
      return times.some((time) => Math.abs(Date.now() + aheadMs - time * 1000) < MINUTE_MS);
    };
    await patiently(isStored);
    return agent;
  };
  await (await startAgent(-6 * HOUR_MS - 2 * MINUTE_MS, 2)).kill();
  const behind = await startAgent(-3 * HOUR_MS, 8);
  await fires(hook, "TelltaleClockOffset n1");
  expect(told(hook, "firing").get("TelltaleClockOffset n1")?.annotations["summary"]).toMatch(
    /^The clock of n1 is (3h 0m|2h 59m)/,
  );
  await behind.kill();
  expect(told(hook, "firing").has("TelltaleDiskFullSoon /small")).toBe(false);
  await startAgent(0, 14);
  await fires(hook, "TelltaleDiskFullSoon /small");
  await isResolved(hook, "TelltaleClockOffset n1");
});

const fullName = "an agent that ran out of disk while the aggregator was away says what it lost";
test.skipIf(!canMount).concurrent(fullName, async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  mkdirSync(bed.path("agent"));
  mkdirSync(bed.path("logs"));
  const log = bed.write("logs/app.log", "");
  const config = bed.write(
    "agent.yaml",
    `interval: 100ms
logs:
  files: [{ include: ${bed.path("logs/*.log")} }]
  buffer: { when_full: drop_oldest }
`,
  );
  const aggregator = await startWithRules(bed, hook);
  // Less room than either buffer leaves to others: whatever waits has to go.
  const script = `mount -t tmpfs -o size=15m small ${bed.path("agent")} && exec "$@"`;
  const launcher = ["unshare", "-m", "sh", "-c", script, "sh"];
  bed.start("agent", [`--config=${config}`], launcher);
  await bed.untilUp();
  await patiently(async () => {
    appendFileSync(log, "a line that is stored\n");
    return (await bed.query("telltale_node_log_blocks_made_total > 0")).length === 1;
  });
  await aggregator.stop();
  await patiently(async () => {
    appendFileSync(log, "a line that may be lost\n");
    const page = await bed.agentPage();
    return ["frames", "log_blocks"].every((kind) =>
      new RegExp(`^telltale_agent_${kind}_dropped_total\\{.*\\} [1-9]`, "m").test(page),
    );
  });
  await bed.startReadyAggregator();
  await fires(hook, "TelltaleFramesDropped n1");
  await fires(hook, "TelltaleLogLinesDropped n1");
});

test.concurrent("an aggregator whose store was put back from an older copy", async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  let aggregator = await startWithRules(bed, hook);
  bed.start("agent", ["--interval=200ms"]);
  const storedMoreThan = (frames: number) =>
    patiently(async () => (await readAgentAccounts(bed)).stored > frames);
  await storedMoreThan(10);
  await aggregator.stop();
  cpSync(bed.path("aggregator"), bed.path("copy"), { recursive: true });
  aggregator = await bed.startReadyAggregator();
  await storedMoreThan((await readAgentAccounts(bed)).stored + 20);
  expect(hook.story).toEqual([]);
  await aggregator.stop();
  rmSync(bed.path("aggregator"), { recursive: true });
  cpSync(bed.path("copy"), bed.path("aggregator"), { recursive: true });
  await bed.startReadyAggregator();
  await fires(hook, "TelltaleAccountingMismatch n1");
});

const OWN_RULES = `
groups:
  - name: broken
    interval: 1s
    rules:
      - { record: alerts:product, expr: ALERTS * on () ALERTS }
  - name: always
    interval: 1s
    rules:
      - { alert: One, expr: vector(1) }
      - { alert: Two, expr: vector(1) }
`;
const TWO_RECEIVERS = (url: string, away: string) => `
route:
  receiver: hook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes: [{ receiver: away, matchers: [alertname="One"] }]
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}" }]
  - name: away
    webhook_configs: [{ url: "${away}" }]
`;

test.concurrent("a receiver that has refused for minutes, and rules that fail", async () => {
  await using hook = await Hook.open();
  await using away = await Hook.open();
  away.statusCode = 503;
  await using bed = await Bed.open();
  const rules = bed.write("rules/own.yaml", OWN_RULES);
  bed.write("rules/telltale.yaml", SHORTENED);
  bed.write("notify.yaml", TWO_RECEIVERS(hook.url, away.url));
  // The first one lives six minutes ago: what it leaves behind has waited for so long.
  const before = bed.start("aggregator", [], withClock(-6 * MINUTE_MS));
  const isTaken = /^telltale_notifications_total\{.*receiver="hook".*\} 1$/m;
  await patiently(async () => isTaken.test(await bed.metrics()) && away.received.length > 0);
  await before.kill();
  await bed.startReadyAggregator();
  await fires(hook, "TelltaleReceiverFailing away");
  away.statusCode = 200;
  await fires(hook, `TelltaleRuleFailing ${rules};broken`);
  await isResolved(hook, "TelltaleReceiverFailing away");
});
