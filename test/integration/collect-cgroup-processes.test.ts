import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { CgroupProcesses, PIDS_MAX } from "../../agent/collect/cgroup/cgroup-processes.ts";
import { type CgroupNode, CgroupTree } from "../../agent/collect/cgroup/cgroup-tree.ts";
import { collectContext } from "../unit/collect/recording-sink.ts";
import { HostOnDisk, sleeperIn } from "./host-on-disk.ts";

const ID = "0123456789abcdef".repeat(4);
const OTHER_ID = "fedcba9876543210".repeat(4);
class Host extends HostOnDisk {
  readonly processes = new CgroupProcesses(this.context);

  /** Cgroups by path: what each lists. Processes by number: when they started, in ticks. */
  constructor(
    lists: Readonly<Record<string, string>>,
    starts: Readonly<Record<string, number>> = {},
  ) {
    super({ "proc/stat": "cpu  1 2 3 4\nbtime 1000\n" });
    for (const [path, text] of Object.entries(lists)) this.write(`cgroup${path}`, text);
    for (const [pid, ticks] of Object.entries(starts)) {
      this.write(`proc/${pid}/stat`, `${pid} (a) b) S ${"0 ".repeat(18)}${ticks} 0 0\n`);
      this.write(`proc/${pid}/cgroup`, `0::/of-${pid}\n`);
    }
  }

  first(path = "", pidsMax = PIDS_MAX) {
    return this.processes.first(join(this.root, "cgroup", path), pidsMax);
  }

  /** By path, in the order in which the agent counts them and once more when all are counted. */
  counts(): Record<string, number> {
    return countAll(this.processes, join(this.root, "cgroup"));
  }
}

function countAll(processes: CgroupProcesses, directory: string): Record<string, number> {
  const nodes: CgroupNode[] = [];
  const tree = new CgroupTree(directory, {
    found: (node) => nodes.push(node),
    lost: (node) => nodes.splice(nodes.indexOf(node), 1),
  });
  tree.scan();
  const first = nodes.map((node) => processes.count(node));
  const again = nodes.map((node) => processes.count(node));
  expect(again).toEqual(first);
  return Object.fromEntries(nodes.map((node, index) => [node.path, first[index] ?? Number.NaN]));
}

describe("the first process of a cgroup", () => {
  test("the oldest process is the first, also when its number is the highest", () => {
    const host = new Host({ "/cgroup.procs": "15\n25434\n" }, { 15: 99_000, 25434: 500 });
    const first = host.first();
    expect(first).toMatchObject({ pid: "25434", startedAt: 100_500 });
    expect(first?.membership.get("")).toBe("/of-25434");
  });

  test("a process that ended meanwhile, or of another name space, is not the first", () => {
    const find = (list: string, starts: Record<string, number>) =>
      new Host({ "/cgroup.procs": list }, starts).first();
    expect(find("0\n15\n16\n", { 16: 500 })).toMatchObject({ pid: "16", startedAt: 100_500 });
    expect(find("0\n", {})).toBeNull();
    expect(find("", {})).toBeNull();
  });

  test("of a long list both ends are looked at", () => {
    const many = Array.from({ length: 100 }, (_, n) => `${200 + n}`);
    const lists = { "/cgroup.procs": `${many.join("\n")}\n` };
    expect(new Host(lists, { 250: 1, 299: 7, 200: 9 }).first()).toMatchObject({ pid: "299" });
  });

  test("a container whose first process moved below it has that one's start, not that of a shell", () => {
    const lists = {
      "/cgroup.procs": "40\n",
      "/docker/inner/cgroup.procs": "30\n",
      "/init.scope/cgroup.procs": "10\n",
      "/system.slice/cgroup.procs": "",
      "/system.slice/ssh.service/cgroup.procs": "20\n",
    };
    const starts = { 10: 1, 20: 2, 30: 3, 40: 4 };
    expect(new Host(lists, starts).first()).toMatchObject({ pid: "10" });
    expect(new Host(lists, starts).first("", 1)).toMatchObject({ pid: "40" });
  });
});

describe("the number of processes of a cgroup", () => {
  test("a container whose processes are in init.scope below it has them, not 0", () => {
    const host = new Host({
      "/cgroup.procs": "1\n",
      "/docker/cgroup.procs": "",
      [`/docker/${ID}/cgroup.procs`]: "",
      [`/docker/${ID}/init.scope/cgroup.procs`]: "10\n",
      [`/docker/${ID}/system.slice/cgroup.procs`]: "",
      [`/docker/${ID}/system.slice/ssh.service/cgroup.procs`]: "20\n21\n",
      [`/docker/${OTHER_ID}/cgroup.procs`]: "30\n",
    });
    expect(host.counts()).toEqual({
      "/": 5,
      "/docker": 4,
      [`/docker/${ID}`]: 3,
      [`/docker/${OTHER_ID}`]: 1,
    });
  });

  test.each([
    ["a unit with groups of its own", "/user@1000.service", "/user@1000.service/init.scope"],
    [
      "podman's container below its scope",
      `/libpod-${ID}.scope/container`,
      `/libpod-${ID}.scope/container/init.scope`,
    ],
    ["podman's scope without it", `/libpod-${ID}.scope`, `/libpod-${ID}.scope/init.scope`],
    ["a kubelet's pod", "/kubepods-pod1.slice", `/kubepods-pod1.slice/cri-containerd-${ID}.scope`],
    ["a slice", "/system.slice", "/system.slice/a.service/supervisor/deeper"],
  ])("%s counts what is below it", (_, path, below) => {
    const lists: Record<string, string> = { "/cgroup.procs": "" };
    for (let at = below; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
      lists[`${at}/cgroup.procs`] = at === below ? "7\n8\n" : "";
    }
    const host = new Host(lists);
    expect(host.counts()).toMatchObject({ [path]: 2, "/": 2 });
  });

  test("one process in several groups is one, and those of other name spaces count each", () => {
    const host = new Host({
      "/cgroup.procs": "0\n0\n",
      "/vm/cgroup.procs": "7\n",
      "/vm/vcpu0/cgroup.procs": "7\n",
      "/vm/vcpu1/cgroup.procs": "7\n0\n",
    });
    expect(host.counts()).toMatchObject({ "/vm": 2, "/": 4 });
  });

  test("is unknown where the cgroup lists none", () => {
    expect(new Host({ [`/${ID}/other`]: "" }).counts()).toMatchObject({ [`/${ID}`]: -1 });
  });

  test("a container that makes hundreds of groups holds nobody up, and that is counted", () => {
    const lists: Record<string, string> = { [`/${ID}/cgroup.procs`]: "1\n" };
    for (let n = 0; n < 400; n += 1) lists[`/${ID}/g${n}/cgroup.procs`] = `${n + 2}\n`;
    const host = new Host(lists);
    expect(host.counts()[`/${ID}`]).toBe(257);
    expect(host.first(ID)).not.toBeNull();
    expect(Object.keys(host.faultCounts())).toEqual(["limit"]);
  });
});

describe("real threaded cgroups (skipped where none can be made)", () => {
  test("count the process whose thread is there, and their domain does not count it twice", async (context) => {
    const mounts = readFileSync("/proc/self/mounts", "utf8");
    const mountPoint = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1] ?? "";
    const domain = join(mountPoint, `telltale-test-${process.pid}`);
    const threaded = join(domain, "vcpu0.service");
    try {
      mkdirSync(domain);
    } catch {
      return context.skip("no cgroup2 group can be made here");
    }
    onTestFinished(() => rmdirSync(domain));
    mkdirSync(threaded);
    onTestFinished(() => rmdirSync(threaded));
    writeFileSync(join(threaded, "cgroup.type"), "threaded");
    const { pid } = await sleeperIn(domain);
    writeFileSync(join(threaded, "cgroup.threads"), pid);
    expect(() => readFileSync(join(threaded, "cgroup.procs"))).toThrow();
    const processes = new CgroupProcesses(collectContext());
    expect(countAll(processes, domain)).toEqual({ "/": 1, "/vcpu0.service": 1 });
    expect(processes.first(threaded, PIDS_MAX)?.pid).toBe(pid);
    expect(processes.first(domain, PIDS_MAX)?.pid).toBe(pid);
  });
});
