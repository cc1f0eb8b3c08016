import { existsSync, linkSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findHierarchies } from "../../agent/collect/cgroup/hierarchies.ts";
import { createCollectors } from "../../agent/collect/collectors.ts";
import { parseMountinfo } from "../../agent/collect/proc/mounts.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { HostOnDisk, openFiles, sleeperIn } from "./host-on-disk.ts";

const RECEIVED = "container_network_receive_bytes_total";
const MOUNTINFO = "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

function containerId(n: number): string {
  return n.toString(16).padStart(64, "0");
}

/** The collector of cgroups among all that an agent has. */
function cgroupCollector(hostRoot: string, sink: RecordingSink, cgroupsMax = 2000) {
  const all = createCollectors({ hostRoot, cgroupsMax }, nodeClock, sink.groups);
  onTestFinished(() => {
    for (const { collector } of all) collector.close();
  });
  const found = all.find(({ collector }) => collector.name === "cgroup");
  if (found === undefined) throw new Error("no cgroup collector");
  return found.collector;
}

/** A host whose cgroup2 tree is a directory that the test writes to. */
class Host extends HostOnDisk {
  readonly #cgroups;
  #nowMs = 1_795_209_220_000;

  constructor(cgroupsMax?: number) {
    super({ "proc/1/mountinfo": MOUNTINFO });
    this.make("/", { usage: 1 });
    this.#cgroups = cgroupCollector(this.root, this.sink, cgroupsMax);
  }

  make(path: string, { usage }: { usage: number }): void {
    const directory = `sys/fs/cgroup${path}`;
    this.write(`${directory}/cpu.stat`, `usage_usec ${usage}\n`);
    this.write(`${directory}/memory.current`, `${usage}\n`);
    this.write(`${directory}/io.stat`, `8:0 rbytes=${usage} wbytes=1\n`);
  }

  /** The only process of a cgroup, in the network of process 1 or in one of its own. */
  runs(pid: number, path: string, receivedBy: Record<string, number> | "process 1"): void {
    this.write(`sys/fs/cgroup${path}/cgroup.procs`, `${pid}\n`);
    this.write(`proc/${pid}/stat`, `${pid} (a) S ${"0 ".repeat(18)}${pid} 0 0\n`);
    this.write(`proc/${pid}/cgroup`, `0::${path}\n`);
    if (receivedBy === "process 1") {
      mkdirSync(join(this.root, `proc/${pid}/net`));
      linkSync(join(this.root, "proc/1/net/dev"), join(this.root, `proc/${pid}/net/dev`));
      return;
    }
    const rows = Object.entries(receivedBy).map(
      ([device, bytes]) => `${device}: ${bytes}${" 0".repeat(15)}\n`,
    );
    this.write(`proc/${pid}/net/dev`, `Inter-|\n face |\n${rows.join("")}`);
  }

  end(path: string): void {
    this.remove(`sys/fs/cgroup${path}`);
  }

  /** CPU microseconds by cgroup path, after another second. */
  tick(): Record<string, number> {
    this.#nowMs += 1000;
    const usage: Record<string, number> = {};
    for (const [key, value] of this.sink.tick(this.#cgroups, this.#nowMs)) {
      const id = /^container_cpu_usage_seconds_total\{.*id="([^"]*)"/.exec(key)?.[1];
      if (id !== undefined) usage[id] = Math.round(value * 1e6);
    }
    return usage;
  }
}

describe("cgroups that come and go", () => {
  test("a container is there in the tick after it began, and gone in the tick after it ended", () => {
    const host = new Host();
    host.make("/docker", { usage: 5 });
    expect(host.tick()).toEqual({ "/": 1, "/docker": 5 });
    const path = `/docker/${containerId(1)}`;
    host.make(path, { usage: 10 });
    // A parent that had no children is looked into in every second tick.
    host.tick();
    expect(host.tick()).toEqual({ "/": 1, "/docker": 5, [path]: 10 });
    const other = `/docker/${containerId(2)}`;
    host.make(other, { usage: 20 });
    expect(host.tick()).toEqual({ "/": 1, "/docker": 5, [path]: 10, [other]: 20 });
    host.end(path);
    host.tick();
    expect(host.tick()).toEqual({ "/": 1, "/docker": 5, [other]: 20 });
  });

  test("what its runtime had not set up yet when it was found is seen soon after", () => {
    const host = new Host();
    host.runs(1, "/", { lo: 1, eth0: 5 });
    const path = `/docker/${containerId(1)}`;
    const other = `/docker/${containerId(2)}`;
    const joining = `/docker/${containerId(3)}`;
    host.make("/docker", { usage: 5 });
    for (const one of [path, other, joining]) {
      host.make(one, { usage: 1 });
      host.write(`sys/fs/cgroup${one}/memory.max`, "max\n");
    }
    host.runs(700, path, "process 1");
    host.runs(800, other, { lo: 1, veth1: 7, eth0: 8 });
    host.runs(900, joining, { lo: 1, eth0: 6 });
    const limit = () => host.sink.value("container_spec_memory_limit_bytes", `id="${path}"`);
    const received = (one: string) =>
      ["eth0", "veth1"].map((device) =>
        host.sink.value(RECEIVED, `id="${one}", interface="${device}"`),
      );
    host.tick();
    expect(limit()).toBe(0);
    expect(received(path)).toEqual([undefined, undefined]);
    expect(received(other)).toEqual([8, 7]);
    expect(received(joining)).toEqual([6, undefined]);
    host.write(`sys/fs/cgroup${path}/memory.max`, "4096\n");
    host.runs(701, path, { lo: 0, eth0: 9 });
    host.runs(801, other, { lo: 0, eth0: 3 });
    host.runs(901, joining, "process 1");
    host.tick();
    host.tick();
    expect(limit()).toBe(4096);
    expect(received(path)).toEqual([9, undefined]);
    expect(received(other)).toEqual([3, undefined]);
    expect(received(joining)).toEqual([undefined, undefined]);
  });

  test("a container whose processes are in init.scope below it has processes, a start and a network", () => {
    const host = new Host();
    const path = `/docker/${containerId(1)}`;
    host.make("/docker", { usage: 5 });
    host.make(path, { usage: 1 });
    host.make(`${path}/init.scope`, { usage: 1 });
    host.write("proc/stat", "btime 1000\n");
    host.write(`sys/fs/cgroup${path}/cgroup.procs`, "");
    host.runs(1, "/", { lo: 1, eth0: 5 });
    host.runs(700, `${path}/init.scope`, { lo: 1, eth0: 6 });
    host.tick();
    host.tick();
    expect(host.sink.value("container_processes", `id="${path}"`)).toBe(1);
    expect(host.sink.value("container_start_time_seconds", `id="${path}"`)).toBe(1007);
    expect(host.sink.value(RECEIVED, `id="${path}"`)).toBe(6);
  });

  test("podman's scope stops being the container when its child appears", () => {
    const host = new Host();
    const scope = `/machine.slice/libpod-${containerId(1)}.scope`;
    host.make("/machine.slice", { usage: 2 });
    host.make(scope, { usage: 3 });
    expect(host.tick()).toEqual({ "/": 1, "/machine.slice": 2, [scope]: 3 });
    host.make(`${scope}/container`, { usage: 4 });
    host.make(`${scope}/container/init.scope`, { usage: 5 });
    expect(host.tick()).toEqual({ "/": 1, "/machine.slice": 2, [`${scope}/container`]: 4 });
  });

  test("what is inside a container or divides a unit has no series, but a container there has", () => {
    const host = new Host();
    const id = containerId(7);
    for (const path of ["/system.slice", "/system.slice/a.service", `/${id}`]) {
      host.make(path, { usage: 2 });
    }
    host.make("/system.slice/a.service/supervisor", { usage: 2 });
    host.make(`/system.slice/a.service/pods/${containerId(8)}`, { usage: 2 });
    host.make(`/${id}/system.slice`, { usage: 2 });
    expect(Object.keys(host.tick()).sort()).toEqual([
      "/",
      `/${id}`,
      "/system.slice",
      "/system.slice/a.service",
      `/system.slice/a.service/pods/${containerId(8)}`,
    ]);
  });

  test("one too many is left out and counted, and taken in when there is room", () => {
    const host = new Host(3);
    for (const n of [1, 2, 3]) host.make(`/${containerId(n)}`, { usage: n });
    const first = host.tick();
    expect(Object.keys(first)).toHaveLength(3);
    expect(host.sink.value("telltale_agent_cgroups")).toBe(3);
    expect(host.sink.value("telltale_agent_cgroups_left_out")).toBe(1);
    const gone = Object.keys(first).find((path) => path !== "/") ?? "";
    host.end(gone);
    host.tick();
    const next = Object.keys(host.tick());
    expect(next).toHaveLength(3);
    expect(next).not.toContain(gone);
    expect(host.sink.value("telltale_agent_cgroups_left_out")).toBe(0);
  });

  test("after 400 of them no descriptor and no series is left over", () => {
    const host = new Host();
    host.make("/docker", { usage: 5 });
    host.make(`/docker/${containerId(9999)}`, { usage: 5 });
    host.tick();
    host.tick();
    const descriptors = openFiles().length;
    const series = host.sink.liveCount;
    for (let round = 0; round < 8; round += 1) {
      const paths = Array.from({ length: 50 }, (_, n) => `/docker/${containerId(round * 50 + n)}`);
      for (const path of paths) host.make(path, { usage: 1 });
      host.tick();
      for (const path of paths) host.end(path);
      host.tick();
    }
    host.tick();
    expect(host.sink.liveCount).toBe(series);
    expect(openFiles().length).toBe(descriptors);
  });
});

/** A cgroup of the machine that runs the test, as only root may make one; null where it may not. */
function makeRealCgroup(name: string): string | null {
  const found = findHierarchies(parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8")));
  if (found === null) return null;
  const directory = join(found.primary.mountPoint, name);
  try {
    mkdirSync(directory);
    return directory;
  } catch {
    return null; // read-only, or not root
  }
}

describe("a real cgroup (skipped where none can be made)", () => {
  test("that is removed says so when it is read, and one made anew under its name is found", (context) => {
    const name = containerId(process.pid + 2 ** 40);
    const other = containerId(process.pid + 2 ** 41);
    const directory = makeRealCgroup(name);
    if (directory === null) return context.skip("no cgroup can be made here");
    const otherDirectory = join(directory, "..", other);
    onTestFinished(() => {
      for (const one of [directory, otherDirectory]) if (existsSync(one)) rmdirSync(one);
    });
    const sink = new RecordingSink();
    const cgroups = cgroupCollector("/", sink, 5000);
    let nowMs = Date.now();
    const seen = () => {
      nowMs += 1000;
      sink.tick(cgroups, nowMs);
      return [name, other].map((one) => sink.value("container_last_seen", one) !== undefined);
    };
    expect(seen()).toEqual([true, false]);
    expect(seen()).toEqual([true, false]);
    rmdirSync(directory);
    expect(seen()).toEqual([false, false]);
    mkdirSync(directory);
    expect(seen()).toEqual([true, false]);
    rmdirSync(directory);
    mkdirSync(directory);
    expect(seen()).toEqual([true, false]);
    // One came and one went: the parent has as many children as before.
    rmdirSync(directory);
    mkdirSync(otherDirectory);
    expect(seen()).toEqual([false, true]);
  });

  test("has the start of its first process, and of the next one when it is made anew", async (context) => {
    const name = containerId(process.pid + 2 ** 42);
    const directory = makeRealCgroup(name);
    if (directory === null) return context.skip("no cgroup can be made here");
    onTestFinished(() => rmdirSync(directory));
    const sink = new RecordingSink();
    const cgroups = cgroupCollector("/", sink, 5000);
    let nowMs = Date.now();
    const startedAt = () => {
      nowMs += 1000;
      sink.tick(cgroups, nowMs);
      return sink.value("container_start_time_seconds", name) ?? Number.NaN;
    };
    const { end } = await sleeperIn(directory);
    const first = startedAt();
    expect(Math.abs(first - Date.now() / 1000)).toBeLessThan(5);
    await end();
    rmdirSync(directory);
    mkdirSync(directory);
    await sleeperIn(directory);
    expect(startedAt()).toBeGreaterThan(first);
    // They are the same series: nothing was named anew.
    expect(sink.slots.filter((slot) => slot.isRetired && slot.name.includes(name))).toEqual([]);
  });
});
