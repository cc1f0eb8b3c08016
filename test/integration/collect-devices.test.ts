import { mkdtempSync, readdirSync, readlinkSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { Collector } from "../../agent/collect/collector.ts";
import { type CollectContext, Faults } from "../../agent/collect/context.ts";
import { DEVICE_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { writeTree } from "./device-tree.ts";
import { exporterSeries, exposed, hasExporter } from "./node-exporter.ts";

const TREE_COLLECTORS =
  "hwmon thermal_zone edac mdadm nvme rapl powersupplyclass bonding dmi os".split(" ");

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function temporaryRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "telltale-devices-"));
  ends.push(() => rmSync(root, { recursive: true }));
  return root;
}

class Bed {
  readonly faultSink = new RecordingSink();
  readonly faults = new Faults(this.faultSink);
  readonly collectors: { readonly collector: Collector; readonly sink: RecordingSink }[];
  readonly #background = new SerialQueue();

  constructor(hostRoot: string, names: readonly string[]) {
    const buffer = new ReadBuffer();
    const context: Omit<CollectContext, "sink"> = {
      hostRoot,
      buffer,
      faults: this.faults,
      background: this.#background,
      clock: nodeClock,
    };
    const entries = DEVICE_COLLECTORS.filter(({ name }) => names.includes(name));
    this.collectors = entries.map(({ create }) => {
      const sink = new RecordingSink();
      return { collector: create({ ...context, sink }), sink };
    });
    ends.push(() => {
      for (const { collector } of this.collectors) collector.close();
    });
  }

  tick(nowMs: number): Map<string, number> {
    return new Map(
      this.collectors.flatMap(({ collector, sink }) => [...sink.tick(collector, nowMs)]),
    );
  }

  get liveCount(): number {
    return this.collectors.reduce((sum, { sink }) => sum + sink.liveCount, 0);
  }

  faultCounts(): Map<string, number> {
    this.faultSink.begin();
    this.faults.collect();
    return this.faultSink.values();
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
      await this.#background.settled();
      if (nowMs > 3_600_000 * 5) throw new Error(`not reached: ${this.tick(nowMs).size} series`);
    }
  }
}

describe("devices", () => {
  test.skipIf(!hasExporter)(
    "every series of a tree of hardware is node_exporter's (skipped where it is not installed)",
    async () => {
      const root = temporaryRoot();
      writeTree(root);
      const expected = await exporterSeries(root, TREE_COLLECTORS, []);
      expect(expected.length).toBeGreaterThan(200);
      const bed = new Bed(root, TREE_COLLECTORS);
      const values = await bed.until((found) => found.size >= expected.length);
      expect(exposed(values)).toEqual(expected);
      expect([...bed.faultCounts()]).toEqual([]);
    },
  );

  test("the tree's values are read, with their units and signs", async () => {
    const root = temporaryRoot();
    writeTree(root);
    const values = await new Bed(root, TREE_COLLECTORS).until(({ size }) => size > 200);
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
    const root = temporaryRoot();
    writeTree(root);
    const bed = new Bed(root, ["hwmon"]);
    const before = (await bed.until(({ size }) => size > 30)).size;
    const openBelow = () => openFiles().filter((path) => path.startsWith(root)).length;
    expect(openBelow()).toBeGreaterThan(10);
    unlinkSync(join(root, "sys/class/hwmon/hwmon0"));
    const values = await bed.until(({ size }) => size > 0 && size < before);
    expect([...values.keys()].filter((key) => key.includes("coretemp"))).toEqual([]);
    expect(bed.liveCount).toBe(values.size);
    await delay(50);
    expect(openBelow()).toBeLessThan(10);
  });

  test("a host without such hardware has no series and no faults", async () => {
    const bed = new Bed(
      temporaryRoot(),
      DEVICE_COLLECTORS.map(({ name }) => name),
    );
    bed.tick(0);
    await delay(50);
    expect([...bed.tick(1000)]).toEqual([]);
    expect([...bed.faultCounts()]).toEqual([]);
  });

  test("attributes of garbage give no series, and are counted", async () => {
    const root = temporaryRoot();
    writeTree(root);
    const garbage = Buffer.alloc(100_000, "9x\0\xff\n12");
    for (const file of ["thermal/thermal_zone0/temp", "hwmon/hwmon0/temp1_input"]) {
      writeFileSync(join(root, "sys/class", file), garbage);
    }
    const bed = new Bed(root, ["hwmon", "thermal_zone"]);
    const values = await bed.until((found) => /hwmon.*thermal/.test([...found.keys()].join()));
    expect([...values.keys()].filter((key) => /zone="0"|"temp1".*coretemp_0/.test(key))).toEqual(
      [],
    );
    const reasons = [...bed.faultCounts().keys()];
    expect(reasons.filter((key) => key.includes('reason="malformed"'))).toHaveLength(2);
  });
});

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
}
