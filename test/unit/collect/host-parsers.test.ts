import { describe, expect, test } from "vitest";
import { counter } from "../../../agent/collect/collector.ts";
import { HOST_COLLECTORS } from "../../../agent/collect/host-collectors.ts";
import { ABSENT, ByteScanner } from "../../../agent/collect/kit/byte-scanner.ts";
import { lineParser } from "../../../agent/collect/kit/line-parser.ts";
import { RowTable } from "../../../agent/collect/kit/row-table.ts";
import { parseArp } from "../../../agent/collect/proc/arp.ts";
import { parseConntrackStat } from "../../../agent/collect/proc/conntrack.ts";
import { parseCpuinfo } from "../../../agent/collect/proc/cpuinfo.ts";
import { parseInterrupts } from "../../../agent/collect/proc/interrupts.ts";
import { parseSockets, SOCKETS_SIZE } from "../../../agent/collect/proc/net-sockets.ts";
import { HeadedLines } from "../../../agent/collect/proc/netstat.ts";
import { parseStat } from "../../../agent/collect/proc/processes.ts";
import { parseSchedstat, SCHEDSTAT_COLUMNS } from "../../../agent/collect/proc/schedstat.ts";
import { parseSockstat } from "../../../agent/collect/proc/sockstat.ts";
import { parseSoftnet, SOFTNET_COLUMNS } from "../../../agent/collect/proc/softnet.ts";
import { timexValues } from "../../../agent/collect/proc/timex.ts";
import { parseUdev } from "../../../agent/collect/sys/disk-facts.ts";
import {
  checkHostile,
  type NumbersOf,
  numbersOfRows,
  numbersOfValues,
  rowsOf,
  UNSET,
  type ValuesParser,
  valuesOf,
} from "./parsed.ts";

const SNMP = `Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 40078
Tcp: RtoAlgorithm MaxConn InSegs OutSegs
Tcp: 1 -1 33041 26728
`;
const snmp = () => new HeadedLines(["Ip Forwarding", "Tcp InSegs", "Tcp OutSegs", "Tcp Nothing"]);

describe("net/snmp and net/netstat", () => {
  function reader() {
    const lines = snmp();
    const parse: ValuesParser = (scan, values) => lines.parse(scan, values);
    return (text: string) => valuesOf(parse, text, 4);
  }

  test("numbers are found by the names above them, and a negative one that is not wanted is none of ours", () => {
    const read = reader();
    expect(read(SNMP)).toEqual({ values: [1, 33041, 26728, UNSET], malformed: 0 });
    // The second time the names are only compared.
    expect(read(SNMP.replace("33041", "33042")).values).toEqual([1, 33042, 26728, UNSET]);
  });

  test("other names than the last time are read anew", () => {
    const read = reader();
    read(SNMP);
    const other = SNMP.replace("InSegs OutSegs", "OutSegs InSegs");
    expect(read(other).values).toEqual([1, 26728, 33041, UNSET]);
  });

  test("a wanted number that is none is counted", () => {
    const text = SNMP.replace("33041", "-5");
    expect(reader()(text)).toEqual({ values: [1, ABSENT, 26728, UNSET], malformed: 1 });
  });
});

const SOCKSTAT = `sockets: used 21
TCP: inuse 6 orphan 0 tw 1 alloc 7 mem 127
FRAG: inuse 0 memory 0
NEW: inuse 5
`;
const FIELDS = ["sockets used", "TCP inuse", "TCP mem", "FRAG memory", "UDP inuse"];

test("net/sockstat: numbers by group and name", () => {
  const numbers = parseSockstat(SOCKSTAT);
  expect(FIELDS.map((field) => numbers.get(field))).toEqual([21, 6, 127, 0, undefined]);
  expect([...parseSockstat("TCP: inuse\nTCP inuse 3\nTCP:\nUDP: mem x")]).toEqual([
    ["UDP mem", -1],
  ]);
});

const SOFTNET = `000009bf 00000001 00000002 00000000 00000000 00000000 00000000 00000000 00000003 00000004 00000005 00000006 00000000 00000000 00000000
00007A54 00000000 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000c 00000000 00000000
`;

test("net/softnet_stat: a line bears its CPU's number, or counts where the kernel is older", () => {
  const { rows } = rowsOf(parseSoftnet, SOFTNET, new RowTable(SOFTNET_COLUMNS));
  expect(Object.keys(rows)).toEqual(["0", "12"]);
  expect(rows["0"]).toEqual([0x9bf, 1, 2, 0, 0, 0, 0, 0, 3, 4, 5, 6]);
  expect(rows["12"]?.[0]).toBe(0x7a54);
  const text = "00000001 00000002 00000003\n00000004 0 0\n";
  const { rows: old } = rowsOf(parseSoftnet, text, new RowTable(SOFTNET_COLUMNS));
  expect(Object.keys(old)).toEqual(["0", "1"]);
  expect(old["1"]?.slice(0, 4)).toEqual([4, 0, 0, ABSENT]);
});

const ARP = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         02:fc:00:00:00:02     *        eth0
10.0.0.2         0x1         0x2         02:fc:00:00:00:03     *        br-1
10.0.0.3         0x1         0x2         02:fc:00:00:00:04     *        eth0
10.0.0.4         0x1
`;

test("net/arp: entries are counted by device, whatever their order", () => {
  expect(rowsOf(parseArp, ARP, new RowTable(1)).rows).toEqual({ eth0: [2], "br-1": [1] });
});

const SCHEDSTAT = `version 15
timestamp 4302077917
cpu0 1 2 3 4 5 6 2045936778163039 343796328169361 4767485306
domain0 00000000,00000003 212499247
cpu1 0 0 0 0 0 0 1904686152592476 364107263788241 5145567945
`;

test("schedstat: times of each CPU in nanoseconds", () => {
  expect(rowsOf(parseSchedstat, SCHEDSTAT, new RowTable(SCHEDSTAT_COLUMNS)).rows).toEqual({
    "0": [2045936778163039, 343796328169361, 4767485306],
    "1": [1904686152592476, 364107263788241, 5145567945],
  });
});

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 2740 1
   1: 0F02000A:0016 0202000A:8B6B 01 00000015:0000000a 02:000AC99B 00000000     0        0 3652 4
   2: 0F02000A:0016 0202000A:8B6C 01 00000000:00000000 02:000AC99B 00000000     0        0 3653 4
   3: 0F02000A:0016 0202000A:8B6D FF 00000000:00000000 02:000AC99B 00000000     0        0 3653 4
`;

test("net/tcp: sockets by state, and what waits in their queues; one of an unknown state does not vanish", () => {
  const { values, malformed } = valuesOf(parseSockets, TCP, SOCKETS_SIZE);
  const [tx, rx, ...states] = values.map((value) => value - UNSET); // added to what was there
  expect([malformed, tx, rx]).toEqual([0, 0x15, 0xb]);
  expect([states[1], states[10], states[13]]).toEqual([2, 1, 1]);
});

const CONNTRACK = `entries  clashres found new invalid drop
00000021  00000000 00000005 00000000 0000000a 00000000
00000021  00000000 00000001 00000000 00000002 00000003
`;

test("net/stat/nf_conntrack: hexadecimal numbers are added up over the CPUs by their names", () => {
  const read = (text: string) => valuesOf(parseConntrackStat, text, 7).values;
  const unset = [UNSET, UNSET, UNSET];
  expect(read(CONNTRACK)).toEqual([6, 12, ...unset, 3, UNSET]);
  // Another kernel, other columns.
  const other = CONNTRACK.replace("invalid drop", "drop invalid");
  expect(read(other)).toEqual([6, 3, ...unset, 12, UNSET]);
});

const NFSD = `rc 0 6 18622
th 8 0 0.000 0.000
proc3 22 2 112 0
proc4ops 72 0 0 0 1098 2
`;
const numbers = (count: number) => Array.from({ length: count }, () => counter("a", "b"));
const nfsd = lineParser([
  ["rc", 0, ...numbers(3)],
  ["th", 0, ...numbers(1)],
  ["proc3", 2, ...numbers(2)],
  ["proc4ops", 4, ...numbers(3)],
]);

test("lines told by their first word: what is missing behind is absent", () => {
  expect(valuesOf(nfsd, NFSD, 9).values).toEqual([0, 6, 18622, 8, 112, 0, 1098, 2, ABSENT]);
});

const INTERRUPTS = `           CPU0       CPU2
  0:         28          1  IO-APIC   2-edge      timer
 25:          0        999  PCI-MSI-0000:00:03.0   0-edge      virtio1-config, two
NMI:          5          6   Non-maskable interrupts
ERR:          3
 26:          x          1  bad
`;

test("interrupts: a row per CPU that is online", () => {
  const interrupts = parseInterrupts(INTERRUPTS);
  expect(interrupts).toHaveLength(6);
  expect(interrupts[3]).toEqual({
    cpu: "2",
    type: "25",
    text: "PCI-MSI-0000:00:03.0",
    devices: "0-edge virtio1-config, two",
    count: 999,
  });
  expect(interrupts[4]).toEqual({
    cpu: "0",
    type: "NMI",
    text: "Non-maskable interrupts",
    devices: "",
    count: 5,
  });
});

const CPUINFO = `processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: A CPU: with a colon\nphysical id\t: 0\n
processor\t: 1\nvendor_id\t: AuthenticAMD\n`;

test("cpuinfo: the labels of each CPU", () => {
  expect(parseCpuinfo(CPUINFO)).toMatchObject([
    { cpu: "0", vendor: "AuthenticAMD", model_name: "A CPU: with a colon", package: "0", core: "" },
    { cpu: "1", vendor: "AuthenticAMD", package: "" },
  ]);
});

test("udev's database: only properties, and what follows the first equals sign", () => {
  const properties = parseUdev("S:disk/by-id/x\nE:ID_MODEL=A=B\nE:=x\nE:EMPTY=\nI:12");
  expect([...properties]).toEqual([
    ["ID_MODEL", "A=B"],
    ["EMPTY", ""],
  ]);
});

const STAT = "12 (a) b (c) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 0 123\n";

test("a process's name may hold brackets and spaces", () => {
  expect(parseStat(STAT)).toEqual({ state: "R", threads: 3 });
  for (const text of ["", "12 (a) R 1", "12"]) expect(parseStat(text)).toBeNull();
  // A word that no kernel has yet: the process is there.
  expect(parseStat(STAT.replace(" R ", " RR "))).toEqual({ state: "unknown", threads: 3 });
});

test("struct timex: units follow the status, and offsets may be negative", () => {
  const bytes = Buffer.alloc(208);
  bytes.writeBigInt64LE(-1500n, 8);
  bytes.writeBigInt64LE(BigInt(-65_536 * 20), 16);
  bytes.writeInt32LE(0x2001, 40);
  bytes.writeBigInt64LE(10_000n, 88);
  bytes.writeInt32LE(37, 160);
  const values = timexValues(bytes, 0);
  expect(values.slice(0, 3)).toEqual([1, -1.5e-6, 1 - 20 / 1e6]);
  expect(values[7]).toBe(0.01);
  expect(values.at(-1)).toBe(37);
  bytes.writeInt32LE(64, 40);
  expect(timexValues(bytes, 5).slice(0, 2)).toEqual([0, -1.5e-3]);
});

test.each([
  ["ff:", 255, 0],
  [" 0000000A\t", 10, 0],
  ["", -1, 0],
  ["fg", -1, 1],
  ["0x1", -1, 1],
  ["11112222333344445", -1, 1],
])("the hexadecimal number of %j is %d", (text, expected, malformed) => {
  const scan = new ByteScanner(Buffer.from(text), text.length);
  expect(scan.hex()).toBe(expected);
  expect(scan.malformed).toBe(malformed);
});

test("every collector of the list bears its own name, once", () => {
  const names = HOST_COLLECTORS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(
    HOST_COLLECTORS.filter(({ isOnByDefault }) => !isOnByDefault).map(({ name }) => name),
  ).toEqual(["cpu_info", "interrupts", "processes"]);
});

describe("whatever a file holds, its parser never throws, gives no NaN and ends", () => {
  const lines = snmp();
  const cases: [string, string, NumbersOf][] = [
    ["snmp", SNMP, numbersOfValues((scan, values) => lines.parse(scan, values), 4)],
    ["softnet", SOFTNET, numbersOfRows(parseSoftnet, SOFTNET_COLUMNS)],
    ["arp", ARP, numbersOfRows(parseArp, 1)],
    ["schedstat", SCHEDSTAT, numbersOfRows(parseSchedstat, SCHEDSTAT_COLUMNS)],
    ["tcp", TCP, numbersOfValues(parseSockets, SOCKETS_SIZE)],
    ["conntrack", CONNTRACK, numbersOfValues(parseConntrackStat, 7)],
    ["nfsd", NFSD, numbersOfValues(nfsd, 9)],
    ["interrupts", INTERRUPTS, (b) => parseInterrupts(String(b)).map(({ count }) => count)],
    ["sockstat", SOCKSTAT, (b) => [...parseSockstat(String(b)).values()]],
    ["stat", STAT, (b) => [parseStat(String(b))?.threads ?? 0]],
    ["cpuinfo", CPUINFO, (b) => [parseCpuinfo(String(b)).length]],
    ["udev", "E:ID_MODEL=A\nE:DM_NAME=b", (b) => [parseUdev(String(b)).size]],
  ];

  test.each(cases)("%s", (_, original, numbersOf) => checkHostile(original, numbersOf), 5000);
});
