import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { V1_FILES, V2_FILES } from "../../../agent/collect/cgroup/cgroup-files.ts";
import { V1_IO_FILES, V2_IO_FILES } from "../../../agent/collect/cgroup/cgroup-io.ts";
import { VALUES } from "../../../agent/collect/cgroup/cgroup-specs.ts";
import { parseMembership } from "../../../agent/collect/cgroup/hierarchies.ts";
import { KeyTable, parseKeyValues } from "../../../agent/collect/kit/key-table.ts";
import { DISK_COLUMNS, parseDiskstats } from "../../../agent/collect/proc/diskstats.ts";
import { parseFileNr, parseLoadavg } from "../../../agent/collect/proc/kernel-numbers.ts";
import { parseMeminfo } from "../../../agent/collect/proc/meminfo.ts";
import { parseMountinfo } from "../../../agent/collect/proc/mounts.ts";
import { NETDEV_COLUMNS, parseNetdev } from "../../../agent/collect/proc/net-dev.ts";
import { parsePressure } from "../../../agent/collect/proc/pressure.ts";
import { CPU_COLUMNS, parseProcStat } from "../../../agent/collect/proc/stat.ts";
import { parseVmstat } from "../../../agent/collect/proc/vmstat.ts";
import { checkMutated, mayRefuse } from "./mutated.ts";
import { checkHostile, type NumbersOf, numbersOfRows, numbersOfValues } from "./parsed.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../../shared");
const FIXTURES = join(SHARED, "fixtures");
const PROC = "proc/cgroupfs-6.18/t0";
const V2 = "cgroup-v2/systemd-6.1/t0/sys/fs/cgroup/system.slice";
const V1 = "cgroup-v1/hybrid-systemd-6.1/t0/sys/fs/cgroup";
const hasFixtures = existsSync(FIXTURES);

const stats = new KeyTable([
  ["anon", 0],
  ["inactive_file", 1],
  ["total_inactive_file", 2],
]);

const totals = new Float64Array(6);
const CASES: [string, string, NumbersOf][] = [
  ["stat", `${PROC}/stat`, numbersOfRows((scan, t) => parseProcStat(scan, t, totals), CPU_COLUMNS)],
  ["meminfo", `${PROC}/meminfo`, numbersOfRows(parseMeminfo, 2)],
  ["vmstat", `${PROC}/vmstat`, numbersOfRows(parseVmstat, 1)],
  ["diskstats", `${PROC}/diskstats`, numbersOfRows(parseDiskstats, DISK_COLUMNS + 2)],
  ["net/dev", `${PROC}/net/dev`, numbersOfRows(parseNetdev, NETDEV_COLUMNS)],
  ["loadavg", `${PROC}/loadavg`, numbersOfValues(parseLoadavg, 3)],
  ["file-nr", `${PROC}/sys/fs/file-nr`, numbersOfValues(parseFileNr, 2)],
  ["pressure", `${PROC}/pressure/io`, numbersOfValues(parsePressure, 2)],
  [
    "memory.stat",
    `${V2}/docker.service/memory.stat`,
    numbersOfValues((scan, into) => parseKeyValues(scan, stats, into), 3),
  ],
];
for (const [files, root] of [
  [V2_FILES, `${V2}/docker.service`],
  [V1_FILES.filter((file) => file.controller === "memory"), `${V1}/memory/docker`],
  [V1_FILES.filter((file) => file.controller !== "memory"), `${V1}/cpu,cpuacct/docker`],
] as const) {
  for (const file of files) {
    const path = `${root}/${file.names[0]}`;
    if (existsSync(join(FIXTURES, path)))
      CASES.push([path, path, numbersOfValues(file.parse, VALUES)]);
  }
}
const IO_FILES: Record<string, string> = {
  "io.stat": `${V2}/../io.stat`,
  "blkio.throttle.io_service_bytes_recursive": `${V1}/blkio/docker/blkio.throttle.io_service_bytes`,
};
for (const { names, specs, parse } of [...V1_IO_FILES, ...V2_IO_FILES]) {
  const path = IO_FILES[names[0] ?? ""];
  if (path !== undefined) CASES.push([path, path, numbersOfRows(parse as never, specs.length)]);
}

describe.skipIf(!hasFixtures)("mutated real files (skipped where the fixtures are not)", () => {
  test.each(CASES)("%s never throws, gives no NaN and ends", (_, path, numbersOf) => {
    checkHostile(readFileSync(join(FIXTURES, path)), numbersOf);
  });

  test.each([
    ["mountinfo", `${PROC}/self/mountinfo`, parseMountinfo],
    ["cgroup", `${PROC}/self/cgroup`, parseMembership],
  ])("%s as text never throws anything but PARSE", (_, path, parse) => {
    const check = (bytes: Buffer) => mayRefuse(() => parse(String(bytes)));
    checkMutated(readFileSync(join(FIXTURES, path)), check, { numRuns: 25 });
  });
});
