import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { CollectContext } from "../../agent/collect/context.ts";
import { processCollector } from "../../agent/collect/processes/process-collector.ts";
import { ProcessGroups } from "../../agent/collect/processes/process-groups.ts";
import {
  type CgroupActivity,
  ProcessPlaces,
} from "../../agent/collect/processes/process-places.ts";
import { ProcessTable } from "../../agent/collect/processes/process-table.ts";
import { collectContext, faultCounts } from "../unit/collect/recording-sink.ts";
import { HostOnDisk, openFiles } from "./host-on-disk.ts";

const ID = "0123456789abcdef".repeat(4);
const MOUNTINFO = "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

/** CPU time and start are in ticks of the clock. */
const PROCESS = { command: "app", cpu: 0, pages: 0, start: 5, path: "/a.slice", flags: 0 };

function collectorOf(context: CollectContext, activity: (() => CgroupActivity[]) | null) {
  return processCollector(activity).create(context);
}

/** A host whose processes are files that the test writes. */
class Host extends HostOnDisk {
  readonly #collector;

  constructor(activity: (() => CgroupActivity[]) | null = null) {
    super();
    this.#collector = collectorOf(this.context, activity);
    onTestFinished(() => this.#collector.close());
  }

  put(pid: number, fields: Partial<typeof PROCESS>): void {
    const { command, cpu, pages, start, path, flags } = { ...PROCESS, ...fields };
    const stat = `${pid} (${command}) S 1 1 1 0 -1 ${flags} 0 0 0 0 ${cpu} 0 0 0 20 0 2 0 ${start} 9 ${pages} 1`;
    this.write(`proc/${pid}/stat`, stat);
    this.write(`proc/${pid}/cgroup`, `0::${path}\n`);
    this.write(`proc/${pid}/mountinfo`, MOUNTINFO);
  }

  end(pid: number): void {
    this.remove(`proc/${pid}`);
  }

  run(): Record<string, number> {
    const prefix = "telltale_process_group_";
    const values = [...this.sink.tick(this.#collector, 0)].filter(([key]) =>
      key.startsWith(prefix),
    );
    const nameOf = (key: string) => key.slice(prefix.length).replace(/, job="node"|, }/, "");
    return Object.fromEntries(values.map(([key, value]) => [nameOf(key), value]));
  }
}

test("processes of a command are added up, for each container by itself", () => {
  const host = new Host();
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
  const host = new Host();
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
  const host = new Host();
  host.put(1, { command: "sh", cpu: 100 });
  host.put(2, { command: "sh", cpu: 0 });
  host.run();
  host.put(1, { command: "java", cpu: 130 });
  const values = host.run();
  expect(values['cpu_seconds_total{command="sh"}']).toBe(1);
  expect(values['cpu_seconds_total{command="java"}']).toBe(0.3);
});

test("a group that ends has no series any more", () => {
  const host = new Host();
  host.put(1, { command: "once", cpu: 100 });
  host.put(2, { command: "stays", cpu: 100 });
  host.run();
  host.end(1);
  expect(Object.keys(host.run()).some((key) => key.includes("once"))).toBe(false);
  expect(host.sink.slots.filter(({ isRetired }) => isRetired)).toHaveLength(4);
});

test("what stands still in its cgroup is not read, and the cgroup's container gives the name", () => {
  let activity: CgroupActivity[] = [];
  const host = new Host(() => activity);
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
  const host = new Host();
  host.put(1, { cpu: 10 });
  for (let i = 0; i < 20; i += 1) host.run();
  host.put(1, { cpu: 30 });
  expect(host.run()['cpu_seconds_total{command="app"}']).toBe(0.3);
});

test("a container that used less CPU time than a jiffy has it in the same run", () => {
  let cpu = 1_000_000;
  const directory = () => join(host.root, "sys/fs/cgroup/docker", ID);
  const host: Host = new Host(() => [{ directory: directory(), containerName: "shop", cpu }]);
  const run = () => host.run()['cpu_seconds_total{command="app", container="shop"}'];
  host.put(1, { cpu: 10, path: `/docker/${ID}` });
  expect(run()).toBe(0.1);
  host.put(1, { cpu: 11, path: `/docker/${ID}` });
  cpu += 1;
  expect(run()).toBe(0.11);
});

test("the kernel's workers are one group, a program's name stays whole", () => {
  const host = new Host();
  host.put(1, { command: "kworker/0:1-events", cpu: 1, flags: 0x0020_0040 });
  host.put(2, { command: "kworker/u8:2", cpu: 1, flags: 0x0020_0040 });
  host.put(3, { command: "kworker/u8:2", cpu: 1 });
  const values = host.run();
  expect(values['processes{command="kworker"}']).toBe(2);
  expect(values['processes{command="kworker/u8:2"}']).toBe(1);
});

test("a malformed file is counted once and its process left out; the others go on", () => {
  const host = new Host();
  host.put(1, { cpu: 100 });
  host.put(2, { cpu: 50 });
  host.write("proc/2/stat", "2 (app) S 1 1");
  expect(host.run()['processes{command="app"}']).toBe(1);
  host.run();
  expect(host.faultCounts()).toEqual({ malformed: 1 });
});

test("of a crowd only some are looked at, fewer are kept open, and all are closed", () => {
  const host = new Host();
  for (let pid = 1; pid <= 30; pid += 1) host.put(pid, { command: `c${pid}`, cpu: pid });
  const before = openFiles().length;
  const context = collectContext(host.root);
  const places = new ProcessPlaces(context, null);
  const groups = new ProcessGroups({ topMax: 9, lingerRuns: 9, shownMax: 9, groupsMax: 9 });
  const limits = { processesMax: 20, heldMax: 10 };
  const table = new ProcessTable(context, "some", { places, groups }, limits);
  for (let run = 0; run < 3; run += 1) {
    table.read();
    expect(table.size).toBe(20);
    // The one more is the list of mounts.
    expect(openFiles().length - before).toBe(11);
  }
  expect(faultCounts(context)).toEqual({ limit: 3 });
  table.close();
  places.close();
  expect(openFiles()).toHaveLength(before);
});

test("a series of ended processes leaves no file open", () => {
  const host = new Host();
  host.put(1, {});
  host.run();
  const before = openFiles().length;
  for (let round = 0; round < 5; round += 1) {
    for (let pid = 2; pid < 12; pid += 1) host.put(pid, { start: round });
    host.run();
    for (let pid = 2; pid < 12; pid += 1) host.end(pid);
    host.run();
  }
  expect(openFiles()).toHaveLength(before);
});

test("on the machine of the test the test itself is found", () => {
  const context = collectContext();
  const collector = collectorOf(context, null);
  const values = [...context.sink.tick(collector, 0)];
  const own = (metric: string) =>
    values.filter(([key]) => new RegExp(`_${metric}{command="(?:node|MainT)`).test(key));
  expect(own("threads").some(([, value]) => value > 1)).toBe(true);
  expect(own("resident_memory_bytes")[0]?.[1]).toBeGreaterThan(process.memoryUsage.rss() / 2);
  collector.close();
});
