// biome-ignore-all lint/suspicious/noTemplateCurlyInString: replacements of relabelling have such
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readScrapeConfigs } from "../../agent/scrape/config/read-scrape-configs.ts";
import { staticGroups } from "../../agent/scrape/discovery/static-groups.ts";
import { compileRelabel } from "../../agent/scrape/relabel.ts";
import { targetsOf } from "../../agent/scrape/targets.ts";
import { formatFault } from "../../shared/config/decode-yaml.ts";
import { formatDuration, parseDuration } from "../../shared/model/duration.ts";
import { labelsRecord } from "../../shared/model/labels.ts";
import {
  hasPrometheus,
  prometheusTargets,
  type ShownTarget,
  type ShownTargets,
} from "../support/prometheus.ts";

/** The same file to Prometheus and to us: the same targets. */

type SeenTarget = Omit<ShownTarget, "discoveredLabels">;

const SEED = 20_261_130;
const JOBS = 300;

function ourTargets(text: string): Pick<ShownTargets, "droppedTargets"> & {
  readonly activeTargets: readonly SeenTarget[];
} {
  const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  expect(faults.map(formatFault)).toEqual([]);
  const lists = configs.map((one) => {
    return targetsOf(one, compileRelabel(one.relabel), staticGroups(one.staticGroups));
  });
  return {
    activeTargets: lists.flatMap(({ targets }) =>
      targets.map((target) => ({
        labels: labelsRecord(target.labels),
        scrapePool: target.job,
        scrapeUrl: target.url,
        scrapeInterval: formatDuration(target.intervalMs),
        scrapeTimeout: formatDuration(target.timeoutMs),
      })),
    ),
    droppedTargets: lists.flatMap(({ dropped }) => [...dropped]),
  };
}

const name = fc.constantFrom("env", "team", "x", "__meta_a", "__meta_b", "__address__", "__tmp");
const target = fc.constantFrom("env", "team", "new", "__tmp", "__param_q", "__metrics_path__");
const regex = fc.constantFrom(
  "(.*)",
  "(.+)",
  "([^:]+):(\\d+)",
  "(?P<a>p)(.*)",
  "a|b|p.*",
  "",
  "(?i)PROD",
);
const replacement = fc.constantFrom("$1", "${2}-$1", "x", "", "$1y", "${a}/$$", "é $2");

const rule = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      source_labels: fc.array(name, { maxLength: 3 }),
      regex,
      replacement,
      target_label: fc.oneof(target, fc.constantFrom("${1}", "l_$1")),
    }),
  },
  fc.record({
    action: fc.constantFrom("keep", "drop"),
    source_labels: fc.array(name, { maxLength: 2 }),
    regex,
    separator: fc.constantFrom(";", "", ":"),
  }),
  fc.record({
    action: fc.constantFrom("keepequal", "dropequal", "lowercase", "uppercase"),
    source_labels: fc.array(name, { maxLength: 2 }),
    target_label: target,
  }),
  fc.record({
    action: fc.constant("hashmod"),
    source_labels: fc.array(name, { maxLength: 2 }),
    target_label: target,
    modulus: fc.integer({ min: 1, max: 1_000_000 }),
  }),
  fc.record({
    action: fc.constant("labelmap"),
    regex: fc.constantFrom("__meta_(.+)", "(en)v", "(t)(e)am"),
    replacement: fc.constantFrom("$1", "m_$1", "env", "${1}_x"),
  }),
  fc.record({
    action: fc.constantFrom("labeldrop"),
    regex: fc.constantFrom("env", "__meta_.*", "t.*|x", "e"),
  }),
  fc.record({
    action: fc.constant("labelkeep"),
    regex: fc.constantFrom("__.*|env", "__.*|job|t.*"),
  }),
);
const value = fc.constantFrom("prod", "Prod-1", "a", "b", "", "a b&c=d", "x:9", "ü/?%");
const labels = fc.record(
  {
    env: value,
    team: value,
    x: value,
    __meta_a: value,
    __meta_b: value,
    __scheme__: fc.constantFrom("http", "https"),
    __param_q: value,
    __metrics_path__: fc.constantFrom("/m", "m n", "/a%20b?c", "/(x)!*'"),
    instance: value,
    job: value,
    __scrape_interval__: fc.constantFrom("2h", "90m"),
  },
  { requiredKeys: [] },
);
const address = fc.constantFrom(
  "127.0.0.1",
  "127.0.0.2:9100",
  "[::1]:80",
  "[::1]",
  "localhost:443",
);
const job = fc.record({
  static_configs: fc.array(
    fc.record({ targets: fc.array(address, { minLength: 1, maxLength: 3 }), labels }),
    { minLength: 1, maxLength: 3 },
  ),
  relabel_configs: fc.array(rule, { maxLength: 4 }),
  params: fc.record(
    { q: fc.array(value, { minLength: 1, maxLength: 2 }), module: fc.constant(["a", "b"]) },
    { requiredKeys: [] },
  ),
  scheme: fc.constantFrom("http", "https"),
  scrape_interval: fc.constantFrom("1h", "1h30m", "3601s"),
});

/**
 * What is seen of a target. Not the discovered labels: relabelling in Prometheus 2.42 changes some of
 * them in place.
 */
function sorted(list: readonly SeenTarget[]): string[] {
  return list
    .map((one) => {
      const own = Object.entries(one.labels).sort();
      const times = [parseDuration(one.scrapeInterval), parseDuration(one.scrapeTimeout)];
      return JSON.stringify([one.scrapePool, one.scrapeUrl, own, ...times]);
    })
    .sort();
}

function differences(ours: readonly SeenTarget[], theirs: readonly SeenTarget[]) {
  const [a, b] = [sorted(ours), sorted(theirs)];
  return { more: a.filter((one) => !b.includes(one)), less: b.filter((one) => !a.includes(one)) };
}

describe.skipIf(!hasPrometheus)("beside Prometheus (skipped where it is not)", () => {
  test("random jobs, relabelled, have the same targets", async () => {
    const jobs = fc.sample(job, { seed: SEED, numRuns: JOBS });
    const text = JSON.stringify({
      scrape_configs: jobs.map((one, index) => ({ job_name: `job-${index}`, ...one })),
    });
    const [theirs, ours] = [await prometheusTargets(text), ourTargets(text)];
    expect(theirs.activeTargets.length).toBeGreaterThan(JOBS);
    const none = { more: [], less: [] };
    expect(differences(ours.activeTargets, theirs.activeTargets)).toEqual(none);
    expect(ours.activeTargets.length).toBe(theirs.activeTargets.length);
    expect(ours.droppedTargets.length).toBe(theirs.droppedTargets.length);
  });
});
