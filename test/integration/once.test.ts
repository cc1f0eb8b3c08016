import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { Bed, eventually, runProgram } from "../support/programs.ts";

/**
 * Without a connection no attempt fails; the inventory of an agent that runs comes when it comes; and
 * containers of the machine come and go meanwhile.
 */
const LEFT_OUT = /^telltale_agent_uplink_errors_total$|^telltale_node_(disk_)?info$|^container_/;

function namesOn(page: string): string[] {
  return [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name).sort();
}

/** Whether the kernel counts what any cgroup reads of a disk: on a machine that just started it may not. */
function countsDiskReads(): boolean {
  const [v1, v2] = ["/sys/fs/cgroup/blkio", "/sys/fs/cgroup"];
  const args = existsSync(v1)
    ? ["--include=blkio.throttle.io_service*_recursive", "^[0-9]+:[0-9]+ Read ", v1]
    : ["--include=io.stat", "^[0-9]+:[0-9]+ .*rios=", v2];
  return spawnSync("grep", ["-rqsE", ...args]).status === 0;
}

test("once prints what the page of a running agent has: counters of disks, its own, the inventory", async () => {
  await using bed = await Bed.open();
  const { code, output, errors } = await runProgram("agent", ["once", ...bed.agentArgs()]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const printed = namesOn(output);
  expect(printed.includes("container_fs_reads_total")).toBe(countsDiskReads());
  expect(printed.includes("container_blkio_device_usage_total")).toBe(countsDiskReads());
  expect(printed).toContain("telltale_agent_ticks_total");
  expect(printed).toContain("telltale_node_info");
  bed.start("agent");
  let running: string[] = [];
  await eventually(async () => {
    const page = await bed.agentPage();
    running = namesOn(page);
    return /^telltale_agent_ticks_total [2-9]/m.test(page);
  });
  const others = (names: readonly string[]) => names.filter((name) => !LEFT_OUT.test(name));
  expect(others(printed)).toEqual(others(running));
}, 180_000);
