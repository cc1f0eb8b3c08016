import { mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { textfileCollector } from "../../agent/collect/textfile/textfile.ts";
import { HostOnDisk } from "./host-on-disk.ts";
import { exporterSeries, exposed, hasExporter } from "./node-exporter.ts";

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

function hostWithFiles(): HostOnDisk {
  const host = new HostOnDisk();
  for (const [name, text] of Object.entries(FILES)) {
    host.write(`${DIRECTORY}/${name}`, `${text}\n`);
    utimesSync(join(host.root, DIRECTORY, name), 1_700_000_000, 1_700_000_000);
  }
  return host;
}

async function collected({ context, sink }: HostOnDisk): Promise<Map<string, number>> {
  const collector = textfileCollector({ directory: DIRECTORY }).create(context);
  onTestFinished(() => collector.close());
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const values = sink.tick(collector, attempt);
    if (values.size > 0) return values;
    await delay(10);
  }
  throw new Error("no values");
}

describe("text files", () => {
  test.skipIf(!hasExporter)(
    "every series is node_exporter's (skipped where it is not installed)",
    async () => {
      const host = hostWithFiles();
      const flags = [`--collector.textfile.directory=${host.root}${DIRECTORY}`];
      const expected = await exporterSeries(host.root, ["textfile"], flags);
      expect(expected.size).toBeGreaterThan(10);
      expect(exposed(await collected(host))).toEqual(expected);
    },
  );

  test("a directory of that name is refused, and does not stop the others", async () => {
    const host = hostWithFiles();
    mkdirSync(join(host.root, DIRECTORY, "folder.prom"));
    const values = await collected(host);
    expect(values.get('took_seconds_count{job="node"}')).toBe(2);
  });
});
