import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { V1_FILES, V2_FILES } from "../../../agent/collect/cgroup/cgroup-files.ts";
import { V1_IO_FILES, V2_IO_FILES } from "../../../agent/collect/cgroup/cgroup-io.ts";
import { VALUES } from "../../../agent/collect/cgroup/cgroup-specs.ts";
import { parseMembership } from "../../../agent/collect/cgroup/hierarchies.ts";
import { ByteScanner } from "../../../agent/collect/kit/byte-scanner.ts";
import { KeyTable, parseKeyValues } from "../../../agent/collect/kit/key-table.ts";
import { RowTable } from "../../../agent/collect/kit/row-table.ts";
import { DISK_COLUMNS, parseDiskstats } from "../../../agent/collect/proc/diskstats.ts";
import { parseFileNr } from "../../../agent/collect/proc/file-nr.ts";
import { parseLoadavg } from "../../../agent/collect/proc/loadavg.ts";
import { parseMeminfo } from "../../../agent/collect/proc/meminfo.ts";
import { parseMountinfo } from "../../../agent/collect/proc/mounts.ts";
import { NETDEV_COLUMNS, parseNetdev } from "../../../agent/collect/proc/net-dev.ts";
import { parsePressure } from "../../../agent/collect/proc/pressure.ts";
import { CPU_COLUMNS, parseProcStat } from "../../../agent/collect/proc/stat.ts";
import { parseVmstat } from "../../../agent/collect/proc/vmstat.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { mutated } from "./mutated.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../../shared");
const FIXTURES = join(SHARED, "fixtures");
const PROC = "proc/cgroupfs-6.18/t0";
const V2 = "cgroup-v2/systemd-6.1/t0/sys/fs/cgroup/system.slice";
const V1 = "cgroup-v1/hybrid-systemd-6.1/t0/sys/fs/cgroup";
const hasFixtures = existsSync(FIXTURES);

type Reader = (bytes: Uint8Array, length: number) => Iterable<number>;

function table(columns: number, parse: (scan: ByteScanner, rows: RowTable) => void): Reader {
  // One table for all runs: what a mutated file leaves behind must not hurt the next.
  const rows = new RowTable(columns);
  return (bytes, length) => {
    const scan = new ByteScanner(bytes, length);
    parse(scan, rows);
    rows.finish();
    return [scan.malformed, ...rows.rows.flatMap((row) => [...row.values])];
  };
}

function values(
  size: number,
  parse: (scan: ByteScanner, into: Float64Array, target: number) => void,
): Reader {
  return (bytes, length) => {
    const into = new Float64Array(size).fill(-1);
    const scan = new ByteScanner(bytes, length);
    parse(scan, into, 0);
    return [scan.malformed, ...into];
  };
}

const stats = new KeyTable([
  ["anon", 0],
  ["inactive_file", 1],
  ["total_inactive_file", 2],
]);

const totals = new Float64Array(6);
const CASES: [string, string, Reader][] = [
  ["stat", `${PROC}/stat`, table(CPU_COLUMNS, (scan, rows) => parseProcStat(scan, rows, totals))],
  ["meminfo", `${PROC}/meminfo`, table(2, parseMeminfo)],
  ["vmstat", `${PROC}/vmstat`, table(1, parseVmstat)],
  ["diskstats", `${PROC}/diskstats`, table(DISK_COLUMNS + 2, parseDiskstats)],
  ["net/dev", `${PROC}/net/dev`, table(NETDEV_COLUMNS, parseNetdev)],
  ["loadavg", `${PROC}/loadavg`, values(3, parseLoadavg)],
  ["file-nr", `${PROC}/sys/fs/file-nr`, values(2, parseFileNr)],
  ["pressure", `${PROC}/pressure/io`, values(2, parsePressure)],
  [
    "memory.stat",
    `${V2}/docker.service/memory.stat`,
    values(3, (scan, into) => parseKeyValues(scan, stats, into)),
  ],
];
for (const [files, root] of [
  [V2_FILES, `${V2}/docker.service`],
  [V1_FILES.filter((file) => file.controller === "memory"), `${V1}/memory/docker`],
  [V1_FILES.filter((file) => file.controller !== "memory"), `${V1}/cpu,cpuacct/docker`],
] as const) {
  for (const file of files) {
    const path = `${root}/${file.names[0]}`;
    if (existsSync(join(FIXTURES, path))) CASES.push([path, path, values(VALUES, file.parse)]);
  }
}
const IO_FILES: Record<string, string> = {
  "io.stat": `${V2}/../io.stat`,
  "blkio.throttle.io_service_bytes_recursive": `${V1}/blkio/docker/blkio.throttle.io_service_bytes`,
};
for (const { names, columns, parse } of [...V1_IO_FILES, ...V2_IO_FILES]) {
  const path = IO_FILES[names[0] ?? ""];
  if (path === undefined) continue;
  const rows = new RowTable<never>(columns);
  CASES.push([
    path,
    path,
    (bytes, length) => {
      const scan = new ByteScanner(bytes, length);
      parse(scan, rows);
      rows.finish();
      return [scan.malformed, ...rows.rows.flatMap((row) => [...row.values])];
    },
  ]);
}

describe.skipIf(!hasFixtures)("mutated real files (skipped where the fixtures are not)", () => {
  test.each(CASES)("%s never throws, gives no NaN and ends", (_, path, read) => {
    const original = readFileSync(join(FIXTURES, path));
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        for (const value of read(bytes, bytes.length)) {
          if (!isValid(value)) throw new Error(`gives ${value}`);
        }
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ["mountinfo", `${PROC}/self/mountinfo`, parseMountinfo],
    ["cgroup", `${PROC}/self/cgroup`, parseMembership],
  ])("%s as text never throws anything but PARSE", (_, path, parse) => {
    const original = readFileSync(join(FIXTURES, path));
    fc.assert(
      fc.property(mutated(original), (bytes) => {
        try {
          parse(Buffer.from(bytes).toString());
        } catch (error) {
          expect(error).toBeInstanceOf(OperationalError);
        }
      }),
      { numRuns: 25 },
    );
  });

  test.each(CASES)("%s: a megabyte of garbage gives valid values", (_, path, read) => {
    const original = readFileSync(join(FIXTURES, path));
    const piece = Buffer.concat([original, Buffer.from("x9 \n:=\t4.a max\0\xff12\n7")]);
    const garbage = Buffer.alloc(1_000_000, piece);
    const found = [...read(garbage, garbage.length)];
    expect(found.length).toBeGreaterThan(0);
    expect(found.filter((value) => !isValid(value))).toEqual([]);
  });
});

/** A count, or -1 for a value that is absent. */
function isValid(value: number): boolean {
  return Number.isFinite(value) && value >= -1;
}
