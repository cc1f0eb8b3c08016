import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CgroupCollector } from "../../agent/collect/cgroup/cgroup-collector.ts";
import { NAMES_OF_PATHS } from "../../agent/collect/cgroup/cgroup-name.ts";
import { Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";

const ID = "0123456789abcdef".repeat(4);
const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

type Files = Readonly<Record<string, string>>;

/** A host with one container; `mounts` as in mountinfo, from the mount point on. */
class FakeHost {
  readonly root = mkdtempSync(join(tmpdir(), "telltale-cgroup-counters-"));
  readonly sink = new RecordingSink();
  readonly #collector: CgroupCollector;
  #nowMs = 1_000_000;

  constructor(mounts: readonly string[], files: Files) {
    roots.push(this.root);
    const lines = mounts.map((mount, index) => `${index + 20} 1 0:1 / ${mount}\n`);
    this.#write("proc/1/mountinfo", lines.join(""));
    this.#write("proc/diskstats", "");
    this.write(files);
    const { sink } = this;
    const background = new SerialQueue();
    const shared = { buffer: new ReadBuffer(), sink, faults: new Faults(sink), background };
    this.#collector = new CgroupCollector({ ...shared, hostRoot: this.root, clock: nodeClock }, 9, {
      names: NAMES_OF_PATHS,
      containerLabels: [],
    });
    // So many that what is looked for in the first ticks is over.
    for (let i = 0; i < 20; i += 1) this.tick();
  }

  /** `cpu.stat` is the file of the controller cpu where `$` is the container. */
  write(files: Files): void {
    for (const [path, text] of Object.entries(files)) {
      this.#write(`sys/fs/cgroup/${path.replace("$", `docker/${ID}`)}`, text);
    }
  }

  /** Values of the container by the end of the metric's name. */
  tick(): Record<string, number> {
    this.#nowMs += 1000;
    this.sink.begin();
    this.#collector.collect(this.#nowMs);
    const values: Record<string, number> = {};
    for (const [key, value] of this.sink.values()) {
      if (key.includes(ID)) values[key.replace(/^container_|\{.*$/g, "")] = value;
    }
    return values;
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }
}

const V2 = ["/sys/fs/cgroup rw - cgroup2 cgroup2 rw"];
const V1 = ["cpu", "cpuacct", "memory", "blkio", "pids"].map(
  (name) => `/sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
);

test.each([
  [
    "v2",
    V2,
    { "$/cpu.stat": "usage_usec 1000000\n", "cgroup.controllers": "cpu memory pids\n" },
    {
      "$/memory.current": "1000\n",
      "$/memory.events": "max 1\noom_kill 0\n",
      "$/memory.stat": "pgfault 10\n",
      "$/pids.current": "1\n",
    },
    { "$/cpu.stat": "usage_usec 1000001\n" },
    {
      "$/memory.current": "1001\n",
      "$/memory.events": "max 2\noom_kill 1\n",
      "$/memory.stat": "pgfault 11\n",
      "$/pids.current": "2\n",
    },
  ],
  [
    "v1",
    V1,
    { "cpuacct/$/cpuacct.usage": "1000000000\n" },
    {
      "memory/$/memory.usage_in_bytes": "1000\n",
      "memory/$/memory.failcnt": "1\n",
      "memory/$/memory.oom_control": "oom_kill 0\n",
      "memory/$/memory.stat": "total_pgfault 10\n",
      "pids/$/pids.current": "1\n",
      "cpuacct/$/cpuacct.stat": "user 1\nsystem 1\n",
    },
    { "cpuacct/$/cpuacct.usage": "1000000001\n" },
    {
      "memory/$/memory.usage_in_bytes": "1001\n",
      "memory/$/memory.failcnt": "2\n",
      "memory/$/memory.oom_control": "oom_kill 1\n",
      "memory/$/memory.stat": "total_pgfault 11\n",
      "pids/$/pids.current": "2\n",
      "cpuacct/$/cpuacct.stat": "user 2\nsystem 1\n",
    },
  ],
])(
  "%s: a counter that moved after the least CPU time is not stored with its old value",
  (_, mounts, cpu, files, cpuAfter, filesAfter) => {
    const host = new FakeHost(mounts, { ...cpu, ...files });
    const before = host.tick();
    expect(before).toMatchObject({
      memory_usage_bytes: 1000,
      memory_failcnt: 1,
      memory_failures_total: 10,
      oom_events_total: 0,
      threads: 1,
    });
    host.write({ ...cpuAfter, ...filesAfter });
    expect(host.tick()).toMatchObject({
      memory_usage_bytes: 1001,
      memory_failcnt: 2,
      memory_failures_total: 11,
      oom_events_total: 1,
      threads: 2,
    });
  },
);

test("v1: a disk's requests without bytes, such as flushes, are counted in the tick of their second", () => {
  const io = (name: string) => `blkio/$/blkio.throttle.${name}_recursive`;
  const host = new FakeHost(V1, {
    "cpuacct/$/cpuacct.usage": "1000000000\n",
    "memory/$/memory.usage_in_bytes": "1000\n",
    [io("io_service_bytes")]: "8:0 Write 4096\n",
    [io("io_serviced")]: "8:0 Write 1\n",
  });
  expect(host.tick()).toMatchObject({ fs_writes_total: 1 });
  host.write({
    "cpuacct/$/cpuacct.usage": "1000000001\n",
    [io("io_serviced")]: "8:0 Write 2\n",
  });
  expect(host.tick()).toMatchObject({ fs_writes_total: 2 });
});
