import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readAgentConfig } from "../../agent/config/read-agent-config.ts";
import { directoryForTest } from "../support/directory-for-test.ts";

function read(files: Readonly<Record<string, string>>) {
  const directory = directoryForTest();
  mkdirSync(join(directory, "prometheus"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const file = join(directory, "agent.yaml");
  const source = { defaultFile: "", file, environmentPrefix: "TELLTALE_TEST", flags: [] };
  return { directory, ...readAgentConfig(source) };
}

test("the agent's file and the files that it names make one configuration", () => {
  const { config, notes, directory } = read({
    "agent.yaml": `interval: 2s
scrape_config_files: ["prometheus/*.yml"]
scrape_configs:
- job_name: own
  basic_auth: {username: u, password_file: secret}
`,
    "prometheus/prometheus.yml": "rule_files: [a]\nscrape_configs: [{job_name: theirs}]",
    "prometheus/.hidden.yml": "nonsense",
  });
  expect(config.interval).toBe(2000);
  expect(config.scrape_configs.map(({ jobName }) => jobName)).toEqual(["own", "theirs"]);
  expect(config.scrape_configs[0]?.http.basicAuth?.passwordFile).toBe(join(directory, "secret"));
  expect(notes).toEqual([expect.stringMatching(/prometheus\.yml:1: rule_files is ignored/)]);
  expect(JSON.parse(JSON.stringify(config))).toEqual(config); // as the agent is handed it
});

test("a job cannot be scraped more often than there are ticks", () => {
  const text =
    "interval: 5s\nscrape_configs: [{job_name: fast, scrape_interval: 2s, scrape_timeout: 1s}]";
  expect(() => read({ "agent.yaml": text })).toThrow(/job fast has a scrape_interval below/);
});

test("faults of a named file have its name and line", () => {
  const files = {
    "agent.yaml": "scrape_config_files: [prometheus/a.yml]",
    "prometheus/a.yml": "scrape_configs:\n- job_name: a\n  consul_sd_configs: [{server: x}]",
  };
  expect(() => read(files)).toThrow(/prometheus\/a\.yml:3: scrape_configs\[0\]\.consul_sd_configs/);
  expect(() => read({ "agent.yaml": "scrape_config_files: [missing.yml]" })).toThrow(
    /missing\.yml: there is no such file/,
  );
});

test("more jobs than the agent could hold are refused, with what to do", () => {
  const targets = Array.from({ length: 9000 }, (_, i) => `host-${i}.${"x".repeat(60)}:9100`);
  const text = (n: number) =>
    `scrape_configs: [{job_name: j${n}, static_configs: [{targets: [${targets}]}]}]`;
  const names = [1, 2, 3, 4, 5, 6, 7].map((n) => `prometheus/${n}.yml`);
  const files = Object.fromEntries(names.map((name, n) => [name, text(n)]));
  expect(() =>
    read({ "agent.yaml": "scrape_config_files: ['prometheus/*.yml']", ...files }),
  ).toThrow(/over 4194304: name targets in files for file_sd_configs/);
});
