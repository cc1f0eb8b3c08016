import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { CADVISOR_LEFT_OUT, NODE_EXPORTER_LEFT_OUT, reasonOf } from "../support/left-out.ts";
import { addCollected, addPage, FixtureRoots, type MetricList } from "../support/metric-list.ts";
import { sourceOf } from "../support/metric-sources.ts";
import { documentedMetrics, readPeers, renderMetrics } from "../support/metrics-document.ts";
import { containerNamesInUse } from "../support/names-in-use.ts";

const ROOT = join(import.meta.dirname, "../..");
const SHARED = process.env["TELLTALE_SHARED"] ?? join(ROOT, "../shared");
const document = documentedMetrics(readFileSync(join(ROOT, "docs/metrics.md"), "utf8"));
const AGAIN = "run `npm run docs:metrics`";

/** What the collectors give on the fixtures' hosts; without fixtures the test is skipped. */
function collectedOnFixtures(context: TestContext): MetricList {
  using fixtures = new FixtureRoots(SHARED);
  context.skip(fixtures.paths.length === 0, "no fixtures: set TELLTALE_SHARED");
  const list: MetricList = new Map();
  for (const path of fixtures.paths) addCollected(list, path);
  return list;
}

test("every metric and label of the fixtures' hosts is in docs/metrics.md", (context) => {
  const missing: string[] = [];
  for (const { name, labels } of collectedOnFixtures(context).values()) {
    const documented = document.get(name);
    if (documented === undefined) missing.push(name);
    for (const label of labels) {
      if (documented?.includes(label) === false) missing.push(`${name}{${label}}`);
    }
  }
  expect(missing, AGAIN).toEqual([]);
});

test("every metric in docs/metrics.md has a source", () => {
  expect([...document.keys()].filter((name) => sourceOf(name) === "")).toEqual([]);
  expect(document.size).toBeGreaterThan(100);
});

test("a page of the agent and its document have the same metrics and labels", () => {
  const list: MetricList = new Map();
  const page = '# HELP a_b Says | it.\n# TYPE a_b counter\na_b{x="1, y=\\"2\\"",z="}"} 3\nc 1\n';
  addPage(list, page);
  const text = renderMetrics(list, readPeers(ROOT));
  expect(documentedMetrics(text)).toEqual(
    new Map([
      ["a_b", ["x", "z"]],
      ["c", []],
    ]),
  );
  expect(text).toContain("| `a_b` | counter | x, z |  |  |  | yes | Says \\| it. |");
});

test("what the peers give is known by name", () => {
  const { nodeExporter, cadvisor } = readPeers(ROOT);
  expect(nodeExporter.has("node_cpu_seconds_total")).toBe(true);
  expect(cadvisor.has("container_cpu_usage_seconds_total")).toBe(true);
});

test("what the peers give and we do not is left out for a reason, and no reason is too many", () => {
  const { nodeExporter, cadvisor } = readPeers(ROOT);
  const missing = [...cadvisor].filter((name) => !document.has(name));
  expect(missing.filter((name) => reasonOf(name) === "")).toEqual([]);
  const needless = CADVISOR_LEFT_OUT.filter(([, why]) => !missing.some((n) => reasonOf(n) === why));
  expect(needless).toEqual([]);
  const unknown = Object.keys(NODE_EXPORTER_LEFT_OUT).filter((name) => !nodeExporter.has(name));
  expect(unknown).toEqual([]);
});

test("every name of containers and machines that public rules and dashboards use is given", (context) => {
  const names = containerNamesInUse();
  if (names.length === 0) return context.skip("no list of names: set TELLTALE_SHARED");
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !document.has(name))).toEqual([]);
  const list = collectedOnFixtures(context);
  const unseen = names.filter((name) => list.get(name)?.isSeen !== true);
  // A file system has to be asked: test/e2e/containers.test.ts sees them all.
  const asked = unseen.filter((name) => !/^container_fs_(usage|inodes)/.test(name));
  expect(asked).toEqual([]);
});
