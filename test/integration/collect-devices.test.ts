import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { DEVICE_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { writeTree } from "./device-tree.ts";
import { HostOnDisk, openFiles } from "./host-on-disk.ts";
import { exporterSeries, exposed, hasExporter } from "./node-exporter.ts";

const TREE_COLLECTORS =
  "hwmon thermal_zone edac mdadm nvme rapl powersupplyclass bonding dmi os".split(" ");

class Host extends HostOnDisk {
  readonly #collectors;

  constructor(names: readonly string[]) {
    super();
    const entries = DEVICE_COLLECTORS.filter(({ name }) => names.includes(name));
    this.#collectors = entries.map(({ create }) => {
      const sink = new RecordingSink();
      return { collector: create({ ...this.context, sink }), sink };
    });
    onTestFinished(() => {
      for (const { collector } of this.#collectors) collector.close();
    });
  }

  tick(nowMs: number): Map<string, number> {
    return new Map(
      this.#collectors.flatMap(({ collector, sink }) => [...sink.tick(collector, nowMs)]),
    );
  }

  get liveCount(): number {
    return this.#collectors.reduce((sum, { sink }) => sum + sink.liveCount, 0);
  }

  /** Reads until `isReached`, each reading of its own. */
  async until(isReached: (values: Map<string, number>) => boolean) {
    for (let nowMs = 0; ; nowMs += 3_600_000) {
      this.tick(nowMs);
      for (let i = 0; i < 50; i += 1) {
        await delay(10);
        const values = this.tick(nowMs + 1);
        if (isReached(values)) return values;
      }
      // On a busy machine a reading may take longer than that.
      await this.context.background.settled();
      if (nowMs > 3_600_000 * 5) throw new Error(`not reached: ${this.tick(nowMs).size} series`);
    }
  }
}

/** With the tree of hardware. */
function hostWithDevices(names: readonly string[]): Host {
  const host = new Host(names);
  writeTree(host.root);
  return host;
}

describe("devices", () => {
  test.skipIf(!hasExporter)(
    "every series of a tree of hardware is node_exporter's (skipped where it is not installed)",
    async () => {
      const host = hostWithDevices(TREE_COLLECTORS);
      const expected = await exporterSeries(host.root, TREE_COLLECTORS, []);
      expect(expected.size).toBeGreaterThan(200);
      const values = await host.until((found) => found.size >= expected.size);
      expect(exposed(values)).toEqual(expected);
      expect(host.faultCounts()).toEqual({});
    },
  );

  test("the tree's values are read, with their units and signs", async () => {
    const values = await hostWithDevices(TREE_COLLECTORS).until(({ size }) => size > 200);
    const sensor = (name: string, label: string) =>
      values.get(`node_hwmon_${name}{chip="platform_coretemp_0", job="node", sensor="${label}"}`);
    expect(sensor("temp_celsius", "temp1")).toBe(45);
    expect(sensor("temp_celsius", "temp2")).toBe(-5.5);
    expect(sensor("in_volts", "in0")).toBe(1.2);
    expect(sensor("fan_rpm", "fan1")).toBe(1500);
    expect(sensor("power_average_watt", "power1")).toBe(3.000001);
    expect(values.get('node_md_disks{device="md6", job="node", state="failed"}')).toBe(1);
    expect(values.get('node_power_supply_temp_celsius{job="node", power_supply="BAT1"}')).toBe(
      -5.5,
    );
  });

  test("a device that is taken out ends, and its files are closed", async () => {
    const host = hostWithDevices(["hwmon"]);
    const before = (await host.until(({ size }) => size > 30)).size;
    const openBelow = () => openFiles().filter((path) => path.startsWith(host.root)).length;
    expect(openBelow()).toBeGreaterThan(10);
    unlinkSync(join(host.root, "sys/class/hwmon/hwmon0"));
    const values = await host.until(({ size }) => size > 0 && size < before);
    expect([...values.keys()].filter((key) => key.includes("coretemp"))).toEqual([]);
    expect(host.liveCount).toBe(values.size);
    await delay(50);
    expect(openBelow()).toBeLessThan(10);
  });

  test("a host without such hardware has no series and no faults", async () => {
    const host = new Host(DEVICE_COLLECTORS.map(({ name }) => name));
    host.tick(0);
    await delay(50);
    expect([...host.tick(1000)]).toEqual([]);
    expect(host.faultCounts()).toEqual({});
  });

  test.each([
    ["hwmon", "hwmon/hwmon0/temp1_input", /"temp1".*coretemp_0/],
    ["thermal_zone", "thermal/thermal_zone0/temp", /zone="0"/],
  ])(
    "an attribute of garbage gives no series in %s, and is counted",
    async (name, file, garbled) => {
      const host = hostWithDevices([name]);
      host.write(`sys/class/${file}`, Buffer.alloc(100_000, "9x\0\xff\n12"));
      const values = await host.until(({ size }) => size > 0);
      expect([...values.keys()].filter((key) => garbled.test(key))).toEqual([]);
      expect(Object.keys(host.faultCounts())).toEqual(["malformed"]);
    },
  );
});
