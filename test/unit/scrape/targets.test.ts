import fc from "fast-check";
import { expect, test } from "vitest";
import { readScrapeConfigs } from "../../../agent/scrape/config/read-scrape-configs.ts";
import { compileRelabel } from "../../../agent/scrape/relabel.ts";
import { type TargetGroup, targetsOf } from "../../../agent/scrape/targets.ts";
import { type Labels, labelsFrom, labelsOf, labelsRecord } from "../../../shared/model/labels.ts";
import "../../support/property-seed.ts";

type Names = Readonly<Record<string, string>>;

function listOf(lines: string, ...groups: readonly TargetGroup[]) {
  const text = `scrape_configs:\n- job_name: a\n  ${lines}`;
  const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  expect(faults).toEqual([]);
  const [config] = configs;
  if (config === undefined) throw new Error("no job was read");
  return targetsOf(config, compileRelabel(config.relabel), groups);
}

const group = (targets: readonly Names[], labels: Names = {}): TargetGroup => ({
  targets: targets.map(labelsOf),
  labels: labelsOf(labels),
});
const addresses = (...list: string[]) => group(list.map((one) => ({ __address__: one })));
const plain = (labels: Labels) => ({ ...labelsRecord(labels) });

test("a target has its job, its address as the instance, and the group's labels", () => {
  const { targets } = listOf(
    "params: {module: [http_2xx, x], a b: [c&d]}",
    group([{ __address__: "db:9187", team: "own" }], { team: "group", site: "s" }),
  );
  expect(targets.map(({ key, ...rest }) => rest)).toEqual([
    {
      job: "a",
      url: "http://db:9187/metrics?a+b=c%26d&module=http_2xx&module=x",
      labels: labelsOf({ instance: "db:9187", job: "a", site: "s", team: "own" }),
      discovered: labelsFrom([
        ["__address__", "db:9187"],
        ["__metrics_path__", "/metrics"],
        ["__param_a b", "c&d"],
        ["__param_module", "http_2xx"],
        ["__scheme__", "http"],
        ["__scrape_interval__", "1m"],
        ["__scrape_timeout__", "10s"],
        ["job", "a"],
        ["site", "s"],
        ["team", "own"],
      ]),
      intervalMs: 60_000,
      timeoutMs: 10_000,
    },
  ]);
});

test("what a target says of itself wins over the job", () => {
  const own = {
    __address__: "[::1]:80",
    __scheme__: "https",
    __metrics_path__: "probe",
    __scrape_interval__: "5s",
    __scrape_timeout__: "2s",
    job: "other",
    instance: "me",
  };
  const [target] = listOf("scheme: http", group([own])).targets;
  expect(target).toMatchObject({
    url: "https://[::1]:80/probe",
    intervalMs: 5000,
    timeoutMs: 2000,
  });
  expect(plain(target?.labels ?? [])).toEqual({ instance: "me", job: "other" });
});

test("the three rules of a probe by another program", () => {
  const { targets } = listOf(
    `metrics_path: /probe
  params: {module: [http_2xx]}
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: 'blackbox:9115'}`,
    addresses("https://shop.example/a?b=c"),
  );
  expect(targets.map(({ url, labels }) => [url, plain(labels)])).toEqual([
    [
      "http://blackbox:9115/probe?module=http_2xx&target=https%3A%2F%2Fshop.example%2Fa%3Fb%3Dc",
      { instance: "https://shop.example/a?b=c", job: "a" },
    ],
  ]);
});

test.each([
  ["http", "host", "host:80"],
  ["https", "host", "host:443"],
  ["http", "host:443", "host:443"],
  ["https", "[2001:db8::1]", "[2001:db8::1]:443"],
  ["http", "10.0.0.1:65535", "10.0.0.1:65535"],
])("%s://%s is asked as %s, which is its instance too", (scheme, address, expected) => {
  const [target] = listOf(`scheme: ${scheme}`, addresses(address)).targets;
  expect(target?.url).toBe(`${scheme}://${expected}/metrics`);
  expect(plain(target?.labels ?? [])["instance"]).toBe(expected);
});

test.each([
  [{ __address__: "" }, /__address__/],
  [{ __address__: ":80" }, /__address__/],
  [{ __address__: "::1" }, /__address__/],
  [{ __address__: "[localhost]:80" }, /__address__/],
  [{ __address__: "a:65536" }, /__address__/],
  [{ __address__: "a:b" }, /__address__/],
  [{ __address__: "user@a:80" }, /__address__/],
  [{ __address__: "a/b:80" }, /__address__/],
  [{ __address__: "a b:80" }, /__address__/],
  [{ __address__: "a", __scheme__: "file" }, /__scheme__/],
  [{ __address__: "a", __scrape_interval__: "x" }, /__scrape_interval__ is not/],
  [{ __address__: "a", __scrape_interval__: "100ms" }, /__scrape_interval__ is under 1s/],
  [{ __address__: "a", __scrape_timeout__: "0s" }, /__scrape_timeout__ is not/],
  [{ __address__: "a", __scrape_timeout__: "2m" }, /__scrape_timeout__ is over/],
  [{ __address__: "a", x: "\ud800" }, /a label holds/],
])("%j is not scraped, and it is told why", (labels, reason) => {
  const { targets, dropped, droppedCount } = listOf("scheme: http", group([labels]));
  expect(targets).toEqual([]);
  expect(droppedCount).toBe(1);
  expect(dropped).toEqual([
    { job: "a", discovered: expect.any(Array), reason: expect.stringMatching(reason) },
  ]);
});

test("of targets with the same labels and URL there is one; the discovered labels do not count", () => {
  const { targets } = listOf(
    "scheme: http",
    group([{ __address__: "a:80", __meta_x: "1" }]),
    group([
      { __address__: "a:80", __meta_x: "2" },
      { __address__: "a", __meta_x: "3" },
      { __address__: "a:80", __metrics_path__: "/other" },
      { __address__: "a:80", team: "other" },
    ]),
  );
  expect(targets.map(({ url }) => url)).toEqual([
    "http://a:80/metrics",
    "http://a:80/other",
    "http://a:80/metrics",
  ]);
  expect(new Set(targets.map(({ key }) => key)).size).toBe(3);
});

test("dropped targets are counted, and as many kept as the configuration says", () => {
  const list = listOf(
    "keep_dropped_targets: 2\n  relabel_configs: [{regex: x, action: keep, source_labels: [x]}]",
    addresses("a", "b", "c"),
  );
  expect(list).toMatchObject({ targets: [], droppedCount: 3 });
  expect(list.dropped.map(({ reason }) => reason)).toEqual([
    "relabel_configs dropped it",
    "relabel_configs dropped it",
  ]);
});

test("more targets than target_limit allows is told", () => {
  const limited = (...list: string[]) => listOf("target_limit: 2", addresses(...list)).isOverLimit;
  expect(limited("a", "b", "a:80")).toBe(false);
  expect(limited("a", "b", "c")).toBe(true);
});

test("a job has a limit of its own: a discovery cannot make the agent hold millions", () => {
  const many = Array.from({ length: 10_002 }, (_, i) => `host-${i}`);
  const list = listOf("scheme: http", addresses(...many));
  expect(list.targets).toHaveLength(10_000);
  expect(list.droppedCount).toBe(2);
});

test("a URL can be read again, whatever is in it", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  fc.assert(
    fc.property(text, text, (path, value) => {
      const { targets } = listOf("scheme: http", {
        targets: [
          labelsFrom([
            ["__address__", "a:1"],
            ["__metrics_path__", path],
            ["__param_q", value],
          ]),
        ],
        labels: [],
      });
      const [target] = targets;
      if (target === undefined) return;
      const url = new URL(target.url);
      expect(url.host).toBe("a:1");
      if (value !== "") expect(url.searchParams.get("q")).toBe(value);
    }),
  );
});
