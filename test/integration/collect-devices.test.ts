import { mkdirSync, unlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { CollectorEntry } from "../../agent/collect/collector-entry.ts";
import { DEVICE_COLLECTORS } from "../../agent/collect/host-collectors.ts";
import { textfileCollector } from "../../agent/collect/textfile/textfile.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { writeTree } from "./device-tree.ts";
import { HostOnDisk, openFiles } from "./host-on-disk.ts";
import { exporterSeries, exposed, hasExporter } from "./node-exporter.ts";

const TREE_COLLECTORS =
  "hwmon thermal_zone edac mdadm nvme rapl powersupplyclass bonding dmi os".split(" ");

/** A host with collectors that read in the background. */
class Host extends HostOnDisk {
  readonly #collectors;

  constructor(entries: readonly CollectorEntry[]) {
    super();
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
  const host = new Host(DEVICE_COLLECTORS.filter(({ name }) => names.includes(name)));
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
    const host = new Host(DEVICE_COLLECTORS);
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

const DIRECTORY = "/var/lib/prometheus/node-exporter";
const FILES = {
  "backup.prom":
    '# HELP backup_ok Whether it went well.\n# TYPE backup_ok gauge\nbackup_ok{db="a\\\\b\\"c"} 1\n' +
    'backup_ok{db="x",} -1.5e-3\n',
  "took.prom":
    "# TYPE took_seconds histogram\n" +
    'took_seconds_bucket{le="0.5"} 1\ntook_seconds_bucket{le="+Inf"} 2\n' +
    "took_seconds_sum 0.7\ntook_seconds_count 2\n" +
    '# TYPE size summary\nsize{quantile="0.5"} 3\nsize_sum 5\nsize_count 2',
  "timestamp.prom": "old 1 1700000000000",
  "type.prom": "# TYPE bad rate\nbad 1",
  "other.txt": "other 1",
};

function hostWithTextFiles(): Host {
  const host = new Host([textfileCollector({ directory: DIRECTORY })]);
  for (const [name, text] of Object.entries(FILES)) {
    host.write(`${DIRECTORY}/${name}`, `${text}\n`);
    utimesSync(join(host.root, DIRECTORY, name), 1_700_000_000, 1_700_000_000);
  }
  return host;
}

describe("text files", () => {
  test.skipIf(!hasExporter)(
    "every series is node_exporter's (skipped where it is not installed)",
    async () => {
      const host = hostWithTextFiles();
      const flags = [`--collector.textfile.directory=${host.root}${DIRECTORY}`];
      const expected = await exporterSeries(host.root, ["textfile"], flags);
      expect(expected.size).toBeGreaterThan(10);
      expect(exposed(await host.until(({ size }) => size > 0))).toEqual(expected);
    },
  );

  test("a directory of that name is refused, and does not stop the others", async () => {
    const host = hostWithTextFiles();
    mkdirSync(join(host.root, DIRECTORY, "folder.prom"));
    const values = await host.until(({ size }) => size > 0);
    expect(values.get('took_seconds_count{job="node"}')).toBe(2);
  });
});
