import { mkdirSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { type CollectContext, Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { textfileCollector } from "../../agent/collect/textfile/textfile.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { writeTree } from "./device-tree.ts";
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

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

function written(): string {
  const root = mkdtempSync(join(tmpdir(), "telltale-textfile-"));
  roots.push(root);
  const below = Object.entries(FILES).map(([name, text]) => [`${DIRECTORY}/${name}`, text]);
  writeTree(root, Object.fromEntries(below));
  for (const name of Object.keys(FILES)) {
    utimesSync(join(root, DIRECTORY, name), 1_700_000_000, 1_700_000_000);
  }
  return root;
}

async function collected(root: string): Promise<Map<string, number>> {
  const sink = new RecordingSink();
  const faults = new Faults(sink);
  const context: CollectContext = {
    hostRoot: root,
    buffer: new ReadBuffer(),
    sink,
    faults,
    background: new SerialQueue(),
    clock: nodeClock,
  };
  const collector = textfileCollector({ directory: DIRECTORY }).create(context);
  try {
    for (let attempt = 0; attempt < 500; attempt += 1) {
      const values = sink.tick(collector, attempt);
      if (values.size > 0) return values;
      await delay(10);
    }
  } finally {
    collector.close();
  }
  throw new Error("no values");
}

describe("text files", () => {
  test.skipIf(!hasExporter)(
    "every series is node_exporter's (skipped where it is not installed)",
    async () => {
      const root = written();
      const flags = [`--collector.textfile.directory=${root}${DIRECTORY}`];
      const expected = await exporterSeries(root, ["textfile"], flags);
      expect(expected.length).toBeGreaterThan(10);
      expect(exposed(await collected(root))).toEqual(expected);
    },
  );

  test("a directory of that name is refused, and does not stop the others", async () => {
    const root = written();
    mkdirSync(join(root, DIRECTORY, "folder.prom"));
    const values = await collected(root);
    expect(values.get('took_seconds_count{job="node"}')).toBe(2);
  });
});
