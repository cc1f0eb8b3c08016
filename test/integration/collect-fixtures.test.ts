import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createCollectors } from "../../agent/collect/collectors.ts";
import { TickRunner } from "../../agent/collect/tick.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";

/** Real hosts' trees (README.md there): what the collectors say of them must be what is so. */
const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const FIXTURES = join(SHARED, "fixtures");
const TIME_MS = 1_795_209_220_000;

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

type Snapshot = {
  readonly values: ReadonlyMap<string, number>;
  readonly logger: MemoryLogger;
  /** The value of a container's (or, by `id=`, a cgroup's) metric; undefined: there is none. */
  of(name: string, metric: string): number | undefined;
};

function collect(tree: string, host: string, moment: string): Snapshot {
  const root = mkdtempSync(join(tmpdir(), "telltale-host-"));
  roots.push(root);
  symlinkSync(join(FIXTURES, "proc", host, moment), join(root, "proc"));
  symlinkSync(join(FIXTURES, tree, host, moment, "sys"), join(root, "sys"));
  const sink = new RecordingSink();
  const logger = new MemoryLogger();
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  const collectors = createCollectors({ hostRoot: root, cgroupsMax: 2000 }, nodeClock, sink.groups);
  const runner = new TickRunner(collectors, sink.groups, clock, logger);
  // Twice: what does not change must be set again.
  runner.run(TIME_MS);
  const first = sink.values();
  sink.begin();
  runner.run(TIME_MS + 1000);
  const values = sink.values();
  expect([...values.keys()].filter((key) => first.has(key))).toEqual([...first.keys()]);
  for (const { collector } of collectors) collector.close();
  const of = (name: string, metric: string) => {
    const label = name.startsWith("id=") ? `id="${name.slice(3)}"` : `name="${name}"`;
    const found = [...values].filter(
      ([key]) => key.startsWith(`${metric}{`) && key.includes(label),
    );
    expect(found.length, `${metric} of ${name}`).toBeLessThan(2);
    return found[0]?.[1];
  };
  return { values, logger, of };
}

type Table = Record<string, string>[];

/** The tables of expected.md by the title of their section. */
function tablesOf(tree: string, host: string): Record<string, Table> {
  const text = readFileSync(join(FIXTURES, tree, host, "expected.md"), "utf8");
  const tables: Record<string, Table> = {};
  for (const section of text.split(/^#+ /m)) {
    const title = section.slice(0, section.indexOf("\n"));
    const lines = section.split("\n").filter((line) => line.startsWith("| "));
    const cells = lines.map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    const [heading = [], ...rows] = cells;
    tables[title] = rows.map((row) => Object.fromEntries(row.map((cell, i) => [heading[i], cell])));
  }
  return tables;
}

const HOSTS = [
  ["cgroup-v2", "systemd-6.1"],
  ["cgroup-v1", "hybrid-systemd-6.1"],
  ["cgroup-v1", "cgroupfs-6.18"],
] as const;

const hasFixtures = existsSync(FIXTURES);
const describeFixtures = describe.skipIf(!hasFixtures);
const NO_LIMIT_V1 = "9223372036854771712";

describeFixtures.each(HOSTS)("%s %s (skipped where the fixtures are not)", (tree, host) => {
  const expected = hasFixtures ? tablesOf(tree, host) : {};
  const isV2 = tree === "cgroup-v2";
  const containers = Object.entries(expected).find(([, rows]) => rows[0]?.["runtime"])?.[1] ?? [];
  const idOf = new Map(containers.map((row) => [row["container"] ?? "", row["id"] ?? ""]));
  const section = (start: string) =>
    Object.entries(expected).find(([title]) => title.startsWith(start))?.[1] ?? [];
  const t0 = hasFixtures ? collect(tree, host, "t0") : null;
  const t1 = hasFixtures ? collect(tree, host, "t1") : null;
  const at1 = (container: string | undefined, metric: string) =>
    t1?.of(idOf.get(container ?? "") ?? "?", metric);
  const delta = (container: string | undefined, metric: string) => {
    const name = idOf.get(container ?? "") ?? "?";
    return (t1?.of(name, metric) ?? Number.NaN) - (t0?.of(name, metric) ?? Number.NaN);
  };

  test("finds the containers, each once, and nothing else that would look like one", () => {
    const named = [...(t1?.values.keys() ?? [])]
      .filter((key) => key.startsWith("container_last_seen"))
      .map((key) => /name="([0-9a-f]{12})"/.exec(key)?.[1])
      .filter((name) => name !== undefined);
    // Not run by docker or podman; and one whose directory was not captured on the hybrid host.
    const isCaptured = (row: Record<string, string>) =>
      host !== "hybrid-systemd-6.1" || row["container"] !== "k8s_app_web-0";
    const wanted = containers.filter(isCaptured).map((row) => row["id"]);
    if (host !== "cgroupfs-6.18") wanted.push("c0ffee000000");
    expect(named.sort()).toEqual(wanted.sort());
  });

  test("CPU time, quota, weight and throttling are expected.md's", () => {
    const rows = section("CPU");
    expect(rows.length).toBeGreaterThan(8);
    for (const row of rows) {
      const name = row["container"];
      const usage = isV2
        ? Number(row["usage_usec Δ"]) / 1e6
        : Number(row["cpuacct.usage Δ ns"]) / 1e9;
      expect(delta(name, "container_cpu_usage_seconds_total"), name).toBeCloseTo(usage, 5);
      const [quota, period] = (row["cpu.max"] ?? row["quota / period us"] ?? "").split(/[ /]+/);
      const hasQuota = quota !== "max" && quota !== "-1";
      expect(at1(name, "container_spec_cpu_quota")).toBe(hasQuota ? Number(quota) : undefined);
      expect(at1(name, "container_spec_cpu_period")).toBe(Number(period));
      if (!isV2) expect(at1(name, "container_spec_cpu_shares")).toBe(Number(row["cpu.shares"]));
      if (!hasQuota) {
        expect(at1(name, "container_cpu_cfs_periods_total")).toBeUndefined();
        continue;
      }
      expect(delta(name, "container_cpu_cfs_periods_total")).toBe(Number(row["nr_periods Δ"]));
      expect(delta(name, "container_cpu_cfs_throttled_periods_total")).toBe(
        Number(row["nr_throttled Δ"]),
      );
      const seconds = Number(row["throttled_usec Δ s"] ?? row["throttled_time Δ s"]);
      expect(delta(name, "container_cpu_cfs_throttled_seconds_total")).toBeCloseTo(seconds, 3);
    }
  });

  test("memory, OOM kills and pids are expected.md's", () => {
    const rows = section("Memory and pids");
    expect(rows.length).toBeGreaterThan(8);
    for (const row of rows) {
      const name = row["container"];
      const usage = Number(row["memory.current"] ?? row["usage_in_bytes"]);
      const inactive = Number(row["inactive_file"] ?? row["total_inactive_file"]);
      const limit = row["memory.max"] ?? row["limit_in_bytes"] ?? "";
      const isUnlimited = limit === "max" || limit === NO_LIMIT_V1;
      expect(at1(name, "container_memory_usage_bytes"), name).toBe(usage);
      expect(at1(name, "container_memory_working_set_bytes")).toBe(Math.max(0, usage - inactive));
      expect(at1(name, "container_memory_rss")).toBe(Number(row["anon"] ?? row["total_rss"]));
      expect(at1(name, "container_spec_memory_limit_bytes")).toBe(isUnlimited ? 0 : Number(limit));
      expect(delta(name, "container_oom_events_total")).toBe(Number(row["oom_kill Δ"]));
      expect(delta(name, "container_memory_failcnt")).toBe(
        Number(row["events max Δ"] ?? row["failcnt Δ"]),
      );
      expect(at1(name, "container_threads")).toBe(Number(row["pids"]?.split(" / ")[0]));
    }
  });

  test("reads and writes are expected.md's, without discards, by the device's name", () => {
    for (const row of section("Block IO")) {
      const name = row["container"];
      const read = Number(row["read Δ B"]);
      const written = Number(row["write Δ B"]);
      // A container whose line appeared between the two has no difference.
      if (read === 0 && written === 0) continue;
      expect(delta(name, "container_fs_reads_bytes_total"), name).toBe(read);
      expect(delta(name, "container_fs_writes_bytes_total"), name).toBe(written);
    }
    const io = [...(t1?.values.keys() ?? [])].filter((key) => key.startsWith("container_fs_reads"));
    expect(io.length).toBeGreaterThan(0);
    for (const key of io) expect(key).toMatch(/device="\/dev\/[a-z0-9-]+"/);
  });

  test("the node's CPU and memory are expected.md's", () => {
    const text = readFileSync(join(FIXTURES, tree, host, "expected.md"), "utf8");
    const modes = "user nice system idle iowait irq softirq steal".split(" ");
    let ticks = 0;
    for (const cpu of [0, 1]) {
      for (const mode of modes) {
        const key = `node_cpu_seconds_total{cpu="${cpu}", job="node", mode="${mode}"}`;
        ticks += ((t1?.values.get(key) ?? Number.NaN) - (t0?.values.get(key) ?? Number.NaN)) * 100;
      }
    }
    const total = Number(/total (\d+) \(user/.exec(text)?.[1]);
    // The line of all CPUs is summed up before it is rounded.
    expect(Math.abs(ticks - total)).toBeLessThanOrEqual(16);
    for (const [key, metric] of [
      ["MemTotal", "node_memory_MemTotal_bytes"],
      ["MemAvailable", "node_memory_MemAvailable_bytes"],
    ]) {
      const bytes = Number(new RegExp(`${key} (\\d+)`).exec(text)?.[1]);
      expect(t1?.values.get(`${metric}{job="node"}`)).toBe(bytes);
    }
    expect(t1?.values.get('machine_cpu_cores{job="cadvisor"}')).toBe(2);
  });

  test("a container's start is the start of its first process", () => {
    for (const row of containers) {
      if (host === "hybrid-systemd-6.1" && row["container"] === "k8s_app_web-0") continue;
      const start = at1(row["container"], "container_start_time_seconds") ?? Number.NaN;
      expect(start, row["container"]).toBeGreaterThan(TIME_MS / 1000 - 3600);
      expect(start).toBeLessThan(TIME_MS / 1000 + 3600);
    }
  });

  test("only collectors whose files were not captured fail", () => {
    const failed = t1?.logger.lines.map((line) => (line.fields as { collector: string }).collector);
    const notCaptured = ["softnet", "entropy"];
    if (host === "hybrid-systemd-6.1") notCaptured.push("vmstat", "filefd", "netstat", "sockstat");
    expect(failed?.sort()).toEqual(notCaptured.sort());
  });
});

describeFixtures("what the fixtures show that one would not assume", () => {
  test("hybrid: a container in the root of blkio has no IO, not the root's nor what it once had", () => {
    const { of } = collect("cgroup-v1", "hybrid-systemd-6.1", "t1");
    // Its directory in blkio is still there, with 100663296 bytes written.
    expect(of("63fd0b85f380", "container_fs_writes_bytes_total")).toBeUndefined();
    expect(of("63fd0b85f380", "container_memory_usage_bytes")).toBe(2711552);
  });

  test("podman: the scope around the container and its monitor have no series", () => {
    const { values, of } = collect("cgroup-v2", "systemd-6.1", "t1");
    expect(of("e4c2214cd398", "container_spec_memory_limit_bytes")).toBe(33554432);
    const scopes = [...values.keys()].filter((key) => /libpod-[^"]*\.scope"/.test(key));
    expect(scopes).toEqual([]);
  });

  test("v2: the root has what it has, and lines of io.stat without values are no devices", () => {
    const { values, of } = collect("cgroup-v2", "systemd-6.1", "t0");
    expect(of("id=/", "container_cpu_usage_seconds_total")).toBe(1056.652);
    expect(of("id=/", "container_memory_usage_bytes")).toBeUndefined();
    expect(of("id=/", "container_memory_working_set_bytes")).toBeUndefined();
    expect(of("id=/", "container_fs_reads_bytes_total")).toBe(1470694400);
    expect([...values.keys()].filter((key) => /device="(7:|\/dev\/loop)/.test(key))).toEqual([]);
  });

  test("v2: pressure of a container, units and slices, and shares from the weight", () => {
    const { of } = collect("cgroup-v2", "systemd-6.1", "t0");
    const id = "2ff2cbcb1c31";
    expect(of(id, "container_pressure_cpu_waiting_seconds_total")).toBe(350.091024);
    expect(of(id, "container_pressure_cpu_stalled_seconds_total")).toBe(350.00938);
    expect(of(id, "container_spec_cpu_shares")).toBe(2597);
    expect(of("8de2ea673946", "container_spec_cpu_shares")).toBe(500);
    expect(of("ssh.service", "container_memory_usage_bytes")).toBeGreaterThan(0);
    expect(of("id=/system.slice", "container_memory_usage_bytes")).toBeGreaterThan(0);
  });

  test("cgroupfs-6.18: a cgroup2 tree with one controller does not make it v2", () => {
    const { of } = collect("cgroup-v1", "cgroupfs-6.18", "t1");
    expect(of("0e2e13aa0710", "container_cpu_usage_seconds_total")).toBeGreaterThan(0);
    expect(of("0e2e13aa0710", "container_pressure_cpu_waiting_seconds_total")).toBeUndefined();
  });
});
