import { describe, expect, test } from "vitest";
import { hourlyInventory, Inventory } from "../../../agent/collect/inventory.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { RecordingSink } from "./recording-sink.ts";

const NODE = {
  arch: "x64",
  cpu_vendor: "",
  cpu_model: "EPYC\n",
  cpu_cores: "2",
  cpu_physical_cores: "2",
  virtualization: "none",
};
const DISK = { device: "vda", model: "-", serial: "", type: "SSD", size: "1024" };

function answer(disks: readonly object[] = [DISK], node: object = NODE): string {
  return JSON.stringify({ node, disks });
}

const NODE_SERIES =
  'telltale_node_info{arch="x64", cpu_cores="2", cpu_model="EPYC", cpu_physical_cores="2", ' +
  'job="telltale-agent", virtualization="none"}';
const DISK_SERIES =
  'telltale_node_disk_info{device="vda", job="telltale-agent", size="1024", type="SSD"}';

describe("inventory", () => {
  test("a tick sets what the last refresh found; a failed one changes nothing", async () => {
    const sink = new RecordingSink();
    let said = answer();
    const inventory = new Inventory(sink, async () => {
      if (said === "") throw new Error("no lscpu");
      return said;
    });
    const tick = () => [...sink.tick(inventory, 0).keys()];
    expect(tick()).toEqual([]);
    await inventory.refresh();
    expect(tick()).toEqual([NODE_SERIES, DISK_SERIES]);
    said = "";
    await expect(inventory.refresh()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(tick()).toEqual([NODE_SERIES, DISK_SERIES]);
    said = answer([]);
    await inventory.refresh();
    expect(tick()).toEqual([NODE_SERIES]);
    expect(sink.liveCount).toBe(1);
  });

  test.each([
    ["not JSON", "{"],
    ["another form", "[]"],
    ["an unknown key", answer([{ ...DISK, owner: "x" }])],
    ["a missing key", answer([], {})],
    ["something that is no text", answer([{ ...DISK, size: 5 }])],
    ["too many disks", answer(Array(257).fill(DISK))],
  ])("%s is refused", async (_, said) => {
    const inventory = new Inventory(new RecordingSink(), async () => said);
    await expect(inventory.refresh()).rejects.toMatchObject({ code: "PARSE" });
  });

  test.each([
    ["two disks of one device, such as the paths to one LUN, are two series", "2048", 2],
    ["a disk that is told of twice is one series", "1024", 1],
  ])("%s", async (_, size, count) => {
    const sink = new RecordingSink();
    const inventory = new Inventory(sink, async () => answer([DISK, { ...DISK, size }]));
    await inventory.refresh();
    const disks = [DISK_SERIES, DISK_SERIES.replace("1024", size)].slice(0, count);
    expect([...sink.tick(inventory, 0).keys()]).toEqual([NODE_SERIES, ...disks]);
  });

  test("is asked for at once, after a failure soon and else each hour; close ends a question", async () => {
    const clock = new FakeClock();
    const logger = new MemoryLogger();
    const signals: AbortSignal[] = [];
    const collector = hourlyInventory(new RecordingSink(), {
      clock,
      logger,
      ask: (signal) => {
        signals.push(signal);
        if (signals.length <= 2) return Promise.reject(new Error("no lscpu"));
        if (signals.length === 3) return Promise.resolve(answer([]));
        return new Promise((_, reject) => signal.addEventListener("abort", reject));
      },
    });
    await settle();
    const askedAfter = async (ms: number) => {
      await clock.advance(ms);
      return signals.length;
    };
    expect(logger.messages("error")).toEqual(["the inventory is not known"]);
    expect([await askedAfter(59_000), await askedAfter(1000)]).toEqual([1, 2]);
    expect([await askedAfter(119_000), await askedAfter(1000)]).toEqual([2, 3]);
    expect([await askedAfter(3_599_000), await askedAfter(1000)]).toEqual([3, 4]);
    collector.close();
    expect(await askedAfter(7_200_000)).toBe(4);
    expect(signals[3]?.aborted).toBe(true);
    expect(logger.messages()).toHaveLength(2);
  });
});
