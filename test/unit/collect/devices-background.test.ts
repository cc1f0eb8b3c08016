import { describe, expect, test } from "vitest";
import { BackgroundCollector, type BackgroundSource } from "../../../agent/collect/background.ts";
import { gauge } from "../../../agent/collect/collector.ts";
import { wholeNumber } from "../../../agent/collect/kit/reading.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { collectContext, faultCounts } from "./recording-sink.ts";

const TEMPERATURE = gauge("node_temp_celsius", "How warm.", 3);

/** One value a device. */
const source: BackgroundSource = {
  name: "warmth",
  read: async (files, reading) => {
    for (const device of (await files.devices("/sys/warm", 2)) ?? []) {
      const label = (await files.constant(`/sys/warm/${device}/label`)) ?? "";
      const text = await files.text(`/sys/warm/${device}/temp`);
      reading.setText(TEMPERATURE, { device, label }, text);
    }
  },
};

function bed(sources: readonly BackgroundSource[] = [source]) {
  const context = collectContext();
  const { sink } = context;
  const disk = new MemoryDisk({
    "/sys/warm/a/label": "core\n",
    "/sys/warm/a/temp": "45000\n",
    "/sys/warm/b/temp": "-12500\n",
  });
  const collectors = sources.map((one) => new BackgroundCollector(context, one, disk));
  /** What each collector gave or said at a tick; what it began to read is then done. */
  const tick = async (nowMs: number) => {
    sink.begin();
    const failures = collectors.map((collector) => {
      try {
        collector.collect(nowMs);
        return "";
      } catch (error) {
        return String((error as { code?: string }).code);
      }
    });
    const values = Object.fromEntries(sink.values());
    await settle();
    return { failure: failures.join(), values };
  };
  return { collectors, context, disk, sink, tick };
}

const A = 'node_temp_celsius{device="a", job="node", label="core"}';
const B = 'node_temp_celsius{device="b", job="node"}';

describe("reading in the background", () => {
  test("the first reading shows at the tick after it returned; negative values are values", async () => {
    const { tick } = bed();
    expect(await tick(1000)).toEqual({ failure: "", values: {} });
    expect(await tick(2000)).toEqual({ failure: "", values: { [A]: 45, [B]: -12.5 } });
  });

  test("between readings a tick has no values and reads nothing", async () => {
    const { disk, tick } = bed();
    await tick(0);
    const calls = disk.calls;
    disk.files.set("/sys/warm/a/temp", "50000");
    for (let nowMs = 1000; nowMs < 10_000; nowMs += 1000) {
      const { values } = await tick(nowMs);
      expect(values[A]).toBe(nowMs === 1000 ? 45 : undefined);
    }
    expect(disk.calls).toBe(calls);
    await tick(10_000);
    expect((await tick(11_000)).values[A]).toBe(50);
  });

  test("what is constant is read each ten minutes, and at once when the devices change", async () => {
    const { disk, tick } = bed();
    await tick(0);
    disk.files.set("/sys/warm/a/label", "renamed");
    await tick(10_000);
    expect((await tick(11_000)).values).toHaveProperty([A]);
    await tick(600_000);
    expect(Object.keys((await tick(601_000)).values).join()).toContain('label="renamed"');
    disk.files.set("/sys/warm/a/label", "again");
    disk.remove("/sys/warm/b");
    await tick(610_000);
    expect(Object.keys((await tick(611_000)).values).join()).toContain('label="again"');
  });

  test("many attributes are read less often: at most 5 questions a second", async () => {
    const { disk, tick } = bed([
      {
        name: "many",
        read: async (files, reading) => {
          for (let i = 0; i < 200; i += 1) await files.text(`/sys/many/${i}`);
          reading.set(TEMPERATURE, {}, 1);
        },
      },
    ]);
    await tick(0);
    await tick(10_000);
    expect(disk.calls).toBe(400);
    await tick(49_000);
    expect(disk.calls).toBe(400);
    await tick(50_000);
    expect(disk.calls).toBe(600);
  });

  test("where there are no such devices, they are looked for once a minute", async () => {
    const { disk, tick } = bed();
    disk.remove("/sys/warm");
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1000) await tick(nowMs);
    expect(disk.calls).toBe(1);
    disk.files.set("/sys/warm/a/temp", "1000");
    await tick(60_000);
    expect((await tick(61_000)).values).toEqual({ [A.replace(', label="core"', "")]: 1 });
  });

  test("the series of a device that vanished end", async () => {
    const { disk, sink, tick } = bed();
    await tick(0);
    await tick(1000);
    expect(sink.liveCount).toBe(2);
    disk.remove("/sys/warm/b");
    await tick(10_000);
    expect(Object.keys((await tick(11_000)).values)).toEqual([A]);
    expect(sink.liveCount).toBe(1);
  });

  test("a read that hangs fails the collector after 5 s, is not begun again, and recovers", async () => {
    const { disk, tick } = bed();
    await tick(0);
    await tick(1000);
    disk.hang("/sys/warm/a/temp");
    await tick(10_000);
    expect(await tick(14_000)).toEqual({ failure: "", values: {} });
    const calls = disk.calls;
    for (const nowMs of [15_000, 30_000, 45_000]) {
      expect(await tick(nowMs)).toEqual({ failure: "LIMIT", values: {} });
    }
    expect(disk.calls).toBe(calls);
    disk.release();
    await settle();
    expect(await tick(46_000)).toMatchObject({ failure: "", values: { [A]: 45, [B]: -12.5 } });
  });

  test("one that hangs holds one call of the pool: readings of other collectors wait", async () => {
    const other: BackgroundSource = { ...source, name: "other", read: async () => undefined };
    const { collectors, disk, tick } = bed([source, other]);
    disk.hang("/sys/warm/a/temp");
    await tick(0);
    expect(disk.callsOpen).toBe(1);
    expect((await tick(5000)).failure).toBe("LIMIT,LIMIT");
    expect(() => collectors[1]?.collect(6000)).toThrow("Reading of another collector");
    disk.release();
    await settle();
    expect((await tick(7000)).failure).toBe(",");
  });

  test("malformed, unreadable and too many are left out and counted", async () => {
    const { context, disk, tick } = bed();
    disk.files.set("/sys/warm/a/temp", "4x5");
    disk.denied.add("/sys/warm/b/temp");
    disk.files.set("/sys/warm/c/temp", "1");
    await tick(0);
    expect((await tick(1000)).values).toEqual({});
    expect(faultCounts(context)).toEqual({ malformed: 1, limit: 1, unreadable: 1 });
  });

  test("values with the same labels are all there, and can be told apart", async () => {
    const { tick } = bed([
      {
        name: "twins",
        read: async (_, reading) => {
          for (const value of [1000, 3000, 2000]) reading.set(TEMPERATURE, { device: "a" }, value);
          expect(["x", "x", "x"].map((name) => reading.distinct(name, "y"))).toEqual([
            "x",
            "x_y",
            "x_y_3",
          ]);
        },
      },
    ]);
    await tick(0);
    expect((await tick(1000)).values).toEqual({
      'node_temp_celsius{device="a", job="node"}': 1,
      'node_temp_celsius{device="a", duplicate="2", job="node"}': 3,
      'node_temp_celsius{device="a", duplicate="3", job="node"}': 2,
    });
  });

  test("a clock that was set back delays no reading by more than an interval", async () => {
    const { disk, tick } = bed();
    await tick(1_000_000);
    disk.files.set("/sys/warm/a/temp", "1000");
    await tick(5000);
    await tick(15_000);
    expect((await tick(16_000)).values[A]).toBe(1);
  });

  test("when it is closed during a reading, the files are closed after it", async () => {
    const { collectors, disk, tick } = bed();
    disk.hang("/sys/warm/a/temp");
    await tick(0);
    collectors[0]?.close();
    expect(disk.isClosed).toBe(false);
    disk.release();
    await settle();
    expect(disk.isClosed).toBe(true);
  });

  test.each([
    ["12", 12],
    ["-3", -3],
    ["", null],
    ["1.5", null],
    ["1e3", null],
    ["9".repeat(21), null],
  ])("%j as a whole number is %s", (text, expected) => {
    expect(wholeNumber(text)).toBe(expected);
  });
});
