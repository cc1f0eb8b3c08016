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

test("once prints what the page of a running agent has: counters of disks, its own, the inventory", async () => {
  await using bed = await Bed.open();
  const { code, output, errors } = await runProgram("agent", ["once", ...bed.agentArgs()]);
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  const printed = namesOn(output);
  expect(printed).toContain("container_fs_reads_total");
  expect(printed).toContain("container_blkio_device_usage_total");
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
