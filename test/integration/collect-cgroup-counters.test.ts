import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CgroupCollector } from "../../agent/collect/cgroup/cgroup-collector.ts";
import { NAMES_OF_PATHS } from "../../agent/collect/cgroup/cgroup-name.ts";
import { Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { SeriesGroup } from "../../agent/collect/series-group.ts";
import { labelsRecord } from "../../shared/model/labels.ts";
import { scaledValue } from "../../shared/model/series-definition.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import { parseFrame, StreamDecoder } from "../../shared/wire/frame-decoder.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";

const ID = "0123456789abcdef".repeat(4);
const START_MS = 1_000_000;
const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** The samples of one container, as the aggregator gets them: by time, by the metric's name. */
class FakeHost {
  readonly #root = mkdtempSync(join(tmpdir(), "telltale-cgroup-counters-"));
  readonly #encoder = new FrameEncoder(1, { keyframeEvery: 60 });
  readonly #decoder = new StreamDecoder();
  readonly #collector: CgroupCollector;
  #nowMs = START_MS;

  /** @param mounts as in mountinfo, from the mount point on */
  constructor(mounts: readonly string[]) {
    roots.push(this.#root);
    const lines = mounts.map((mount, index) => `${index + 20} 1 0:1 / ${mount}\n`);
    this.#write("proc/1/mountinfo", lines.join(""));
    this.#write("proc/diskstats", "");
    const sink = new SeriesGroup(this.#encoder, TICK_GROUP);
    const context = {
      hostRoot: this.#root,
      buffer: new ReadBuffer(),
      sink,
      faults: new Faults(sink),
      clock: nodeClock,
      background: new SerialQueue(),
    };
    const naming = { names: NAMES_OF_PATHS, containerLabels: [] };
    this.#collector = new CgroupCollector(context, this.#encoder, 9, naming);
  }

  /** Of `files`, `cpu.stat` is the file of the controller cpu where `$` is the container. */
  tick(files: Readonly<Record<string, string>>): Map<string, number> {
    this.#nowMs += 1000;
    for (const [path, text] of Object.entries(files)) {
      this.#write(`sys/fs/cgroup/${path.replace("$", `docker/${ID}`)}`, text);
    }
    this.#collector.collect(this.#nowMs);
    const frame = this.#encoder.encodeTick(this.#nowMs);
    const decoder = this.#decoder;
    decoder.define(1, frame.definitions);
    decoder.apply(parseFrame(frame.bytes));
    const samples = new Map<string, number>();
    for (const { group, timeMs } of decoder.readings) {
      expect(timeMs).toBe(this.#nowMs);
      for (const id of decoder.aliveOfGroup(group)) {
        const { labels = [], scale = 0 } = decoder.definitions[id] ?? {};
        const {
          __name__ = "",
          id: path = "",
          failure_type = "",
          scope = "",
        } = labelsRecord(labels);
        if (!path.includes(ID)) continue;
        const value = scaledValue(decoder.values[id] ?? 0, scale);
        samples.set(`${__name__.replace("container_", "")}${failure_type}${scope}`, value);
      }
    }
    return samples;
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(join(this.#root, path)), { recursive: true });
    writeFileSync(join(this.#root, path), text);
  }
}

const V2 = ["/sys/fs/cgroup rw - cgroup2 cgroup2 rw"];
const V1 = ["cpu", "cpuacct", "memory", "blkio", "pids"].map(
  (name) => `/sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}`,
);

/** Files in which every number is `n`, but for CPU time, in microseconds. */
type FilesAt = (n: number, cpuUsec: number) => Readonly<Record<string, string>>;

const filesOfV2: FilesAt = (n, cpuUsec) => ({
  "cgroup.controllers": "cpu memory pids io\n",
  "$/cpu.stat": `usage_usec ${cpuUsec}\nuser_usec ${n}000000\nsystem_usec ${n}000000\n`,
  "$/io.stat": `8:0 rbytes=${n} wbytes=${n} rios=${n} wios=${n}\n`,
  "$/memory.current": `${n}\n`,
  "$/memory.events": `max ${n}\noom_kill ${n}\n`,
  "$/memory.max": `${n}\n`,
  "$/memory.stat": `anon ${n}\nfile ${n}\ninactive_file 0\npgfault ${n}\npgmajfault ${n}\n`,
  "$/pids.current": `${n}\n`,
  "$/pids.max": `${n}\n`,
});

const filesOfV1: FilesAt = (n, cpuUsec) => ({
  "cpuacct/$/cpuacct.usage": `${cpuUsec}000\n`,
  "cpuacct/$/cpuacct.stat": `user ${n}00\nsystem ${n}00\n`,
  "blkio/$/blkio.throttle.io_service_bytes_recursive": `8:0 Read ${n}\n8:0 Write ${n}\n`,
  "blkio/$/blkio.throttle.io_serviced_recursive": `8:0 Read ${n}\n8:0 Write ${n}\n`,
  "memory/$/memory.usage_in_bytes": `${n}\n`,
  "memory/$/memory.failcnt": `${n}\n`,
  "memory/$/memory.oom_control": `oom_kill ${n}\n`,
  "memory/$/memory.limit_in_bytes": `${n}\n`,
  "memory/$/memory.stat": `total_cache ${n}\ntotal_rss ${n}\ntotal_pgfault ${n}\npgfault ${n}\n`,
  "pids/$/pids.current": `${n}\n`,
  "pids/$/pids.max": `${n}\n`,
});

/** What is not the number in a file. */
const OTHERS = new Set([
  "cpu_usage_seconds_total",
  "last_seen",
  "processes",
  "memory_limit_used_ratio",
  "memory_total_inactive_file_bytes",
]);
const NAMES = ["memory_usage_bytes", "fs_writes_total", "memory_failures_totalpgfaulthierarchy"];

test.each([
  ["v2", V2, filesOfV2],
  ["v1", V1, filesOfV1],
] as const)(
  "%s: every sample of a cgroup has the value that its file had at that second",
  (_, mounts, filesAt) => {
    const host = new FakeHost(mounts);
    const seen = new Map<string, number[]>();
    let cpuUsec = 1_000_000;
    for (let second = 1; second <= 120; second += 1) {
      // A minute of little work, half a minute of much, the rest without any.
      if (second <= 60) cpuUsec += 100;
      else if (second <= 90) cpuUsec += 5000;
      const samples = host.tick(filesAt(second, cpuUsec));
      for (const [name, value] of samples) {
        if (!OTHERS.has(name)) expect([name, value]).toEqual([name, second]);
        seen.set(name, [...(seen.get(name) ?? []), second]);
      }
      expect(samples.get("cpu_usage_seconds_total")).toBeCloseTo(cpuUsec / 1e6, 9);
    }
    for (const name of NAMES) {
      const seconds = seen.get(name) ?? [];
      expect(seconds.filter((second) => second > 60 && second <= 90)).toHaveLength(30);
      const gaps = seconds.slice(1).map((second, index) => second - (seconds[index] ?? 0));
      expect(Math.max(...gaps), name).toBe(15);
    }
    const limits = seen.get("spec_memory_limit_bytes") ?? [];
    expect(limits.slice(-3).map((second, index) => second - index * 30)).toEqual(
      new Array(3).fill(limits.at(-3)),
    );
  },
);

test("v1: what the kernel counts of a quota is read in each tick with one, and seen once there is one", () => {
  const host = new FakeHost(V1);
  let cpuUsec = 1_000_000;
  const periodsAt = (second: number, quotaUsec: number) => {
    cpuUsec += 50_000;
    const samples = host.tick({
      ...filesOfV1(second, cpuUsec),
      "cpu/$/cpu.cfs_quota_us": `${quotaUsec}\n`,
      "cpu/$/cpu.cfs_period_us": "100000\n",
      "cpu/$/cpu.stat": `nr_periods ${quotaUsec < 0 ? 0 : second}\nnr_throttled 0\nthrottled_time 0\n`,
    });
    return samples.get("cpu_cfs_periods_total");
  };
  const without = Array.from({ length: 40 }, (_, i) => periodsAt(i + 1, -1));
  const firsts = Array.from({ length: 31 }, (_, i) => periodsAt(i + 41, 50_000));
  const then = Array.from({ length: 40 }, (_, i) => periodsAt(i + 72, 50_000));
  expect(without).toEqual(without.map(() => undefined));
  expect(firsts.at(-1)).toBe(71);
  expect(then).toEqual(then.map((_, i) => i + 72));
});
