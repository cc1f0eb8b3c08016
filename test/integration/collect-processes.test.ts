import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { processCollectors } from "../../agent/collect/processes/process-collector.ts";
import { ProcessGroups } from "../../agent/collect/processes/process-groups.ts";
import type { CgroupActivity } from "../../agent/collect/processes/process-places.ts";
import { ProcessPlaces } from "../../agent/collect/processes/process-places.ts";
import { ProcessTable } from "../../agent/collect/processes/process-table.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";

const ID = "0123456789abcdef".repeat(4);
const MOUNTINFO = "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

type Fields = {
  command?: string;
  cpu?: number;
  pages?: number;
  start?: number;
  path?: string;
  flags?: number;
};

/** A host whose processes are files that the test writes. */
class FakeHost {
  readonly root = mkdtempSync(join(tmpdir(), "telltale-processes-"));
  readonly sink = new RecordingSink();
  readonly faults = new Faults(this.sink);
  readonly #collector;

  constructor(entries = processCollectors(null)) {
    cleanups.push(() => rmSync(this.root, { recursive: true }));
    mkdirSync(join(this.root, "proc/sys"), { recursive: true });
    const [entry] = entries;
    if (entry === undefined) throw new Error("no entry");
    this.#collector = entry.create({
      hostRoot: this.root,
      buffer: new ReadBuffer(),
      sink: this.sink,
      faults: this.faults,
      background: new SerialQueue(),
      clock: nodeClock,
    });
    cleanups.push(() => this.#collector.close());
  }

  put(pid: number, fields: Fields): void {
    const { command = "app", cpu = 0, pages = 0, start = 5, path = "/a.slice" } = fields;
    const { flags = 0 } = fields;
    const directory = join(this.root, `proc/${pid}`);
    mkdirSync(directory, { recursive: true });
    const stat = `${pid} (${command}) S 1 1 1 0 -1 ${flags} 0 0 0 0 ${cpu} 0 0 0 20 0 2 0 ${start} 9 ${pages} 1`;
    writeFileSync(join(directory, "stat"), stat);
    writeFileSync(join(directory, "cgroup"), `0::${path}\n`);
    writeFileSync(join(directory, "mountinfo"), MOUNTINFO);
  }

  end(pid: number): void {
    rmSync(join(this.root, `proc/${pid}`), { recursive: true });
  }

  run(): Record<string, number> {
    this.sink.begin();
    this.#collector.collect(0);
    return Object.fromEntries(
      [...this.sink.values()]
        .map(([key, value]) => [key.replace(/, job="node"|, }/, ""), value] as const)
        .filter(([key]) => key.startsWith("telltale_process_group_"))
        .map(([key, value]) => [key.slice("telltale_process_group_".length), value]),
    );
  }
}

test("processes of a command are added up, for each container by itself", () => {
  const host = new FakeHost();
  host.put(1, { command: "web", cpu: 100, pages: 10 });
  host.put(2, { command: "web", cpu: 50, pages: 5 });
  host.put(3, { command: "web", cpu: 7, pages: 2, path: `/system.slice/docker-${ID}.scope/x` });
  expect(host.run()).toEqual({
    'cpu_seconds_total{command="web"}': 1.5,
    'resident_memory_bytes{command="web"}': 15 * 4096,
    'processes{command="web"}': 2,
    'threads{command="web"}': 4,
    'cpu_seconds_total{command="web", container="0123456789ab"}': 0.07,
    'resident_memory_bytes{command="web", container="0123456789ab"}': 2 * 4096,
    'processes{command="web", container="0123456789ab"}': 1,
    'threads{command="web", container="0123456789ab"}': 2,
  });
});

test("the counter goes on when one of the processes ends, and when its number is given out again", () => {
  const host = new FakeHost();
  const cpu = () => host.run()['cpu_seconds_total{command="app"}'];
  host.put(1, { cpu: 100 });
  host.put(2, { cpu: 50 });
  expect(cpu()).toBe(1.5);
  host.end(2);
  expect(cpu()).toBe(1.5);
  host.put(1, { cpu: 120 });
  expect(cpu()).toBe(1.7);
  host.put(1, { cpu: 30, start: 9 });
  expect(cpu()).toBe(2);
});

test("CPU time used before a process took another name stays with its first name", () => {
  const host = new FakeHost();
  host.put(1, { command: "sh", cpu: 100 });
  host.put(2, { command: "sh", cpu: 0 });
  host.run();
  host.put(1, { command: "java", cpu: 130 });
  const values = host.run();
  expect(values['cpu_seconds_total{command="sh"}']).toBe(1);
  expect(values['cpu_seconds_total{command="java"}']).toBe(0.3);
});

test("a group that ends has no series any more", () => {
  const host = new FakeHost();
  host.put(1, { command: "once", cpu: 100 });
  host.put(2, { command: "stays", cpu: 100 });
  host.run();
  host.end(1);
  expect(Object.keys(host.run()).some((key) => key.includes("once"))).toBe(false);
  expect(host.sink.slots.filter(({ isRetired }) => isRetired)).toHaveLength(4);
});

test("what stands still in its cgroup is not read, and the cgroup's container gives the name", () => {
  let activity: CgroupActivity[] = [];
  const host = new FakeHost(processCollectors(() => activity));
  const directory = join(host.root, "sys/fs/cgroup/docker", ID);
  activity = [{ directory, containerName: "shop", cpu: 10 }];
  host.put(1, { cpu: 10, path: `/docker/${ID}/inner` });
  const cpu = () => host.run()['cpu_seconds_total{command="app", container="shop"}'];
  expect(cpu()).toBe(0.1);
  host.put(1, { cpu: 20, path: `/docker/${ID}/inner` });
  expect(cpu()).toBe(0.1);
  activity = [{ directory, containerName: "shop", cpu: 20 }];
  expect(cpu()).toBe(0.2);
});

test("one that was idle for long has its CPU time in the run after it woke", () => {
  const host = new FakeHost();
  host.put(1, { cpu: 10 });
  for (let i = 0; i < 20; i += 1) host.run();
  host.put(1, { cpu: 30 });
  expect(host.run()['cpu_seconds_total{command="app"}']).toBe(0.3);
});

test("a container that used less CPU time than a jiffy has it in the same run", () => {
  let cpu = 1_000_000;
  const directory = () => join(host.root, "sys/fs/cgroup/docker", ID);
  const host: FakeHost = new FakeHost(
    processCollectors(() => [{ directory: directory(), containerName: "shop", cpu }]),
  );
  const run = () => host.run()['cpu_seconds_total{command="app", container="shop"}'];
  host.put(1, { cpu: 10, path: `/docker/${ID}` });
  expect(run()).toBe(0.1);
  host.put(1, { cpu: 11, path: `/docker/${ID}` });
  cpu += 1;
  expect(run()).toBe(0.11);
});

test("the kernel's workers are one group, a program's name stays whole", () => {
  const host = new FakeHost();
  host.put(1, { command: "kworker/0:1-events", cpu: 1, flags: 0x0020_0040 });
  host.put(2, { command: "kworker/u8:2", cpu: 1, flags: 0x0020_0040 });
  host.put(3, { command: "kworker/u8:2", cpu: 1 });
  const values = host.run();
  expect(values['processes{command="kworker"}']).toBe(2);
  expect(values['processes{command="kworker/u8:2"}']).toBe(1);
});

test("a malformed file is counted once and its process left out; the others go on", () => {
  const host = new FakeHost();
  host.put(1, { cpu: 100 });
  host.put(2, { cpu: 50 });
  writeFileSync(join(host.root, "proc/2/stat"), "2 (app) S 1 1");
  expect(host.run()['processes{command="app"}']).toBe(1);
  host.run();
  host.faults.collect();
  expect([...host.sink.values()].filter(([key]) => key.includes("faults_total"))).toEqual([
    [
      'telltale_agent_collect_faults_total{collector="process_groups", job="telltale-agent", reason="malformed"}',
      1,
    ],
  ]);
});

test("of a crowd only some are looked at, fewer are kept open, and all are closed", () => {
  const host = new FakeHost();
  for (let pid = 1; pid <= 30; pid += 1) host.put(pid, { command: `c${pid}`, cpu: pid });
  const before = readdirSync("/proc/self/fd").length;
  const sink = new RecordingSink();
  const faults = new Faults(sink);
  const context = {
    hostRoot: host.root,
    buffer: new ReadBuffer(),
    sink,
    faults,
    background: new SerialQueue(),
    clock: nodeClock,
  };
  const places = new ProcessPlaces(context, null);
  const groups = new ProcessGroups({ topMax: 9, lingerRuns: 9, shownMax: 9, groupsMax: 9 });
  const limits = { processesMax: 20, heldMax: 10 };
  const table = new ProcessTable(context, "some", { places, groups }, limits);
  for (let run = 0; run < 3; run += 1) {
    table.read();
    expect(table.size).toBe(20);
    // The one more is the list of mounts.
    expect(readdirSync("/proc/self/fd").length - before).toBe(11);
  }
  faults.collect();
  expect([...sink.values()]).toEqual([[expect.stringContaining('reason="limit"'), 3]]);
  table.close();
  places.close();
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});

test("a series of ended processes leaves no file open", () => {
  const host = new FakeHost();
  host.put(1, {});
  host.run();
  const before = readdirSync("/proc/self/fd").length;
  for (let round = 0; round < 5; round += 1) {
    for (let pid = 2; pid < 12; pid += 1) host.put(pid, { start: round });
    host.run();
    for (let pid = 2; pid < 12; pid += 1) host.end(pid);
    host.run();
  }
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});

test("on the machine of the test the test itself is found", () => {
  const sink = new RecordingSink();
  const [entry] = processCollectors(null);
  const faults = new Faults(sink);
  const collector = entry?.create({
    hostRoot: "/",
    buffer: new ReadBuffer(),
    sink,
    faults,
    background: new SerialQueue(),
    clock: nodeClock,
  });
  collector?.collect(0);
  const values = [...sink.values()];
  const threads = values.filter(([key]) => /_threads\{command="(?:node|MainThread)/.test(key));
  expect(threads.some(([, value]) => value > 1)).toBe(true);
  const memory = values.find(([key]) =>
    /_resident_memory_bytes\{command="(?:node|MainT)/.test(key),
  );
  expect(memory?.[1]).toBeGreaterThan(process.memoryUsage.rss() / 2);
  collector?.close();
});
