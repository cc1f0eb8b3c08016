import { describe, expect, test } from "vitest";
import {
  parseCpuLimit,
  parseCpuWeight,
  parseMemoryLimit,
} from "../../../agent/collect/cgroup/cgroup-files.ts";
import { parseBlkio, parseIoStat } from "../../../agent/collect/cgroup/cgroup-io.ts";
import { ABSENT, ByteScanner } from "../../../agent/collect/kit/byte-scanner.ts";
import { KeyTable, parseKeyValues } from "../../../agent/collect/kit/key-table.ts";
import { RowTable } from "../../../agent/collect/kit/row-table.ts";
import { DISK_COLUMNS, parseDiskstats } from "../../../agent/collect/proc/diskstats.ts";
import { parseFileNr, parseLoadavg } from "../../../agent/collect/proc/kernel-numbers.ts";
import { parseMeminfo } from "../../../agent/collect/proc/meminfo.ts";
import { parseMountinfo } from "../../../agent/collect/proc/mounts.ts";
import { parseNetdev } from "../../../agent/collect/proc/net-dev.ts";
import { parsePressure } from "../../../agent/collect/proc/pressure.ts";
import { CPU_COLUMNS, parseProcStat } from "../../../agent/collect/proc/stat.ts";
import { type RowsParser, rowsOf, UNSET, type ValuesParser, valuesOf } from "./parsed.ts";

function scanner(text: string): ByteScanner {
  const bytes = Buffer.from(text);
  return new ByteScanner(bytes, bytes.length);
}

describe("numbers", () => {
  test.each([
    ["0", 0],
    ["  42\n", 42],
    ["9007199254740993 ", 9007199254740992],
    ["9223372036854775807", 2 ** 63],
    ["18446744073709551615\n", 2 ** 64],
    ["123456789012345678901", ABSENT], // no counter of the kernel has 21 digits
    ["12x", ABSENT],
    ["-1", ABSENT],
    ["max", ABSENT],
    ["", ABSENT],
  ])("the whole number of %j is %d", (text, expected) => {
    expect(scanner(text).count()).toBe(expected);
  });

  test("a word that is no number is counted and stepped over", () => {
    const scan = scanner("12x 34");
    expect([scan.count(), scan.count(), scan.malformed]).toEqual([ABSENT, 34, 1]);
  });

  test.each([
    ["0.45", 45],
    ["12.30 ", 1230],
    ["7", 700],
    ["1.239", 123],
    ["1.2.3", ABSENT],
    [".5", ABSENT],
    ["x", ABSENT],
  ])("%j in hundredths is %d", (text, expected) => {
    expect(scanner(text).decimal(2)).toBe(expected);
  });
});

describe("key value files", () => {
  const table = new KeyTable([
    ["anon", 0],
    ["file", 1],
    ["file_mapped", 2],
  ]);

  const read = (text: string) =>
    valuesOf((scan, values) => parseKeyValues(scan, table, values), text, 3);

  test("wanted keys are found wherever they stand, others are skipped", () => {
    expect(read("pgfault 9\nfile_mapped 3\nfilex 8\nfile 2\nanon 1")).toEqual({
      values: [1, 2, 3],
      malformed: 0,
    });
  });

  test("a key that the kernel no longer shows is absent, not what it last was", () => {
    expect(read("anon 1\n").values).toEqual([1, ABSENT, ABSENT]);
  });

  test("a bad line leaves out its own value only", () => {
    const text = "anon 1\nfile 2y\n\n \nfile_mapped 3\n";
    expect(read(text)).toEqual({ values: [1, ABSENT, 3], malformed: 1 });
  });
});

describe("/proc/stat", () => {
  const TEXT =
    "cpu  10 20 30 40 50 60 70 80 90 100\n" +
    "cpu0 1 2 3 4 5 6 7 8 9 10\n" +
    "cpu11 11 2 3 4 5 6 7 8\n" +
    "intr 55 1 2 3 4 5 6\nctxt 66\nbtime 77\nprocesses 88\nprocs_running 2\nprocs_blocked 0\n" +
    "softirq 5 1 2\n";

  test("gives each CPU and the totals, and not the sum of all CPUs", () => {
    const totals = new Float64Array(6);
    const parse: RowsParser = (scan, table) => parseProcStat(scan, table, totals);
    const { rows, malformed } = rowsOf(parse, TEXT, new RowTable(CPU_COLUMNS));
    expect(rows).toEqual({
      0: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      11: [11, 2, 3, 4, 5, 6, 7, 8, ABSENT, ABSENT],
    });
    expect([[...totals], malformed]).toEqual([[55, 66, 77, 88, 2, 0], 0]);
  });
});

describe("tables", () => {
  test("meminfo tells kB from counts", () => {
    const text = "MemTotal:  100 kB\nActive(anon):  7 kB\nHugePages_Free: 3\nbroken\n: 5\n";
    expect(rowsOf(parseMeminfo, text, new RowTable(2)).rows).toEqual({
      MemTotal: [100, 1],
      "Active(anon)": [7, 1],
      HugePages_Free: [3, 0],
    });
  });

  test("net/dev: a number may touch the colon", () => {
    const heading = "Inter-|   Receive\n face |bytes packets\n";
    const text = `${heading}    lo:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  eth0.5: 9\n`;
    const { rows } = rowsOf(parseNetdev, text, new RowTable(16));
    expect(rows["lo"]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    expect(rows["eth0.5"]?.slice(0, 2)).toEqual([9, ABSENT]);
  });

  test("net/dev: a name that holds a colon is not the device whose name it begins with", () => {
    const text = "vlan7: 777000 5\nvlan7:1: 0 0\nvlan7:2:9 8\n";
    const { rows } = rowsOf(parseNetdev, text, new RowTable(16));
    const first = Object.entries(rows).map(([name, values]) => [name, ...values.slice(0, 2)]);
    expect(first).toEqual([
      ["vlan7", 777_000, 5],
      ["vlan7:1", 0, 0],
      ["vlan7:2", 9, 8],
    ]);
  });

  test("of two rows with one key neither is lost, nor do they change places", () => {
    const table = new RowTable(16);
    const read = (...names: string[]) => {
      const lines = names.map((name, index) => `${name}: ${index + 1} 0\n`);
      const { rows } = rowsOf(parseNetdev, lines.join(""), table);
      return Object.entries(rows).map(([key, [value]]) => `${key} ${value}`);
    };
    for (let time = 0; time < 2; time += 1) {
      expect(read("a", "a", "b")).toEqual(["a 1", "a#2 2", "b 3"]);
      expect(read("a", "b", "a", "a")).toEqual(["a 1", "b 2", "a#2 3", "a#3 4"]);
    }
  });

  test("diskstats of an old kernel has no discards and no flushes", () => {
    const text = " 254 0 vda 1 2 3 4 5 6 7 8 9 10 11\n";
    const { rows } = rowsOf(parseDiskstats, text, new RowTable(DISK_COLUMNS + 2));
    const absent = Array(6).fill(ABSENT);
    expect(rows["vda"]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...absent, 254, 0]);
  });

  test("rows that come, go and change places keep their values apart", () => {
    const table = new RowTable(16);
    const line = (name: string, bytes: number) => `${name}: ${bytes} 0\n`;
    rowsOf(parseNetdev, line("a", 1) + line("b", 2) + line("c", 3), table);
    const next = rowsOf(parseNetdev, line("c", 30) + line("d", 40) + line("a", 10), table);
    expect(next.gone).toEqual(["b"]);
    expect(table.rows.map((row) => [row.key, row.values[0]])).toEqual([
      ["c", 30],
      ["d", 40],
      ["a", 10],
    ]);
    const last = rowsOf(parseNetdev, line("c", 31), table);
    expect([last.gone, last.rows["c"]?.[0]]).toEqual([["d", "a"], 31]);
  });

  test("a file with endless rows fills a bounded table", () => {
    const table = new RowTable(16);
    const text = Array.from({ length: 5000 }, (_, i) => `if${i}: 1\n`).join("");
    rowsOf(parseNetdev, text, table);
    expect([table.rows.length, table.overflow]).toEqual([4096, 904]);
  });

  const SOME = "some avg10=1.00 avg60=2.00 avg300=3.00 total=12345\n";
  const FULL = "full avg10=1.00 avg60=2.00 avg300=3.00 total=678\n";

  test.each<[string, ValuesParser, string, number[]]>([
    ["the load in hundredths", parseLoadavg, "0.45 1.00 12.30 1/200 999\n", [45, 100, 1230]],
    ["files and their limit", parseFileNr, "704\t0\t9223372036854775807\n", [704, 2 ** 63]],
    ["the totals of pressure", parsePressure, SOME + FULL, [12345, 678]],
    ["pressure on a kernel without the line full", parsePressure, SOME, [12345, ABSENT]],
    ["pressure in another form", parsePressure, "some total=5\n", [ABSENT, ABSENT]],
    ["no memory limit", parseMemoryLimit, "max\n", [0]],
    ["a memory limit", parseMemoryLimit, "33554432\n", [33554432]],
    ["no memory limit in v1, pages of 4 KiB", parseMemoryLimit, "9223372036854771712\n", [0]],
    ["no memory limit in v1, pages of 64 KiB", parseMemoryLimit, "9223372036854710272\n", [0]],
    ["an empty memory limit", parseMemoryLimit, "", [ABSENT]],
    ["no CPU limit", parseCpuLimit, "max 100000\n", [ABSENT, 100000]],
    ["a CPU limit", parseCpuLimit, "25000 100000\n", [25000, 100000]],
    ["no CPU limit in v1", parseCpuLimit, "-1\n", [ABSENT, UNSET]],
    ["the usual weight as shares", parseCpuWeight, "100", [2597]],
    ["the least weight as shares", parseCpuWeight, "1", [2]],
    ["the largest weight as shares", parseCpuWeight, "10000", [262144]],
    ["a weight that is too large", parseCpuWeight, "10001", [ABSENT]],
  ])("%s", (_, parse, text, expected) => {
    expect(valuesOf(parse, text, expected.length).values).toEqual(expected);
  });
});

describe("cgroup files", () => {
  test("io.stat: devices without values and keys we do not know are passed over", () => {
    const text =
      "7:7 \n254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:0 wios=9 rx=1\n7:6\n";
    expect(rowsOf(parseIoStat, text, new RowTable(4))).toMatchObject({
      rows: { "254:0": [1, 2, 3, 4], "8:0": [ABSENT, ABSENT, ABSENT, 9] },
      malformed: 0,
    });
  });

  test("io.stat: a key that is gone is absent, not what it last was", () => {
    const table = new RowTable(4);
    rowsOf(parseIoStat, "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n", table);
    expect(rowsOf(parseIoStat, "8:0 wbytes=5\n", table).rows).toEqual({
      "8:0": [ABSENT, 5, ABSENT, ABSENT],
    });
  });

  test("blkio: neither Sync nor Discard nor Total is counted with what was read and written", () => {
    const text =
      "254:0 Read 10\n254:0 Write 20\n254:0 Sync 45\n254:0 Async 0\n254:0 Discard 15\n" +
      "254:0 Total 45\n8:16 Read 3\nTotal 48\n";
    expect(rowsOf(parseBlkio, text, new RowTable(2)).rows).toEqual({
      "254:0": [10, 20],
      "8:16": [3, ABSENT],
    });
  });
});

describe("mounts", () => {
  test("mountinfo: optional fields, escapes, and options of both mount and file system", () => {
    const text =
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=x\n" +
      "31 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\nbroken line\n";
    const mounts = parseMountinfo(text);
    expect(mounts).toHaveLength(2);
    expect(mounts[0]).toMatchObject({ root: "/mnt1", mountPoint: "/mnt 2", device: "/dev/root" });
    expect(mounts[0]?.options.has("ro")).toBe(true);
    expect(mounts[1]).toMatchObject({ fsType: "cgroup2", mountPoint: "/sys/fs/cgroup" });
  });
});
