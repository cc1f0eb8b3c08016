import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { Bed, eventually, Hook, Program } from "../support/programs.ts";
import { fakeHost, fires, isResolved, startWithRules, told } from "../support/shipped-rules.ts";

/** The rules that are shipped, fired by what they are for: containers, a small disk, a killed agent. */
const OUT_OF_MEMORY = `sleep 5; while :; do
  dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; sleep 2; done`;
const FULL_OF_MEMORY = "dd if=/dev/zero of=/dev/shm/x bs=1M count=30; exec sleep 1000";
const FULL_OF_CACHE = `dd if=/dev/zero of=/x bs=1M count=64 2>/dev/null
  while :; do cat /x > /dev/null; sleep 0.5; done`;
const LIMIT = ["--memory=32m", "--memory-swap=32m"];

const why = whyNoContainers();
const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

test.concurrent("are in force without any configuration, and the file of their name replaces them", async () => {
  await using bed = await Bed.open();
  const replacement = bed.write("rules/telltale.yaml", "groups: []");
  const rulesNow = async () => {
    const answer = await fetch(`http://127.0.0.1:${bed.httpPort}/api/v1/rules`);
    return JSON.stringify(await answer.json());
  };
  const aggregator = await bed.startReadyAggregator();
  await eventually(async () => (await rulesNow()).includes("TelltaleClockOffset"));
  expect(await rulesNow()).not.toContain("TelltaleContainerOomKilled");
  rmSync(replacement);
  aggregator.child.kill("SIGHUP");
  await eventually(async () => (await rulesNow()).includes("TelltaleContainerOomKilled"));
});

const CHECK = ["--health-interval=1s", "--health-retries=1", "--health-cmd"];
const CONTAINERS: readonly (readonly [string, string, readonly string[]])[] = [
  ["oom", OUT_OF_MEMORY, LIMIT],
  ["full", FULL_OF_MEMORY, LIMIT],
  ["cached", FULL_OF_CACHE, LIMIT],
  ["failed", "sleep 8; exit 3", []],
  ["done", "sleep 8", []],
  ["stopped", "exec sleep 1000", ["--stop-timeout=1"]],
  ["restarting", "sleep 0.3; exit 1", ["--restart=always"]],
  ["unhealthy", "exec sleep 1000", [...CHECK, "false"]],
  ["healthy", "exec sleep 1000", [...CHECK, "true"]],
  ["throttled", "while :; do :; done", ["--cpus=0.02"]],
];
const IN_TROUBLE = [
  "TelltaleContainerOomKilled oom",
  "TelltaleContainerNearMemoryLimit full",
  "TelltaleContainerFailed failed",
  "TelltaleContainerRestarting restarting",
  "TelltaleContainerUnhealthy unhealthy",
  "TelltaleContainerThrottled throttled",
];
const WELL = /^TelltaleContainer\w+ (cached|done|stopped|healthy)$/;

const containersName = `containers in trouble are named, and resolved when they end${
  why === null ? "" : ` (skipped: ${why})`
}`;
test.skipIf(why !== null).concurrent(containersName, async () => {
  await using containers = await ContainerBed.open();
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  await startWithRules(bed, hook);
  bed.start("agent", [`--host-root=${containers.hostRoot}`]);
  await eventually(async () => (await bed.query("up == 1")).length === 1, 90_000);
  await Promise.all(CONTAINERS.map((one) => containers.run(...one)));
  await containers.docker("stop", "stopped");
  await eventually(() => {
    const fired = told(hook, "firing");
    const missing = IN_TROUBLE.filter((one) => !fired.has(one));
    if (missing.length > 0) throw new Error(`not told of: ${missing.join(", ")}`);
    return true;
  }, 90_000);
  const fired = told(hook, "firing");
  expect(fired.get("TelltaleContainerFailed failed")?.annotations).toMatchObject({
    summary: "Container failed of n1 has ended with an error",
    description: "Exit code 3, of the image testbed/busybox:1. See docker logs failed.",
  });
  expect([...fired.keys()].filter((one) => WELL.test(one))).toEqual([]);

  await containers.docker("kill", "full");
  await containers.docker("rm", "failed");
  const ended = ["TelltaleContainerNearMemoryLimit full", "TelltaleContainerFailed failed"];
  await eventually(() => ended.every((one) => told(hook, "resolved").has(one)), 60_000);
  const reason = { telltale_ended: "the container or service has ended" };
  for (const one of ended) {
    expect(told(hook, "resolved").get(one)?.annotations).toMatchObject(reason);
  }
  expect(told(hook, "resolved").has("TelltaleContainerUnhealthy unhealthy")).toBe(false);
});

const diskName = "a node has its agent, its disk and itself named, each in its turn";
test.skipIf(!canMount).concurrent(diskName, async () => {
  await using hook = await Hook.open();
  await using bed = await Bed.open();
  await startWithRules(bed, hook);
  const host = fakeHost(bed);
  host.setMounts("rw - tmpfs small rw");
  const { small } = host;
  const script = `mount -t tmpfs -o size=4m,nr_inodes=200 small ${small} && exec "$@"`;
  const launcher = ["unshare", "-m", "sh", "-c", script, "sh"];
  const args = [...bed.agentArgs(), "--listen=none", `--host-root=${host.root}`];
  const startAgent = async (starts: number) => {
    const agent = new Program("agent", args, launcher);
    // Its count has grown enough for the next one to be seen to begin anew.
    const isOn = `resets(telltale_agent_ticks_total[10m]) == ${starts} and telltale_agent_ticks_total > 3`;
    await eventually(async () => (await bed.query(isOn)).length === 1);
    return agent;
  };
  for (let starts = 0; starts < 3; starts += 1) await (await startAgent(starts)).kill();
  await using agent = await startAgent(3);
  await fires(hook, "TelltaleAgentRestarting n1");

  const inside = join(`/proc/${agent.child.pid}/root`, small);
  writeFileSync(join(inside, "x"), Buffer.alloc(4 * 1024 ** 2 - 65_536));
  await fires(hook, "TelltaleDiskNearlyFull /small");
  writeFileSync(join(inside, "x"), "");
  await isResolved(hook, "TelltaleDiskNearlyFull /small");
  for (let i = 0; i < 195; i += 1) writeFileSync(join(inside, `f${i}`), "");
  await fires(hook, "TelltaleInodesNearlyGone /small");
  host.setMounts("ro - tmpfs small ro");
  await fires(hook, "TelltaleFilesystemReadOnly /small");

  await agent.kill();
  await fires(hook, "TelltaleNodeDown n1");
  expect(told(hook, "resolved").has("TelltaleFilesystemReadOnly /small")).toBe(false);
  host.setMounts(null);
  await using _back = await startAgent(4);
  await isResolved(hook, "TelltaleNodeDown n1");
  await isResolved(hook, "TelltaleFilesystemReadOnly /small");
  expect(
    told(hook, "resolved").get("TelltaleFilesystemReadOnly /small")?.annotations,
  ).toMatchObject({ telltale_ended: "the file system is no longer mounted" });
});
