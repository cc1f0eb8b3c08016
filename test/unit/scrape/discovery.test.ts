import { expect, onTestFinished, test } from "vitest";
import { readScrapeConfigs } from "../../../agent/scrape/config/read-scrape-configs.ts";
import type {
  DiscoveryAnswer,
  DiscoveryPorts,
  DiscoveryRequest,
} from "../../../agent/scrape/discovery/discovery.ts";
import { followTargets } from "../../../agent/scrape/follow-targets.ts";
import type { TargetsOfJob } from "../../../agent/scrape/targets.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsRecord } from "../../../shared/model/labels.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

/** Files and servers of a job's discoveries, and what they lead to. */
class World {
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly files = new Map<string, string>();
  readonly reads: string[] = [];
  readonly requests: DiscoveryRequest[] = [];
  answer: DiscoveryAnswer | Error = { status: 404, contentType: "", body: "" };
  readonly lists: TargetsOfJob[] = [];
  #writes = 0;
  readonly #marks = new Map<string, number>();

  follow(lines: string): void {
    const text = `scrape_configs:\n- job_name: a\n  ${lines}`;
    const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
    expect(faults).toEqual([]);
    const [config] = configs;
    if (config === undefined) throw new Error("no job was read");
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    void followTargets(config, this.#ports(), (list) => this.lists.push(list), stop.signal);
  }

  write(path: string, text: string): void {
    this.files.set(path, text);
    this.#writes += 1;
    this.#marks.set(path, this.#writes);
  }

  get urls(): string[] {
    return (this.lists.at(-1)?.targets ?? []).map(({ url }) => url);
  }

  #ports(): DiscoveryPorts {
    return {
      clock: this.clock,
      logger: this.logger,
      get: async (request) => {
        this.requests.push(request);
        if (this.answer instanceof Error) throw this.answer;
        return this.answer;
      },
      files: {
        list: async (pattern) => {
          const [start = "", end = ""] = pattern.split("*");
          const isPlain = !pattern.includes("*");
          const isMatch = (path: string) => path.startsWith(start) && path.endsWith(end);
          return isPlain ? [pattern] : [...this.files.keys()].filter(isMatch).sort();
        },
        mark: async (path) => {
          return this.files.has(path) ? String(this.#marks.get(path)) : null;
        },
        read: async (path) => {
          this.reads.push(path);
          return this.files.get(path) ?? "";
        },
      },
    };
  }
}

const json = (groups: unknown, status = 200): DiscoveryAnswer => ({
  status,
  contentType: "application/json; charset=utf-8",
  body: JSON.stringify(groups),
});

test("a job of static targets is told at once, and once", async () => {
  const world = new World();
  world.follow("static_configs: [{targets: [b, a]}]");
  expect(world.urls).toEqual(["http://b:80/metrics", "http://a:80/metrics"]);
  await world.clock.advance(600_000);
  expect(world.lists).toHaveLength(1);
});

test("files of targets are followed: new, changed, bad, gone", async () => {
  const world = new World();
  world.write("/t/a.json", '[{"targets": ["a:1"], "labels": {"x": "1"}}]');
  world.follow("file_sd_configs: [{files: ['/t/*.json']}]");
  await settle();
  expect(world.urls).toEqual(["http://a:1/metrics"]);
  const [first] = world.lists.at(-1)?.targets ?? [];
  expect({ ...labelsRecord(first?.discovered ?? []) }).toMatchObject({
    x: "1",
    __meta_filepath: "/t/a.json",
  });

  world.write("/t/b.json", '[{"targets": ["b:1"]}]');
  await world.clock.advance(5000);
  expect(world.urls).toEqual(["http://a:1/metrics", "http://b:1/metrics"]);
  expect(world.reads).toEqual(["/t/a.json", "/t/b.json"]); // what did not change is not read again

  world.write("/t/a.json", '[{"targets": ["a:');
  await world.clock.advance(20_000);
  expect(world.urls).toEqual(["http://a:1/metrics", "http://b:1/metrics"]);
  expect(world.logger.messages("error")).toEqual(["file of targets not read"]);
  world.write("/t/b.json", '[{"targets": ["b:2"]}]');
  await world.clock.advance(5000);
  expect(world.urls).toEqual(["http://a:1/metrics", "http://b:2/metrics"]);

  world.write("/t/a.json", '[{"targets": ["a:2"]}]');
  world.files.delete("/t/b.json");
  await world.clock.advance(5000);
  expect(world.urls).toEqual(["http://a:2/metrics"]);
  expect(world.logger.messages("info")).toEqual(["file of targets not read: works again"]);
});

test("files are read at refresh_interval whatever their times say, and told when they differ", async () => {
  const world = new World();
  world.write("/a.json", '[{"targets": ["a:1"]}]');
  world.follow("file_sd_configs: [{files: [/a.json], refresh_interval: 1m}]");
  await settle();
  world.files.set("/a.json", '[{"targets": ["a:2"]}]'); // by somebody who sets its time back
  await world.clock.advance(50_000);
  expect(world.urls).toEqual(["http://a:1/metrics"]);
  await world.clock.advance(15_000);
  expect(world.urls).toEqual(["http://a:2/metrics"]);
  const count = world.lists.length;
  await world.clock.advance(180_000);
  expect(world.lists).toHaveLength(count);
});

test("YAML files have the same, and their scalars are texts", async () => {
  const world = new World();
  world.write("/a.yml", "- targets: [a:1]\n  labels: {version: 1.10, on: yes}\n");
  await import("../../../agent/scrape/discovery/yaml-groups.ts"); // so that it is there at once
  world.follow("file_sd_configs: [{files: [/a.yml]}]");
  for (let turns = 0; turns < 1000 && world.urls.length === 0; turns += 1) await settle();
  const [target] = world.lists.at(-1)?.targets ?? [];
  expect({ ...labelsRecord(target?.labels ?? []) }).toMatchObject({ version: "1.10", on: "yes" });
  world.write("/a.yml", "- targets: [a:1\n  labels\n");
  await world.clock.advance(5000);
  expect(world.urls).toEqual(["http://a:1/metrics"]);
  expect(world.logger.lines.at(-1)?.fields).toMatchObject({
    path: "/a.yml",
    error: expect.stringMatching(/^Line \d/),
  });
});

test.each([
  ['{"targets": []}', /not a list/],
  ["[null]", /Target group 0 is not an object/],
  ['[{"targets": ["a"], "label": {}}]', /unknown key "label"/],
  ['[{"targets": [1]}]', /a target is not a text/],
  ['[{"targets": "a"}]', /targets are not a list/],
  ['[{"labels": {"a": 1}}]', /the label a is not a text/],
  ['[{"labels": {"a-b": "x"}}]', /"a-b" is not the name of a label/],
  ["nonsense", /Not JSON/],
])("a file with %s keeps what it last held, and it is told why", async (text, message) => {
  const world = new World();
  world.write("/a.json", '[{"targets": ["a:1"]}]');
  world.follow("file_sd_configs: [{files: [/a.json]}]");
  await settle();
  world.write("/a.json", text);
  await world.clock.advance(5000);
  expect(world.urls).toEqual(["http://a:1/metrics"]);
  expect(world.logger.lines).toEqual([
    expect.objectContaining({
      fields: expect.objectContaining({ error: expect.stringMatching(message) }),
    }),
  ]);
});

test("a service is asked as Prometheus asks it, and what it lists is taken", async () => {
  const world = new World();
  world.answer = json([{ targets: ["a:1"], labels: { __meta_dc: "x" } }]);
  world.follow(
    "http_sd_configs: [{url: 'http://sd/t?k=s', refresh_interval: 30s, bearer_token: token}]",
  );
  await settle();
  expect(world.requests).toEqual([
    expect.objectContaining({
      url: "http://sd/t?k=s",
      socketPath: null,
      headers: { Accept: "application/json", "X-Prometheus-Refresh-Interval-Seconds": "30" },
      http: expect.objectContaining({
        authorization: { type: "Bearer", credentials: "token", credentialsFile: null },
      }),
    }),
  ]);
  const [target] = world.lists.at(-1)?.targets ?? [];
  expect({ ...labelsRecord(target?.discovered ?? []) }).toMatchObject({
    __meta_dc: "x",
    __meta_url: "http://sd/t?k=s",
  });
});

test("a service that fails leaves what it last said; one that says the same is not told again", async () => {
  const world = new World();
  world.answer = json([{ targets: ["a:1"] }]);
  world.follow("http_sd_configs: [{url: 'http://u:secret@sd/'}]");
  await settle();
  const bad: (DiscoveryAnswer | Error)[] = [
    json([], 503),
    { ...json([]), contentType: "text/html" },
    { ...json([]), body: "<html>" },
    json([{ targets: [1] }]),
    new OperationalError("UNAVAILABLE", "it is away"),
  ];
  for (const one of bad) {
    world.answer = one;
    await world.clock.advance(60_000);
    expect(world.urls).toEqual(["http://a:1/metrics"]);
  }
  expect(world.logger.messages()).toEqual(["no targets from sd"]);
  world.answer = json([{ targets: ["a:1"] }]);
  await world.clock.advance(60_000);
  expect(world.lists).toHaveLength(2);
  world.answer = json([]);
  await world.clock.advance(60_000);
  expect(world.urls).toEqual([]);
  expect(JSON.stringify(world.logger.lines)).not.toContain("secret");
});
