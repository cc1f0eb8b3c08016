import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BackgroundCollector } from "../../../agent/collect/background.ts";
import { parseMdstat } from "../../../agent/collect/proc/mdstat.ts";
import { hwmonSource, sensorFile } from "../../../agent/collect/sys/hwmon.ts";
import { osLabels } from "../../../agent/collect/sys/identity.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryDisk, memoryContext } from "./devices-bed.ts";

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
        synced: 7932,
      },
    ]);
  });

  test("cut and overwritten anywhere it gives whole numbers or nothing", () => {
    const noise = fc.record({ at: fc.nat(MDSTAT.length), cut: fc.nat(30), text: fc.string() });
    fc.assert(
      fc.property(fc.array(noise, { minLength: 1, maxLength: 6 }), (steps) => {
        let text = MDSTAT;
        for (const { at, cut, text: put } of steps) {
          text = text.slice(0, at) + put + text.slice(at + cut);
        }
        for (const { device: _, state: __, ...numbers } of parseMdstat(text)) {
          expect(Object.values(numbers).every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true);
        }
      }),
    );
  });
});

describe("hwmon", () => {
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
        const { context, sink } = memoryContext();
        const entries = Object.entries({ ...files, name });
        const disk = new MemoryDisk(
          Object.fromEntries(entries.map(([key, value]) => [`/sys/class/hwmon/h/${key}`, value])),
        );
        const collector = new BackgroundCollector(context, hwmonSource("/sys"), disk);
        collector.collect(0);
        await settle();
        collector.collect(1);
        const names = [...sink.values().keys()];
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
