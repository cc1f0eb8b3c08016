import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HOST_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import { spaceOf } from "../../agent/collect/kit/statfs.ts";
import { filesystemCollector } from "../../agent/collect/proc/filesystem.ts";
import { meminfoCollector } from "../../agent/collect/proc/meminfo.ts";
import { timexCollector } from "../../agent/collect/proc/timex.ts";
import { OperationalError } from "../../shared/errors.ts";
import { settle } from "../support/fake-clock.ts";
import { HostOnDisk } from "./host-on-disk.ts";

const START_MS = 1_782_000_000_000;
function withoutJob(series: string): string {
  return series.replace(/, job="node"|job="node", |\{job="node"\}/, "");
}

/** What a collector of the list sets at a tick, and how it is closed. */
function collectorOf(host: HostOnDisk, name: string) {
  const collector = HOST_COLLECTORS.find((entry) => entry.name === name)?.create(host.context);
  if (collector === undefined) throw new Error(`no collector ${name}`);
  expect(collector.name).toBe(name);
  const run = (nowMs = START_MS) => {
    const values = [...host.sink.tick(collector, nowMs)];
    return Object.fromEntries(values.map(([series, value]) => [withoutJob(series), value]));
  };
  return { run, close: () => collector.close() };
}

describe("what a host lacks is no failure", () => {
  test.each(HOST_COLLECTORS.map(({ name }) => [name]))("%s on a host of nothing", (name) => {
    const { run, close } = collectorOf(new HostOnDisk(), name);
    const needsFile = ["netstat", "sockstat", "softnet", "entropy", "disk_facts"];
    const needsOne = [...needsFile, "cpu_info", "interrupts"];
    if (needsOne.includes(name)) expect(run).toThrow(/is not there/);
    else expect(run).not.toThrow();
    close();
  });

  test("a module that is loaded later is found within a minute, and not asked for before", () => {
    const host = new HostOnDisk();
    const { run } = collectorOf(host, "conntrack");
    expect(run()).toEqual({});
    host.write("proc/sys/net/netfilter/nf_conntrack_count", "12\n");
    expect(run(START_MS + 59_000)).toEqual({});
    expect(run(START_MS + 60_000)).toEqual({ node_nf_conntrack_entries: 12 });
    expect(run(START_MS + 61_000)).toEqual({ node_nf_conntrack_entries: 12 });
  });
});

describe("file systems", () => {
  const answer = async () => spaceOf(4096n, [10n, 5n, 4n, 3n, 2n]);
  const mounted = async (mountinfo: string) => {
    const host = new HostOnDisk({ "proc/1/mountinfo": mountinfo });
    const collector = filesystemCollector(host.context, answer);
    collector.collect(START_MS);
    await settle();
    const values = Object.fromEntries(host.sink.tick(collector, START_MS + 1000));
    collector.close();
    return { host, values };
  };
  const overlay = (index: number) =>
    `${index} 1 0:${index} / /var/lib/docker/overlay2/${index}/merged rw - overlay overlay ` +
    `rw,lowerdir=${"/var/lib/docker/overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ:".repeat(15)}\n`;
  const TMPFS = "9 1 0:9 / /run rw - tmpfs tmpfs rw\n";
  const SIZE =
    'node_filesystem_size_bytes{device="tmpfs", fstype="tmpfs", job="node", mountpoint="/run"}';

  test.each([
    ["rw,relatime", "rw,emergency_ro", 1],
    ["rw,relatime", "rw,shutdown", 1],
    ["rw,relatime", "ro", 1],
    ["ro,relatime", "rw", 1],
    ["rw,relatime", "rw,errors=remount-ro", 0],
  ])("a mount %s of a file system %s is read-only: %d", async (mount, fileSystem, expected) => {
    const line = `9 1 8:1 / /data ${mount} - ext4 /dev/sds1 ${fileSystem}\n`;
    const { values } = await mounted(line);
    const readonly = Object.entries(values).find(([name]) => name.includes("_readonly"));
    expect(readonly?.[1]).toBe(expected);
  });

  test("mounts of 1,900 containers, 1.7 MB, do not hide the mounts behind them", async () => {
    const { values } = await mounted(
      Array.from({ length: 1900 }, (_, index) => overlay(index)).join("") + TMPFS,
    );
    expect(values[SIZE]).toBe(40_960);
  });

  test("of too many mounts the first count, and those left out are counted", async () => {
    const many = Array.from({ length: 10_002 }, (_, index) => overlay(index)).join("");
    const { host, values } = await mounted(TMPFS + many);
    expect(values[SIZE]).toBe(40_960);
    expect(host.faultCounts()).toEqual({ limit: 3 });
  });
});

const auxv = Buffer.alloc(32);
auxv.writeBigUInt64LE(33n, 0);
auxv.writeBigUInt64LE(6n, 16);
auxv.writeBigUInt64LE(65_536n, 24);

test.each([
  [
    "the network is that of the host's first process, not of the agent's container",
    {
      "proc/net/sockstat": "sockets: used 1\n",
      "proc/1/net/sockstat": "sockets: used 2\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 3\n",
    },
    { node_sockstat_sockets_used: 2, node_sockstat_TCP_mem_bytes: 3 * 4096 },
  ],
  [
    "memory of sockets is in pages, and the kernel says how large they are",
    {
      "proc/net/sockstat": "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 3\n",
      "proc/self/auxv": auxv,
    },
    { node_sockstat_TCP_mem_bytes: 3 * 65_536 },
  ],
])("%s", (_, files, expected) => {
  expect(collectorOf(new HostOnDisk(files), "sockstat").run()).toMatchObject(expected);
});

test("a number that is none is left out and counted, the rest goes on", () => {
  const host = new HostOnDisk({
    "proc/net/snmp": "Tcp: InSegs OutSegs\nTcp: junk 7\n",
    "proc/net/netstat": "",
  });
  expect(collectorOf(host, "netstat").run()).toEqual({ node_netstat_Tcp_OutSegs: 7 });
  expect(host.faultCounts()).toEqual({ malformed: 1 });
});

describe("netclass", () => {
  const device = (name: string) => ({
    [`sys/class/net/${name}/operstate`]: "up\n",
    [`sys/class/net/${name}/flags`]: "0x1003\n",
    [`sys/class/net/${name}/mtu`]: "1500\n",
    [`sys/class/net/${name}/speed`]: "1000\n",
    [`sys/class/net/${name}/address`]: "02:00:00:00:00:01\n",
    [`sys/class/net/${name}/carrier_changes`]: "2\n",
  });

  test("tells numbers, facts and changes of a device, and nothing of one that is gone", () => {
    const host = new HostOnDisk({ ...device("eth0"), "sys/class/net/bonding_masters": "bond0\n" });
    const { run } = collectorOf(host, "netclass");
    const first = run();
    expect(first).toMatchObject({
      'node_network_up{device="eth0"}': 1,
      'node_network_flags{device="eth0"}': 0x1003,
      'node_network_speed_bytes{device="eth0"}': 125_000_000,
      'node_network_info{address="02:00:00:00:00:01", device="eth0", operstate="up"}': 1,
    });
    expect(run(START_MS + 1000)).toEqual(first);
    host.write("sys/class/net/eth0/operstate", "down\n");
    host.write("sys/class/net/eth0/speed", "-1\n");
    const later = run(START_MS + 5000);
    expect(later).toMatchObject({
      'node_network_up{device="eth0"}': 0,
      'node_network_info{address="02:00:00:00:00:01", device="eth0", operstate="down"}': 1,
    });
    expect(later).not.toHaveProperty('node_network_speed_bytes{device="eth0"}');
    host.remove("sys/class/net/eth0");
    expect(run(START_MS + 10_000)).toEqual({});
    expect(host.sink.liveCount).toBe(0);
  });

  test("a speed that nobody knows, 4294967295, is no series", () => {
    const host = new HostOnDisk(device("eth0"));
    host.write("sys/class/net/eth0/speed", "4294967295\n");
    const values = collectorOf(host, "netclass").run();
    expect(values).not.toHaveProperty('node_network_speed_bytes{device="eth0"}');
    expect(values).toHaveProperty('node_network_mtu_bytes{device="eth0"}');
  });

  test("of hundreds of devices all are known at first; then some are read in each tick", () => {
    const names = Array.from({ length: 40 }, (_, index) => `veth${index}`);
    const host = new HostOnDisk(Object.assign({}, ...names.map(device)));
    const { run } = collectorOf(host, "netclass");
    const upCount = (values: Record<string, number>) =>
      Object.entries(values).filter(([key, value]) => key.startsWith("node_network_up") && value)
        .length;
    expect(upCount(run())).toBe(40);
    for (const name of names) host.write(`sys/class/net/${name}/operstate`, "down\n");
    const seconds = [5, 6, 7, 8, 9];
    expect(seconds.map((second) => upCount(run(START_MS + second * 1000)))).toEqual([
      32, 24, 16, 8, 0,
    ]);
  });
});

const CPU3 = "sys/devices/system/cpu/cpu3";
const topology = (cpu: number, socket: string, core: string) => ({
  [`sys/devices/system/cpu/cpu${cpu}/topology/physical_package_id`]: `${socket}\n`,
  [`sys/devices/system/cpu/cpu${cpu}/topology/core_id`]: `${core}\n`,
});
const processStat = (state: string) => `7 (x y) ${state} ${"1 ".repeat(16)}3 0 0\n`;

test.each<[string, string, Record<string, string>, Record<string, number>]>([
  [
    "disks are what udev says they are",
    "disk_facts",
    {
      "proc/diskstats":
        "   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n   8  1 sda1 1 2 3 4 5 6 7 8 9 10 11\n",
      "run/udev/data/b8:0": "E:ID_MODEL=Fast\nE:ID_ATA_ROTATION_RATE_RPM=0\nE:ID_FS_TYPE=ext4\n",
    },
    {
      'node_disk_info{device="sda", major="8", minor="0", model="Fast"}': 1,
      'node_disk_filesystem_info{device="sda", type="ext4"}': 1,
      'node_disk_ata_rotation_rate_rpm{device="sda"}': 0,
    },
  ],
  [
    "frequencies of CPUs are in hertz",
    "cpufreq",
    {
      [`${CPU3}/cpufreq/scaling_cur_freq`]: "2400000\n",
      [`${CPU3}/cpufreq/cpuinfo_max_freq`]: "<unknown>\n",
    },
    { 'node_cpu_scaling_frequency_hertz{cpu="3"}': 2.4e9 },
  ],
  [
    "throttling of CPUs is by core and package",
    "cpu_throttles",
    {
      [`${CPU3}/thermal_throttle/core_throttle_count`]: "5\n",
      [`${CPU3}/thermal_throttle/package_throttle_count`]: "6\n",
      ...topology(3, "0", "1"),
    },
    {
      'node_cpu_core_throttles_total{core="1", package="0"}': 5,
      'node_cpu_package_throttles_total{package="0"}': 6,
    },
  ],
  ["SELinux is off where there is none", "selinux", {}, { node_selinux_enabled: 0 }],
  [
    "SELinux has a mode now, and one in its configuration",
    "selinux",
    {
      "sys/fs/selinux/enforce": "0",
      "etc/selinux/config": "# SELINUX=disabled\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
    },
    { node_selinux_enabled: 1, node_selinux_config_mode: 1, node_selinux_current_mode: 0 },
  ],
  [
    "processes are counted by state, and what is not a process is none",
    "processes",
    {
      "proc/7/stat": processStat("S"),
      "proc/8/stat": processStat("R"),
      "proc/9/status": "ended meanwhile",
      "proc/sys/kernel/pid_max": "32768\n",
    },
    {
      node_processes_threads: 6,
      node_processes_pids: 2,
      node_processes_max_processes: 32768,
      'node_processes_state{state="R"}': 1,
      'node_processes_state{state="S"}': 1,
    },
  ],
  [
    "cores are counted by their package, threads of a core once, CPUs that are off not at all",
    "machine",
    {
      ...topology(0, "0", "0"),
      ...topology(1, "0", "1"),
      ...topology(2, "1", "0"),
      ...topology(3, "0", "0"),
      "sys/devices/system/cpu/cpu4/online": "0\n",
      "sys/devices/system/cpu/cpufreq/x": "",
    },
    {
      'machine_cpu_physical_cores{job="cadvisor"}': 3,
      'machine_cpu_sockets{job="cadvisor"}': 2,
    },
  ],
  [
    "the package -1 of some kernels is one",
    "machine",
    { ...topology(0, "-1", "0"), ...topology(1, "-1", "1") },
    {
      'machine_cpu_physical_cores{job="cadvisor"}': 2,
      'machine_cpu_sockets{job="cadvisor"}': 1,
    },
  ],
])("%s", (_, name, files, expected) => {
  expect(collectorOf(new HostOnDisk(files), name).run()).toEqual(expected);
});

test("NFS: client and server, by version and method", () => {
  const host = new HostOnDisk({
    "proc/net/rpc/nfs": "net 70 70 69 45\nrpc 1218785755 374636 1218815394\nproc3 3 1 2 3\n",
    "proc/net/rpc/nfsd": "net 18628 0 18628 6\nrpc 18628 7 1 2 4\nproc4ops 40 0 0 0 1098\n",
  });
  expect(collectorOf(host, "nfs").run()).toMatchObject({
    'node_nfs_packets_total{protocol="udp"}': 70,
    node_nfs_connections_total: 45,
    node_nfs_rpc_retransmissions_total: 374636,
    'node_nfs_requests_total{method="SetAttr", proto="3"}': 3,
  });
  expect(collectorOf(host, "nfsd").run()).toMatchObject({
    'node_nfsd_packets_total{proto="tcp"}': 18628,
    node_nfsd_server_rpcs_total: 18628,
    'node_nfsd_rpc_errors_total{error="fmt"}': 1,
    'node_nfsd_rpc_errors_total{error="cInt"}': 4,
    'node_nfsd_requests_total{method="Access", proto="4"}': 1098,
  });
});

test("XFS: by file system, with the writes where the kernel writes them, and gone with it", () => {
  const host = new HostOnDisk({
    "sys/fs/xfs/dm-0/stats/stats": "extent_alloc 1 2 3 4\nrw 28 12\n",
    "sys/fs/xfs/stats/stats": "extent_alloc 9 9 9 9\n",
  });
  const { run } = collectorOf(host, "xfs");
  const values = run();
  expect(values).toMatchObject({
    'node_xfs_extent_allocation_blocks_freed_total{device="dm-0"}': 4,
    'node_xfs_write_calls_total{device="dm-0"}': 28,
    'node_xfs_read_calls_total{device="dm-0"}': 12,
  });
  expect(Object.keys(values)).toHaveLength(6);
  host.remove("sys/fs/xfs/dm-0");
  expect(run()).toEqual({});
  expect(host.sink.liveCount).toBe(0);
});

test("time zone: the link is followed below the host's root", () => {
  const host = new HostOnDisk({ "etc/x": "", "usr/share/zoneinfo/Some/Where": "TZif" });
  symlinkSync("/usr/share/zoneinfo/Some/Where", join(host.root, "etc/localtime"));
  // No zone: the file is cut off, so it is UTC; and the agent's own was not asked.
  expect(collectorOf(host, "time_zone").run()).toEqual({
    'node_time_zone_offset_seconds{time_zone="UTC"}': 0,
  });
});

describe("tcpstat", () => {
  const line = (state: string) =>
    `   0: 00000000:0016 00000000:0000 ${state} 00000001:00000002 00:00000000 00000000 0 0 2740 1\n`;

  test("counts states over both tables, in pieces", () => {
    const count = 400;
    const host = new HostOnDisk({
      "proc/net/sockstat": `TCP: inuse ${count} orphan 0 tw 0 alloc 6 mem 1\n`,
      "proc/net/sockstat6": "TCP6: inuse 1\n",
      "proc/net/tcp": `  sl  heading\n${line("01").repeat(count)}`,
      "proc/net/tcp6": `  sl  heading\n${line("0A")}`,
    });
    expect(collectorOf(host, "tcpstat").run()).toMatchObject({
      'node_tcp_connection_states{state="established"}': count,
      'node_tcp_connection_states{state="listen"}': 1,
      'node_tcp_connection_states{state="close_wait"}': 0,
      'node_tcp_connection_states{state="rx_queued_bytes"}': 2 * (count + 1),
    });
  });

  test("does not look at tens of thousands of sockets", () => {
    const host = new HostOnDisk({
      "proc/net/sockstat": "TCP: inuse 4000 orphan 0 tw 30000 alloc 6 mem 1\n",
      "proc/net/tcp": line("01"),
    });
    expect(collectorOf(host, "tcpstat").run).toThrow("34000 TCP sockets are more than 5000");
  });
});

describe("timex", () => {
  test("a call that is refused is a failure of the collector, and is tried again", () => {
    const { context, sink } = new HostOnDisk();
    let isAllowed = false;
    const collector = timexCollector(context, () => (timex) => {
      if (!isAllowed) throw new OperationalError("UNAVAILABLE", "refused");
      timex.writeBigInt64LE(-2_000_000n, 8);
      return 0;
    });
    expect(() => collector.collect(0)).toThrow("refused");
    expect(sink.values().size).toBe(0);
    isAllowed = true;
    collector.collect(10_000);
    expect(sink.values().get('node_timex_offset_seconds{job="node"}')).toBe(-2);
    expect(sink.values().size).toBe(17);
  });
});

test("the machine has the memory of its NUMA nodes; a number that is none is left out", () => {
  const node = "sys/devices/system/node/node0";
  const host = new HostOnDisk({
    [`${node}/meminfo`]: "Node 0 MemTotal:       1024 kB\nNode 0 MemFree: 1 kB\n",
    [`${node}/hugepages/hugepages-2048kB/nr_hugepages`]: "12\n",
    [`${node}/hugepages/hugepages-1048576kB/nr_hugepages`]: "junk\n",
    "sys/devices/system/node/node1/meminfo": "Node 1 MemTotal: lots kB\n",
  });
  const { run } = collectorOf(host, "machine");
  const expected = {
    'machine_node_hugepages_count{job="cadvisor", node_id="0", page_size="2048"}': 12,
    'machine_node_memory_capacity_bytes{job="cadvisor", node_id="0"}': 1024 * 1024,
  };
  expect(run()).toEqual(expected);
  host.remove(`${node}/hugepages`);
  expect(Object.keys(run())).toHaveLength(1);
});

test("the machine's memory and swap are told under cAdvisor's names as well", () => {
  const host = new HostOnDisk({ "proc/meminfo": "MemTotal: 1000 kB\nSwapTotal: 20 kB\n" });
  const collector = meminfoCollector(host.context);
  expect(Object.fromEntries(host.sink.tick(collector, START_MS))).toMatchObject({
    'machine_memory_bytes{job="cadvisor"}': 1_024_000,
    'machine_swap_bytes{job="cadvisor"}': 20_480,
  });
  collector.close();
});
