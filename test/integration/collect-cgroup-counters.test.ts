import { expect, test } from "vitest";
import { CgroupCollector } from "../../agent/collect/cgroup/cgroup-collector.ts";
import { NAMES_OF_PATHS } from "../../agent/collect/cgroup/cgroup-name.ts";
import { HostOnDisk } from "./host-on-disk.ts";

const ID = "0123456789abcdef".repeat(4);

/** A host with one container; `mounts` as in mountinfo, from the mount point on. */
class Host extends HostOnDisk {
  readonly #collector;
  #nowMs = 1_000_000;

  constructor(mounts: readonly string[], files: Readonly<Record<string, string>>) {
    const lines = mounts.map((mount, index) => `${index + 20} 1 0:1 / ${mount}\n`);
    super({ "proc/1/mountinfo": lines.join(""), "proc/diskstats": "" });
    this.writeCgroup(files);
    const namer = { names: NAMES_OF_PATHS, containerLabels: [] };
    this.#collector = new CgroupCollector(this.context, 9, namer);
    // So many that what is looked for in the first ticks is over.
    for (let i = 0; i < 20; i += 1) this.tick();
  }

  /** `cpu.stat` is the file of the controller cpu where `$` is the container. */
  writeCgroup(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      this.write(`sys/fs/cgroup/${path.replace("$", `docker/${ID}`)}`, text);
    }
  }

  /** Values of the container by the end of the metric's name. */
  tick(): Record<string, number> {
    this.#nowMs += 1000;
    const values: Record<string, number> = {};
    for (const [key, value] of this.sink.tick(this.#collector, this.#nowMs)) {
      if (key.includes(ID)) values[key.replace(/^container_|\{.*$/g, "")] = value;
    }
    return values;
  }
}

const V2 = ["/sys/fs/cgroup rw - cgroup2 cgroup2 rw"];
const V1 = ["cpu", "cpuacct", "memory", "blkio", "pids"].map(
  (name) => `/sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
);

/** What the kernel shows at first, and when each counter is `n` higher. */
const filesOfV2 = (n: number) => ({
  "cgroup.controllers": "cpu memory pids\n",
  "$/cpu.stat": `usage_usec ${1_000_000 + n}\n`,
  "$/memory.current": `${1000 + n}\n`,
  "$/memory.events": `max ${1 + n}\noom_kill ${n}\n`,
  "$/memory.stat": `pgfault ${10 + n}\n`,
  "$/pids.current": `${1 + n}\n`,
});
const filesOfV1 = (n: number) => ({
  "cpuacct/$/cpuacct.usage": `${1_000_000_000 + n}\n`,
  "cpuacct/$/cpuacct.stat": `user ${1 + n}\nsystem 1\n`,
  "memory/$/memory.usage_in_bytes": `${1000 + n}\n`,
  "memory/$/memory.failcnt": `${1 + n}\n`,
  "memory/$/memory.oom_control": `oom_kill ${n}\n`,
  "memory/$/memory.stat": `total_pgfault ${10 + n}\n`,
  "pids/$/pids.current": `${1 + n}\n`,
});

test.each([
  ["v2", V2, filesOfV2],
  ["v1", V1, filesOfV1],
])(
  "%s: a counter that moved after the least CPU time is not stored with its old value",
  (_, mounts, files) => {
    const host = new Host(mounts, files(0));
    const valuesAfter = (n: number) => ({
      memory_usage_bytes: 1000 + n,
      memory_failcnt: 1 + n,
      memory_failures_total: 10 + n,
      oom_events_total: n,
      threads: 1 + n,
    });
    expect(host.tick()).toMatchObject(valuesAfter(0));
    host.writeCgroup(files(1));
    expect(host.tick()).toMatchObject(valuesAfter(1));
  },
);

test("v1: a disk's requests without bytes, such as flushes, are counted in the tick of their second", () => {
  const io = (name: string) => `blkio/$/blkio.throttle.${name}_recursive`;
  const host = new Host(V1, {
    "cpuacct/$/cpuacct.usage": "1000000000\n",
    "memory/$/memory.usage_in_bytes": "1000\n",
    [io("io_service_bytes")]: "8:0 Write 4096\n",
    [io("io_serviced")]: "8:0 Write 1\n",
  });
  expect(host.tick()).toMatchObject({ fs_writes_total: 1 });
  host.writeCgroup({
    "cpuacct/$/cpuacct.usage": "1000000001\n",
    [io("io_serviced")]: "8:0 Write 2\n",
  });
  expect(host.tick()).toMatchObject({ fs_writes_total: 2 });
});
