import fc from "fast-check";
import { expect, test } from "vitest";
import { INTEGRATION_KINDS } from "../../../../aggregator/notify/integrations/registry.ts";
import { OperationalError } from "../../../../shared/errors.ts";
import { readConfig } from "./reading.ts";

const TEXT = `
global: { resolve_timeout: 1m }
route: { receiver: ops }
receivers:
  - name: "null"
  - name: ops
    labels: { owning-team: ops, 🙂: x }
    webhook_configs:
      - url: http://127.0.0.1:9000/hook
      - url_file: secret
        send_resolved: false
tracing: { endpoint: "127.0.0.1:4317" }
`;

function opsOf(...arguments_: Parameters<typeof readConfig>) {
  return readConfig(...arguments_).receivers.get("ops")?.integrations ?? [];
}

test("a file gives receivers with their integrations, each with a queue of its own", () => {
  const config = readConfig(TEXT);
  expect([...config.receivers.keys()]).toEqual(["null", "ops"]);
  expect(config.resolveTimeoutMs).toBe(60_000);
  expect(opsOf(TEXT)).toMatchObject([
    { receiver: "ops", kind: "webhook", queue: "ops/webhook[0]", sendsResolved: true },
    { receiver: "ops", kind: "webhook", queue: "ops/webhook[1]", sendsResolved: false },
  ]);
  expect(config.text).toContain("url: <secret>");
  expect(config.text).not.toContain("9000");
});

test("an alert's end that is not said is five minutes away where the file does not say", () => {
  const config = readConfig("route: { receiver: a }\nreceivers: [{ name: a }]");
  expect(config.resolveTimeoutMs).toBe(300_000);
});

const flapping = (text: string) =>
  readConfig(`flapping: ${text}\nroute: { receiver: a }\nreceivers: [{ name: a }]`).flapping;

test("flapping is off unless it is asked for", () => {
  expect(readConfig("route: { receiver: a }\nreceivers: [{ name: a }]").flapping).toBeNull();
  const defaults = { begins: 4, withinMs: 3_600_000, calmMs: 900_000 };
  expect(flapping("{}")).toEqual(defaults);
  const given = { begins: 3, withinMs: 600_000, calmMs: 60_000 };
  expect(flapping("{ begins: 3, within: 10m, calm: 1m }")).toEqual(given);
  for (const wrong of ["{ begins: 1 }", "{ begins: 101 }", "{ within: 0s }", "{ calm: 0s }"]) {
    expect(() => flapping(wrong), wrong).toThrow(/line 1|:1/);
  }
});

const digests = (text: string, deps = {}) => opsOf(text, deps).map(({ definition }) => definition);

test("a definition is the same as long as all that the integration is made of is", () => {
  const [first, second] = digests(TEXT);
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(first).not.toBe(second);
  const others = TEXT.replace("9000", "9001");
  expect(digests(others)).toEqual([expect.not.stringContaining(first ?? ""), second]);
  expect(
    digests(`# a comment\n${TEXT.replace("receiver: ops }", "receiver: ops, group_wait: 1s }")}`),
  ).toEqual([first, second]);
});

test("a definition is another one with other globals that the integration uses, and only then", () => {
  const withGlobal = (text: string) =>
    digests(TEXT.replace("timeout: 1m", `timeout: 1m, ${text}`), { kinds: INTEGRATION_KINDS });
  const before = withGlobal("smtp_hello: x");
  expect(new Set(before).size).toBe(2);
  expect(withGlobal("smtp_hello: y")).toEqual(before);
  expect(withGlobal("http_config: {}")).not.toEqual(before);
  const others = withGlobal("http_config: { follow_redirects: false }");
  expect(new Set([...before, ...others]).size).toBe(4);
});

test("a definition is another one with other templates or text of a file", () => {
  const [first, second] = digests(TEXT);
  const isOther = [
    expect.not.stringContaining(first ?? ""),
    expect.not.stringContaining(second ?? ""),
  ];
  const withTemplates = { readFiles: () => [{ path: "/t", text: "{{ define `x` }}" }] };
  const globbed = `${TEXT}templates: ["*.tmpl"]\n`;
  expect(digests(globbed)).toEqual([first, second]);
  expect(digests(globbed, withTemplates)).toEqual(isOther);
  expect(digests(TEXT, { readText: () => "another" })).toEqual([first, isOther[1]]);
});

test("paths of templates and secrets are relative to the file's folder", () => {
  const read: string[] = [];
  const text = `${TEXT}templates: ["t/*.tmpl", /abs/x.tmpl]\n`;
  readConfig(text, {
    readText: (path) => {
      read.push(path);
      return "";
    },
    readFiles: (pattern) => {
      read.push(pattern);
      return [];
    },
  });
  expect(read).toEqual(["/etc/notify/t/*.tmpl", "/abs/x.tmpl", "/etc/notify/secret"]);
});

test("the files of all patterns are compiled together", () => {
  const compiled: string[] = [];
  readConfig(`${TEXT}templates: [a, b]\n`, {
    readFiles: (pattern) => [{ path: pattern, text: "" }],
    compileTemplates: (files) => {
      compiled.push(...files.map(({ path }) => path));
      return { compile: () => () => "" };
    },
  });
  expect(compiled).toEqual(["/etc/notify/a", "/etc/notify/b"]);
});

test("faults in templates and their use are faults of the file", () => {
  const fail = (message: string) => () => {
    throw new OperationalError("PARSE", message);
  };
  const text = `${TEXT}templates: [a]\n`;
  expect(() => readConfig(text, { readFiles: fail("cannot be read") })).toThrow(
    "/etc/notify/routes.yaml:13: templates[0]: cannot be read",
  );
  expect(() => readConfig(text, { compileTemplates: fail("x.tmpl:1: bad") })).toThrow(
    "/etc/notify/routes.yaml:13: templates: x.tmpl:1: bad",
  );
  const compileTemplates = () => ({ compile: fail("not good") });
  expect(() => readConfig(TEXT, { compileTemplates })).toThrow(
    "/etc/notify/routes.yaml:9: receivers[1].webhook_configs[0]: not good",
  );
});

test("all faults of form are reported at once, each with file, line and path", () => {
  const text = `global:
  slack_app_token: s3cret
  slack_app_token_file: /x
  colour: red
route:
  receiver: a
  group_wait: soon
receivers:
  - name: a
    email_configs: []
    webhook_configs:
      - send_resolved: 1
        colour: red
  - colour: red
templates: a
`;
  let message = "";
  try {
    readConfig(text);
  } catch (error) {
    message = String(error);
  }
  expect(message).not.toContain("s3cret");
  expect(message.replaceAll("/etc/notify/routes.yaml:", "").split("\n")).toEqual([
    expect.stringContaining(
      "3: global.slack_app_token_file: at most one of slack_app_token & slack_app_token_file must",
    ),
    "4: global.colour: unknown key",
    expect.stringContaining("7: route.group_wait: Not a duration"),
    "10: receivers[0].email_configs: not supported",
    expect.stringContaining("12: receivers[0].webhook_configs[0].send_resolved: "),
    "13: receivers[0].webhook_configs[0].colour: unknown key",
    "14: receivers[1].colour: unknown key",
    expect.stringContaining("15: templates: "),
  ]);
});

test("all faults of relations are reported at once", () => {
  const text = `route:
  routes:
    - { receiver: b, mute_time_intervals: [t] }
receivers:
  - name: a
    webhook_configs: [{}]
  - name: a
  - name: ""
inhibit_rules: [{ source_match: { a-b: c } }]
`;
  expect(() => readConfig(text)).toThrow(
    new OperationalError(
      "CONFIG",
      [
        "6: receivers[0].webhook_configs[0].url: no URL",
        '7: receivers[1].name: notification config name "a" is not unique',
        "8: receivers[2].name: missing name in receiver",
        '9: inhibit_rules[0].source_match.a-b: invalid label name "a-b"',
        "1: route.receiver: root route must specify a default receiver",
        '3: route.routes[0].receiver: undefined receiver "b" used in route',
        '3: route.routes[0].mute_time_intervals[0]: undefined time interval "t" used in route',
      ]
        .map((line) => `/etc/notify/routes.yaml:${line}`)
        .join("\n"),
    ),
  );
});

test.each([
  ["", "1: route: no route provided in config"],
  ["route: { receiver: a }\nreceivers: [{ name: a, labels: { '': b } }]", "in receiver labels"],
  [
    "route: { receiver: a }\nreceivers: [{ name: a, webhook_configs: [{ url_file: no }] }]",
    "not there",
  ],
  ["route: { receiver: a }\nreceivers: [{ name: a, fax_configs: [] }]", "fax_configs: unknown key"],
  ["route: [", "1: "],
  ["route: *a", "1: "],
])("%j is refused", (text, message) => {
  expect(() => readConfig(text)).toThrow(message);
});

test("a fault of YAML is one fault", () => {
  expect(() => readConfig("a: b: c")).toThrow(/^[^\n]*:1: [^\n]*$/);
});

test("every kind stands under the key that its name gives", () => {
  for (const [key, kind] of INTEGRATION_KINDS) expect(key).toBe(`${kind.name}_configs`);
});

const key = fc.constantFrom(
  ..."receiver routes match match_re matchers continue group_by source_match equal __proto__".split(
    " ",
  ),
);
const word = fc.constantFrom("a", "b=c", "*x", "&x a", "...", "1.10", "true", "~", '""', "'='");
const part = fc.letrec((tie) => ({
  node: fc.oneof({ maxDepth: 4 }, word, tie("list"), tie("map")),
  list: fc.array(tie("node"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
  map: fc
    .uniqueArray(fc.tuple(key, tie("node")), { maxLength: 3, selector: ([name]) => name })
    .map((pairs) => `{ ${pairs.map(([name, value]) => `${name}: ${value}`).join(", ")} }`),
})).map;

test("whatever a file holds, it is good or has faults with places", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(part, fc.constantFrom("routes", "rules"), (any, at) => {
      const route = `route: { receiver: a, routes: [${at === "routes" ? any : ""}] }`;
      const rules = `inhibit_rules: [${at === "rules" ? any : ""}]`;
      try {
        readConfig(`${route}\nreceivers: [{ name: a }]\n${rules}`);
        seen.add("good");
      } catch (error) {
        seen.add("bad");
        expect(String(error)).toMatch(/^OperationalError: \/etc\/notify\/routes.yaml:[1-3]: /);
      }
    }),
    { numRuns: 100 },
  );
  expect([...seen].sort()).toEqual(["bad", "good"]);
});
