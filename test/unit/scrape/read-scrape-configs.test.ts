// biome-ignore-all lint/suspicious/noTemplateCurlyInString: replacements of relabelling have such
import { describe, expect, test } from "vitest";
import { readScrapeConfigs } from "../../../agent/scrape/config/read-scrape-configs.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";

type Files = Readonly<Record<string, string>>;

function read(text: string, files: Files = {}) {
  return readScrapeConfigs({ path: "/etc/telltale/agent.yaml", text }, (pattern) =>
    Object.entries(files)
      .filter(([path]) => path === pattern || (pattern.endsWith("*.yml") && path.startsWith("/p/")))
      .map(([path, content]) => ({ path, text: content })),
  );
}

const faultsOf = (text: string, files: Files = {}) => read(text, files).faults.map(formatFault);
const job = (lines: string) => `scrape_configs:\n- job_name: a\n${lines}`;

function only(text: string) {
  const { configs, faults } = read(text);
  expect(faults.map(formatFault)).toEqual([]);
  const [config] = configs;
  if (config === undefined) throw new Error("no job was read");
  return config;
}

test("a job has Prometheus' defaults", () => {
  expect(only("interval: 1s\nscrape_configs: [{job_name: a}]")).toEqual({
    jobName: "a",
    intervalMs: 60_000,
    timeoutMs: 10_000,
    metricsPath: "/metrics",
    scheme: "http",
    params: {},
    honorLabels: false,
    honorTimestamps: true,
    trackTimestampsStaleness: false,
    enableCompression: true,
    protocols: ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText0.0.4"],
    fallbackProtocol: null,
    fields: null,
    limits: {
      bodyBytes: 0,
      samples: 0,
      labels: 0,
      labelNameLength: 0,
      labelValueLength: 0,
      targets: 0,
      keptDroppedTargets: 0,
    },
    http: {
      basicAuth: null,
      authorization: null,
      tls: {
        ca: null,
        caFile: null,
        cert: null,
        certFile: null,
        key: null,
        keyFile: null,
        serverName: null,
        skipsVerification: false,
        minVersion: null,
        maxVersion: null,
      },
      proxyUrl: null,
      noProxy: "",
      proxyFromEnvironment: false,
      proxyHeaders: {},
      followRedirects: true,
      headers: {},
    },
    relabel: [],
    metricRelabel: [],
    staticGroups: [],
    fileDiscoveries: [],
    httpDiscoveries: [],
    dockerDiscoveries: [],
  });
});

test("nothing about scraping is a good answer", () => {
  expect(read("interval: 1s\nscrape_configs:\n")).toMatchObject({ configs: [], faults: [] });
  expect(read("")).toMatchObject({ configs: [], notes: [], faults: [] });
});

test("values of labels stay as they are written", () => {
  const { staticGroups } = only(
    job("  static_configs: [{targets: [db:9187], labels: {version: 1.10, on: yes, n: 0123}}]"),
  );
  expect(staticGroups).toEqual([
    { targets: ["db:9187"], labels: { version: "1.10", on: "yes", n: "0123" } },
  ]);
});

test("paths are found from the folder of the file that names them", () => {
  const { configs } = read("scrape_config_files: [prometheus.yml]", {
    "/etc/telltale/prometheus.yml": job(
      "  bearer_token_file: token\n  tls_config: {ca_file: /ca.pem}\n" +
        "  file_sd_configs: [{files: ['t/*.json']}]",
    ),
  });
  expect(configs[0]?.http.authorization?.credentialsFile).toBe("/etc/telltale/token");
  expect(configs[0]?.http.tls.caFile).toBe("/ca.pem");
  expect(configs[0]?.fileDiscoveries).toEqual([
    { files: ["/etc/telltale/t/*.json"], refreshMs: 300_000 },
  ]);
});

test("a prometheus.yml is taken as it is, with its global section and the files it names", () => {
  const { configs, notes, faults } = read("scrape_config_files: [/p.yml]", {
    "/p.yml": `global:
  scrape_interval: 5s
  evaluation_interval: 5s
  sample_limit: 500
  body_size_limit: 10MB
  external_labels: {site: a}
alerting: {alertmanagers: []}
rule_files: [rules/*.yml]
remote_write:
scrape_configs:
- {job_name: a, sample_limit: 0}
- {job_name: b, scrape_interval: 30s, scrape_timeout: 20s, sample_limit: 7}
scrape_config_files: ["*.yml"]
`,
    "/p/more.yml": "scrape_configs: [{job_name: c}]",
  });
  expect(faults).toEqual([]);
  expect(configs.map((one) => [one.jobName, one.intervalMs, one.timeoutMs])).toEqual([
    ["a", 5000, 5000],
    ["b", 30_000, 20_000],
    ["c", 5000, 5000],
  ]);
  expect(configs.map(({ limits }) => [limits.samples, limits.bodyBytes])).toEqual([
    [500, 10 * 1024 ** 2],
    [7, 10 * 1024 ** 2],
    [500, 10 * 1024 ** 2],
  ]);
  expect(notes).toEqual([
    expect.stringMatching(/^\/p\.yml:6: global\.external_labels is ignored: .*"labels"/),
    expect.stringMatching(/^\/p\.yml:3: global\.evaluation_interval is ignored/),
    expect.stringMatching(/^\/p\.yml:7: alerting is ignored/),
    expect.stringMatching(/^\/p\.yml:8: rule_files is ignored/),
  ]);
});

test("a file that two patterns match is read once; a job's name is there once in all files", () => {
  const files = { "/p/a.yml": "scrape_configs: [{job_name: a}]" };
  expect(read("scrape_config_files: [/p/a.yml, '/p/*.yml']", files).configs).toHaveLength(1);
  expect(faultsOf(`${job("  scheme: http")}\nscrape_config_files: [/p/a.yml]`, files)).toEqual([
    '/p/a.yml:1: scrape_configs[0].job_name: the job "a" is at /etc/telltale/agent.yaml:2 already',
  ]);
});

test("files that name each other come to an end", () => {
  const files = {
    "/p/a.yml": "scrape_config_files: [/p/b.yml]",
    "/p/b.yml": "scrape_config_files: [/p/c.yml]",
    "/p/c.yml": "scrape_configs: [{job_name: c}]",
  };
  expect(faultsOf("scrape_config_files: [/p/a.yml]", files)).toEqual([
    expect.stringMatching(/^\/p\/b\.yml:1: scrape_config_files\[0\]: files that name files/),
  ]);
});

test("all faults of all files are found at once, each with its line", () => {
  expect(
    faultsOf(
      `scrape_configs:
- job_name: a
  kubernetes_sd_configs: [{role: pod}]
  oauth2: {client_id: x}
  nonsense: 1
- job_name: b
  scrape_interval: 1m
  scrape_timeout: 2m
scrape_config_files: [/p/a.yml]
`,
    ),
  ).toEqual([
    expect.stringMatching(/agent\.yaml:4: scrape_configs\[0\]\.oauth2: not supported: .*token/),
    expect.stringMatching(/agent\.yaml:3: .*kubernetes_sd_configs: not supported: .*file_sd/),
    expect.stringMatching(/agent\.yaml:5: scrape_configs\[0\]\.nonsense: unknown key$/),
  ]);
  expect(faultsOf(job("  scrape_interval: 1m\n  scrape_timeout: 2m"))).toEqual([
    expect.stringMatching(/agent\.yaml:4: .*scrape_timeout: must not be over scrape_interval/),
  ]);
});

test("targets may be URLs where relabelling makes addresses of them, as for blackbox_exporter", () => {
  const targets = ["https://shop.example/a", "tcp://db:5432"];
  const { staticGroups } = only(
    job(`  static_configs: [{targets: ${JSON.stringify(targets)}}]
  relabel_configs:
    - {source_labels: [__address__], target_label: __param_target}
    - {target_label: __address__, replacement: 'blackbox:9115'}`),
  );
  expect(staticGroups[0]?.targets).toEqual(targets);
});

describe("what is wrong is told at its line", () => {
  test.each([
    ["scrape_interval: 500ms", /scrape_interval: at least 1s/],
    ["scrape_interval: 0s", /scrape_interval: must be over 0/],
    ["scrape_interval: 15", /scrape_interval: not a duration: "15"/],
    ["scheme: ftp", /scheme: must be http or https/],
    ["body_size_limit: 10 apples", /body_size_limit: not a size/],
    ["sample_limit: -1", /sample_limit: /],
    ["static_configs: [{targets: ['http://a:1/metrics']}]", /targets\[0\]: must be HOST:PORT/],
    ["static_configs: [{targets: [a], labels: {a-b: x}}]", /labels\.a-b: not the name of a label/],
    ["file_sd_configs: [{files: [a.txt]}]", /files\[0\]: must end in \.json/],
    ["file_sd_configs: [{files: ['*/a.json']}]", /files\[0\]: must end in \.json/],
    ["file_sd_configs: [{files: []}]", /files: at least one/],
    ["http_sd_configs: [{url: 'file:///etc/passwd'}]", /url: must be an http or https URL/],
    ["docker_sd_configs: [{port: 80}]", /docker_sd_configs\[0\]\.host: /],
    ["docker_sd_configs: [{host: 'ssh://a'}]", /host: must be unix/],
    ["consul_sd_configs: []", /consul_sd_configs: not supported/],
    ["scrape_classic_histograms: true", /scrape_classic_histograms: not supported/],
    ["scrape_protocols: [PrometheusProto]", /scrape_protocols: protobuf is not supported/],
    ["scrape_protocols: [Text]", /scrape_protocols\[0\]: must be one of/],
    ["basic_auth: {password: a, password_file: b}", /password_file: at most one/],
    ["basic_auth: {}\n  bearer_token: x", /at most one of basic_auth, authorization and/],
    ["authorization: {type: Basic, credentials: x}", /type: basic_auth is for that/],
    ["tls_config: {cert: x}", /tls_config: cert and key are needed together/],
    ["tls_config: {min_version: SSL3}", /min_version: must be one of/],
    ["no_proxy: a", /no_proxy: needs a proxy_url/],
    ["proxy_url: 'socks5://a'", /proxy_url: must be an http or https URL/],
    ["http_headers: {Host: {values: [a]}}", /http_headers\.Host: this header cannot be set/],
    ['http_headers: {X: {values: ["a\\nb"]}}', /http_headers\.X: a header cannot hold/],
    ["relabel_configs: [{action: nothing}]", /action: must be one of/],
    ["relabel_configs: [{source_labels: [a]}]", /replace needs a target_label/],
    ["relabel_configs: [{target_label: a-b}]", /target_label: not the name of a label/],
    ["relabel_configs: [{target_label: '${1}-x'}]", /target_label: not the name of a label/],
    ["relabel_configs: [{target_label: a, regex: '('}]", /regex: Not a regular expression/],
    ["relabel_configs: [{action: hashmod, target_label: a}]", /hashmod needs a modulus/],
    ["relabel_configs: [{action: labelmap, replacement: '-'}]", /replacement: not the name/],
    ["relabel_configs: [{action: labeldrop, source_labels: [a]}]", /source_labels: labeldrop has/],
    ["relabel_configs: [{action: keepequal, target_label: a, regex: b}]", /regex: keepequal has/],
    ["relabel_configs: [{action: lowercase, target_label: $1}]", /target_label: not the name/],
  ])("%s", (lines, message) => {
    const faults = faultsOf(job(`  ${lines}`));
    expect(faults).toEqual([expect.stringMatching(message)]);
    expect(faults[0]).toMatch(/^\/etc\/telltale\/agent\.yaml:[234]: scrape_configs\[0\]/);
  });
});

test.each([
  "enable_http2: false",
  "scrape_classic_histograms: false",
  "native_histogram_bucket_limit: 0",
  "metric_name_validation_scheme: legacy",
  "kubernetes_sd_configs:",
  "scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0]",
  "relabel_configs: [{action: Replace, target_label: '${1}_x', regex: (.+)}]",
  "relabel_configs: [{action: LabelMap, regex: __meta_(.+)}]",
  "relabel_configs: [{source_labels: [a], target_label: a, regex:, separator: ''}]",
  "http_headers: {X-Scope-OrgID: {values: [a], secrets: [b], files: [c]}}",
  "proxy_url: proxy:3128\n  no_proxy: 10.0.0.0/8",
])("%s is accepted", (lines) => {
  expect(faultsOf(job(`  ${lines}`))).toEqual([]);
});

test("a secret is in no error, whatever is wrong around it", () => {
  const secrets = job(`  basic_auth: {username: [hunter1], password: {a: hunter2}}
  bearer_token: hunter3
  tls_config: {key: hunter4}
  http_headers: {X: {secrets: ["hunter5\\n"]}}
  authorization: {credentials: [hunter6]}
`);
  const faults = faultsOf(secrets);
  expect(faults.length).toBeGreaterThan(1);
  expect(faults.join("\n")).not.toContain("hunter");
});

test("nor in one about what is right by itself and wrong together", () => {
  const faults = faultsOf(
    job(`  basic_auth: {username: hunter1, username_file: a, password: hunter2, password_file: b}
  bearer_token: hunter3
  authorization: {type: "bad type", credentials: hunter4, credentials_file: c}
  tls_config: {key: hunter5, key_file: d}
  proxy_url: "socks5://u:hunter6@h"
  http_headers: {X: {secrets: ["hunter7\\n"]}}
  http_sd_configs: [{url: "http://h", http_headers: {Y: {values: ["hunter8\\n"]}}}]
`),
  );
  expect(faults.length).toBeGreaterThan(7);
  expect(faults.join("\n")).not.toContain("hunter");
});

test("discoveries are read with their defaults", () => {
  const { httpDiscoveries, dockerDiscoveries } = only(
    job(`  http_sd_configs: [{url: 'http://sd/', refresh_interval: 5s, bearer_token: x}]
  docker_sd_configs:
  - host: unix:///var/run/docker.sock
    filters: [{name: label, values: [a]}, {name: label, values: [b]}]
`),
  );
  expect(httpDiscoveries).toMatchObject([
    { url: "http://sd/", refreshMs: 5000, http: { authorization: { credentials: "x" } } },
  ]);
  expect(dockerDiscoveries).toMatchObject([
    {
      host: "unix:///var/run/docker.sock",
      port: 80,
      filters: { label: ["a", "b"] },
      hostNetworkingHost: "localhost",
      matchFirstNetwork: true,
      refreshMs: 60_000,
    },
  ]);
});
