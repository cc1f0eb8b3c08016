import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BackgroundCollector, type BackgroundSource } from "../../../agent/collect/background.ts";
import { parseMdstat } from "../../../agent/collect/proc/mdstat.ts";
import { hwmonSource, sensorFile } from "../../../agent/collect/sys/hwmon.ts";
import { osLabels } from "../../../agent/collect/sys/os-release.ts";
import { thermalSource } from "../../../agent/collect/sys/thermal.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { checkMutated } from "./mutated.ts";
import { collectContext } from "./recording-sink.ts";

const CHIP = "pci0000:00_0000:01:00_0";

const MDSTAT = `Personalities : [raid1]
md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
      195310144 blocks [2/1] [U_]
      [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=2K/sec

md219 : inactive sdb[2](S) sda[0](S)
        7932 blocks super external:imsm

unused devices: <none>
`;

describe("mdstat", () => {
  test("an array that recovers, and one that does not run", () => {
    expect(parseMdstat(MDSTAT)).toEqual([
      {
        device: "md6",
        state: "recovering",
        active: 1,
        required: 2,
        failed: 1,
        spare: 1,
        blocks: 195310144,
        synced: 16775552,
      },
      {
        device: "md219",
        state: "inactive",
        active: 0,
        required: 0,
        failed: 0,
        spare: 2,
        blocks: 7932,
        synced: null,
      },
    ]);
  });

  test.each([
    ["active raid5 sda[0]", "reshape =  8.5% (170000/2000000)", "reshape", 170_000],
    ["active raid5 sda[0]", "resync=DELAYED", "resync", 0],
    ["active raid5 sda[0]", "mending = 1.0% (5/10)", "unknown", 5],
    ["broken raid0 sda[0]", "bitmap: 0/8 pages [0KB], 65536KB chunk", "unknown", null],
  ])("an array that is %s with %s does not vanish, and is %s", (line, sync, state, synced) => {
    const text = `md1 : ${line}\n      2000000 blocks [2/2] [UU]\n      ${sync}\n`;
    expect(parseMdstat(text)).toMatchObject([{ device: "md1", state, synced, blocks: 2_000_000 }]);
  });

  test("an array without a line of blocks is still there", () => {
    expect(parseMdstat("md1 : active raid1 sda[0]\n")).toMatchObject([
      { device: "md1", state: "active", blocks: null },
    ]);
  });

  test("mutated it gives whole numbers or nothing", () => {
    const check = (bytes: Buffer) => {
      for (const { device: _, state: __, ...numbers } of parseMdstat(String(bytes))) {
        for (const value of Object.values(numbers)) {
          expect(value === null || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
        }
      }
    };
    checkMutated(MDSTAT, check, { numRuns: 500 });
  });
});

/** What a source gives of these files. */
async function readOnce(source: BackgroundSource, disk: MemoryDisk) {
  const context = collectContext();
  const collector = new BackgroundCollector(context, source, disk);
  collector.collect(0);
  await settle();
  return Object.fromEntries(context.sink.tick(collector, 1000));
}

describe("hwmon", () => {
  test("chips of one device, by one driver, do not hide one another: the hottest is there", async () => {
    const disk = new MemoryDisk({});
    for (const [index, millidegrees] of [55_000, 61_000, 47_000].entries()) {
      const path = `/sys/class/hwmon/hwmon${index}`;
      disk.files.set(`${path}/name`, "nic");
      disk.files.set(`${path}/temp1_input`, String(millidegrees));
      disk.links.set(`${path}/device`, "/sys/devices/pci0000:00/0000:01:00.0");
    }
    const values = await readOnce(hwmonSource("/sys"), disk);
    const temperatures = Object.entries(values).filter(([name]) => name.includes("_temp_celsius"));
    expect(temperatures).toEqual([
      [`node_hwmon_temp_celsius{chip="${CHIP}", job="node", sensor="temp1"}`, 55],
      [`node_hwmon_temp_celsius{chip="${CHIP}_hwmon1", job="node", sensor="temp1"}`, 61],
      [`node_hwmon_temp_celsius{chip="${CHIP}_hwmon2", job="node", sensor="temp1"}`, 47],
    ]);
    expect(Object.keys(values).filter((name) => name.includes("chip_names"))).toHaveLength(3);
  });

  test("a sensor of a kind that is not known is there; a value that means unknown is not", async () => {
    const disk = new MemoryDisk({
      "/sys/class/hwmon/h/freq1_input": "5",
      "/sys/class/hwmon/h/fan1_input": "4294967295",
      "/sys/class/hwmon/h/fan2_input": "18446744073709551615",
    });
    expect(await readOnce(hwmonSource("/sys"), disk)).toEqual({
      'node_hwmon_freq{chip="h", job="node", sensor="freq1"}': 5,
    });
  });

  test("a zone without a temperature is not at -274 degrees", async () => {
    const disk = new MemoryDisk({
      "/sys/class/thermal/thermal_zone0/temp": "-274000\n",
      "/sys/class/thermal/thermal_zone1/temp": "-4000\n",
    });
    expect(Object.values(await readOnce(thermalSource("/sys"), disk))).toEqual([-4]);
  });

  test.each([
    ["temp1_input", { type: "temp", sensor: "temp1", element: "input" }],
    ["pwm1_auto_point1_pwm", { type: "pwm", sensor: "pwm1", element: "auto_point1_pwm" }],
    ["pwm1", { type: "pwm", sensor: "pwm1", element: "" }],
    ["update_interval", { type: "update_interval", sensor: "update_interval0", element: "" }],
    ["name", null],
    ["uevent", null],
    ["temp99999999999_input", null],
  ])("the file %s", (name, expected) => {
    expect(sensorFile(name)).toEqual(expected);
  });

  test("whatever drivers call their files and put into them, the names of metrics are valid", async () => {
    const element = fc.oneof(fc.constantFrom("input", "max", "label", "alarm"), fc.string());
    const file = fc
      .tuple(fc.constantFrom("temp1", "in0", "power2", "fan1"), element)
      .map(([sensor, name]) => `${sensor}_${name.replaceAll("/", "")}`);
    const text = fc.oneof(fc.integer().map(String), fc.string(), fc.constant("9".repeat(400)));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(file, text), fc.string(), async (files, name) => {
        const entries = Object.entries({ ...files, name });
        const disk = new MemoryDisk(
          Object.fromEntries(entries.map(([key, value]) => [`/sys/class/hwmon/h/${key}`, value])),
        );
        const names = Object.keys(await readOnce(hwmonSource("/sys"), disk));
        for (const key of names) expect(key).toMatch(/^node_hwmon_[a-z0-9:_]+\{/);
      }),
      { numRuns: 50 },
    );
  });
});

describe("os-release", () => {
  test("quotes are taken off, keys that are not labels left out", () => {
    const text =
      'NAME="Debian GNU/Linux"\nID=debian\nHOME_URL="https://x"\nVERSION_ID=\'12\'\nbad\n' +
      'VERSION="a \\"b\\" \\$c"\nVARIANT="open\n';
    expect(osLabels(text)).toEqual({
      name: "Debian GNU/Linux",
      id: "debian",
      version_id: "12",
      version: 'a "b" $c',
      variant: '"open',
    });
  });
});
