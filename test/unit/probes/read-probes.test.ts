import { describe, expect, test } from "vitest";
import { labelRecord } from "../../../agent/config/label-record.ts";
import { readModulesFile, readProbes } from "../../../agent/probes/config/read-probes.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";

function read(text: string, files: Readonly<Record<string, string>> = {}) {
  const { probes, faults } = readProbes({
    file: { path: "/etc/agent.yaml", text },
    readFile: (path) => files[path] ?? null,
    labels: labelRecord(["instance", "node"]),
  });
  return { probes, faults: faults.map(formatFault) };
}

function moduleFaults(module: string): string[] {
  const { faults } = readModulesFile({ path: "/b.yml", text: `modules: {m: ${module}}` });
  return faults.map(({ path, message }) => `${path.replace("modules.m", "")}: ${message}`);
}

describe("probes of the agent's file", () => {
  test("one line is enough: the scheme says how", () => {
    const { probes, faults } = read(`
probes:
- https://shop.example/a?b=c
- tcp://db.example:5432
- tls://mail.example:993
- icmp://192.0.2.1
- icmp://[2001:db8::1]
- grpc://api.example:50051
- grpcs://api.example:443
- dns://192.0.2.53/shop.example
- dns://[2001:db8::53]:5353/shop.example?type=mx`);
    expect(faults).toEqual([]);
    const seen = probes.map(({ address, module }) => [module.prober, address]);
    expect(seen).toEqual([
      ["http", "https://shop.example/a?b=c"],
      ["tcp", "db.example:5432"],
      ["tcp", "mail.example:993"],
      ["icmp", "192.0.2.1"],
      ["icmp", "[2001:db8::1]"],
      ["grpc", "api.example:50051"],
      ["grpc", "api.example:443"],
      ["dns", "192.0.2.53"],
      ["dns", "[2001:db8::53]:5353"],
    ]);
    expect(probes[0]).toMatchObject({ target: "https://shop.example/a?b=c", labels: {} });
    expect(probes[0]).toMatchObject({ intervalMs: 30_000, timeoutMs: 5000 });
    expect(probes[1]?.module).toMatchObject({ tcp: { usesTls: false } });
    expect(probes[2]?.module).toMatchObject({ tcp: { usesTls: true } });
    expect(probes[6]?.module).toMatchObject({ grpc: { usesTls: true } });
    expect(probes[7]?.module).toMatchObject({ dns: { queryName: "shop.example", queryType: 1 } });
    expect(probes[8]?.module).toMatchObject({ dns: { queryType: 15 } });
  });

  test("a block says more, and modules of its own stand in place of ours", () => {
    const { probes, faults } = read(`
probes:
- { target: "https://shop.example/login", module: login, interval: 10s, labels: { team: 7, job: web } }
- { target: "https://shop.example/", timeout: 20s }
- { target: "mail.example:25", module: smtp, interval: 1s }
probe_modules:
  login: { prober: http, timeout: 1.5s, http: { method: POST, body: 5, tls_config: { ca_file: ca.pem } } }
  http_2xx: { prober: http, http: { valid_status_codes: [204] } }
  smtp: { prober: tcp, timeout: 3s }`);
    expect(faults).toEqual([]);
    const [login, shop, mail] = probes;
    expect(login).toMatchObject({ intervalMs: 10_000, timeoutMs: 1500 });
    expect(login).toMatchObject({ labels: { team: "7", job: "web" } });
    expect(login?.module).toMatchObject({ http: { body: "5", tls: { caFile: "/etc/ca.pem" } } });
    expect(shop?.module).toMatchObject({ http: { validStatusCodes: [204] } });
    expect(shop?.timeoutMs).toBe(20_000);
    expect(mail).toMatchObject({ address: "mail.example:25", timeoutMs: 1000 });
  });

  test("modules may be a blackbox.yml, whose paths are found from its folder", () => {
    const blackbox = "modules: {m: {prober: http, http: {bearer_token_file: token}}}";
    const text = "probes: [{target: x.example, module: m}]\nprobe_modules: b/blackbox.yml";
    const { probes, faults } = read(text, { "/etc/b/blackbox.yml": blackbox });
    expect(faults).toEqual([]);
    const authorization = { credentialsFile: "/etc/b/token" };
    expect(probes[0]?.module).toMatchObject({ http: { authorization } });
    expect(read(text).faults).toEqual([
      "/etc/agent.yaml:2: probe_modules: /etc/b/blackbox.yml: there is no such file",
    ]);
    const bad = read(text, { "/etc/b/blackbox.yml": "modules: {m: {prober: ftp}}" });
    expect(bad.faults).toEqual([
      "/etc/b/blackbox.yml:1: modules.m.prober: must be http, tcp, dns, icmp or grpc",
    ]);
  });

  test("all faults are told at once, each with its place", () => {
    const targets = `
probes:
- shop.example
- tcp://db.example
- dns://192.0.2.53
- dns://192.0.2.53/x?type=NONE
- {target: http://a/, module: none}
- {target: http://a/, interval: 5s, timeout: 6s}
- http://a/
- http://a/
- icmp://a/b`;
    expect(read(targets).faults.map((fault) => fault.replace("/etc/agent.yaml:", ""))).toEqual([
      expect.stringMatching(/^3: probes\[0\]\.target: without a module it must begin with/),
      "4: probes[1].target: must have HOST:PORT",
      "5: probes[2].target: must be dns://SERVER/NAME, or dns://SERVER/NAME?type=A",
      expect.stringMatching(/^6: probes\[3\]\.target: \?type= must be one of A, NS/),
      expect.stringMatching(/^7: probes\[4\]\.target: there is no module "none" in probe_modules/),
      "8: probes[5].timeout: must not be over the interval",
      "9: probes[6].target: the same target with the same labels as probes[5]",
      "10: probes[7].target: the same target with the same labels as probes[5]",
      "11: probes[8].target: must have a host, and no path",
    ]);
    const forms = `
probes:
- {target: http://a/, interval: 10ms, labels: {node: x, "a-b": y}, colour: red}
- [a]
probe_modules: {m: {prober: http, http: {oauth2: {client_id: a}, fail_if_body_matches_regexp: ["("]}}}`;
    expect(read(forms).faults.map((fault) => fault.replace("/etc/agent.yaml:", ""))).toEqual([
      "3: probes[0].interval: at least 1s",
      "3: probes[0].labels.node: not a label you can set",
      "3: probes[0].labels.a-b: not a label you can set",
      "3: probes[0].colour: unknown key",
      expect.stringMatching(/^4: probes\[1\]: Invalid input/),
      expect.stringMatching(/^5: probe_modules\.m\.http\.oauth2: not supported: have another/),
      expect.stringMatching(/^5: probe_modules\.m\.http\.fail_if_body_matches_regexp\[0\]: not a/),
    ]);
  });

  test("an agent without them has none", () => {
    expect(read("")).toEqual({ probes: [], faults: [] });
    expect(read("probes:\nprobe_modules:")).toEqual({ probes: [], faults: [] });
  });
});

describe("modules, as blackbox_exporter 0.23 reads them", () => {
  test.each([
    "{prober: http, http: {tls_config: {max_version: TLS13, min_version: TLS12}}}",
    "{prober: http, http: {proxy_url: 'http://x', proxy_connect_header: {a: [b]}}}",
    "{prober: http, http: {skip_resolve_phase_with_proxy: true, no_follow_redirects: true}}",
    "{prober: http, http: {compression: gzip, headers: {accept-encoding: '*'}}}",
    "{prober: http, http: {compression: '', fail_if_ssl: yes, method: 5, headers: {a: 5}}}",
    "{prober: http, http: {body_size_limit: 10MB, preferred_ip_protocol: ''}}",
    "{prober: http, http: }",
    "{prober: http, tcp: {tls: true}}",
    "{prober: dns, timeout: 1.5s, dns: {query_name: a, query_type: '', query_class: CH}}",
    "{prober: icmp, icmp: {ttl: 0, dont_fragment: true, payload_size: 1000}}",
    "{prober: tcp, tcp: {query_response: [{expect: a, send: b, starttls: true}, {send: 5}]}}",
    "{prober: grpc, grpc: {service: a, tls: true}}",
  ])("%s is good", (module) => {
    expect(moduleFaults(module)).toEqual([]);
  });

  test.each([
    ["{prober: http, http: {tls_config: {ca: x}}}", ".http.tls_config.ca: unknown key"],
    ["{prober: http, http: {no_proxy: x}}", ".http.no_proxy: unknown key"],
    ["{prober: http, http: {fail_if_ssl: 1}}", /^\.http\.fail_if_ssl: Invalid input/],
    ["{prober: http, http: {body_size_limit: 10}}", /^\.http\.body_size_limit: not a size: "10"/],
    ["{prober: http, http: {basic_auth: {password: a, password_file: b}}}", /at most one/],
    ["{prober: http, http: {basic_auth: {username: a}, bearer_token: b}}", /at most one of basic_/],
    ["{prober: http, http: {authorization: {type: Basic}}}", /basic_auth is for the type Basic/],
    ["{prober: http, http: {proxy_connect_header: {a: [b]}}}", /needs a proxy_url/],
    ["{prober: http, http: {compression: gzip, headers: {accept-encoding: br}}}", /not accept it/],
    ["{prober: http, http: {fail_if_header_matches: [{header: x}]}}", /\[0\]\.regexp: /],
    [
      "{prober: http, timeout: 5}",
      '.timeout: not a duration over 0: "5" (write it as 5s or 1m30s)',
    ],
    ["{prober: http, timeout: 1d}", /not a duration over 0/],
    ["{prober: dns, dns: {}}", /^\.dns\.query_name: /],
    ["{prober: dns}", ".dns: query_name must be set"],
    ["{prober: dns, dns: {query_name: a, query_type: FOO}}", /^\.dns\.query_type: must be one of/],
    ["{prober: dns, dns: {query_name: a, valid_rcodes: [FOO]}}", /valid_rcodes\[0\]: must be/],
    ["{prober: dns, dns: {query_name: a, dns_over_tls: true}}", /needs "transport_protocol: tcp"/],
    ["{prober: icmp, icmp: {ttl: 256}}", /^\.icmp\.ttl: /],
    ["{prober: tcp, tcp: {query_response: [{expect: '('}]}}", /expect: not a regular expression/],
    ["{prober: grpc, grpc: {metadata: {}}}", ".grpc.metadata: unknown key"],
    ["{}", ".prober: must be http, tcp, dns, icmp or grpc"],
  ])("%s is refused by name", (module, expected) => {
    const faults = moduleFaults(module);
    const isText = typeof expected === "string";
    expect(faults).toEqual([isText ? expected : expect.stringMatching(expected)]);
  });

  test("a secret is never in a fault", () => {
    const module = '{prober: http, http: {headers: {a: "s3cret\\nx"}, bearer_token: [s3cret]}}';
    expect(moduleFaults(module).join()).not.toContain("s3cret");
  });
});
