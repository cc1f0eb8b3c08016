import "../../support/property-seed.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readScrapeConfigs } from "../../../agent/scrape/config/read-scrape-configs.ts";
import { jsonPage } from "../../../agent/scrape/json/json-page.ts";
import { ALL, parseJsonPath } from "../../../agent/scrape/json/json-path.ts";
import { PageMemory } from "../../../agent/scrape/page/page-memory.ts";
import { sampleLine } from "../../../agent/scrape/page/sample-line.ts";
import { formatFault } from "../../../shared/config/decode-yaml.ts";

const job = (fields: string) => `scrape_configs: [{ job_name: a, fields: ${fields} }]`;

function read(text: string) {
  return readScrapeConfigs({ path: "/etc/agent.yaml", text }, (path) => [
    { path, text: job("{ a: $.a }") },
  ]);
}

function fieldsOf(fields: string) {
  const { configs, faults } = read(job(fields));
  expect(faults.map(formatFault)).toEqual([]);
  return configs[0]?.fields ?? [];
}

const LIMITS = {
  pageBytesMax: 64 * 1024 ** 2,
  samplesMax: 200_000,
  labelsMax: 256,
  nameBytesMax: 4096,
  valueBytesMax: 1024 ** 2,
  seriesOfMetricMax: 50_000,
};

/** Sample lines of an answer, as the agent reads them, and what was left out. */
function samplesOf(fields: string, answer: unknown) {
  const body = typeof answer === "string" ? answer : JSON.stringify(answer);
  const { page, leftOut } = jsonPage(Buffer.from(body), fieldsOf(fields));
  const { added, values } = new PageMemory(LIMITS, 1).read(page, "text");
  const lines = added.map(({ labels }, i) => sampleLine(labels, values[i] ?? 0, Number.NaN));
  return { lines, leftOut: Object.fromEntries(leftOut) };
}

const QUEUES = {
  response_time: 0.25,
  queues: [
    { name: "mail", length: 3, jobs: 100, tags: ["x", "y"] },
    { name: "pay", length: 0, jobs: "7" },
  ],
};

test.each<[fields: string, answer: unknown, lines: string[]]>([
  ["{ response_time: $.response_time }", QUEUES, ["response_time 0.25"]],
  ["{ l: '$.queues[*].length' }", QUEUES, ['l{index="0"} 3', 'l{index="1"} 0']],
  ["{ l: '$.queues[0].length' }", QUEUES, ["l 3"]],
  ["{ l: '$.queues[-1].length' }", QUEUES, ["l 0"]],
  ["{ l: '$.queues[7].length' }", QUEUES, []],
  [
    "{ j: { path: '$.queues[*].jobs', type: counter, labels: { queue: $.name } } }",
    QUEUES,
    ['j{queue="mail"} 100', 'j{queue="pay"} 7'],
  ],
  [
    "{ j: { path: '$.queues[*].jobs', labels: { q: $.name, first: '$.tags[0]', zone: eu } } }",
    QUEUES,
    ['j{first="x",q="mail",zone="eu"} 100', 'j{q="pay",zone="eu"} 7'],
  ],
  [
    "{ r: { path: $.response_time, labels: { first: '$.queues[0].name' } } }",
    QUEUES,
    ['r{first="mail"} 0.25'],
  ],
  [
    "{ a: $.a }",
    { a: [1, 2.5, null, true] },
    ['a{index="0"} 1', 'a{index="1"} 2.5', 'a{index="3"} 1'],
  ],
  ["{ a: '$' }", 5, ["a 5"]],
  ["{ a: '$' }", [5, 6], ['a{index="0"} 5', 'a{index="1"} 6']],
  ["{ a: '$.*' }", { x: 1, y: 2 }, ['a{key="x"} 1', 'a{key="y"} 2']],
  [
    "{ a: '$[*][*]' }",
    [[1], [2, 3]],
    ['a{index="0",index_2="0"} 1', 'a{index="1",index_2="0"} 2', 'a{index="1",index_2="1"} 3'],
  ],
  [
    "{ a: { path: '$.n.*[*].v', labels: { id: $.id } } }",
    {
      n: {
        x: [{ id: 1, v: 5 }],
        y: [
          { id: 1, v: 6 },
          { id: true, v: 7 },
        ],
      },
    },
    ['a{id="1",key="x"} 5', 'a{id="1",key="y"} 6', 'a{id="true",key="y"} 7'],
  ],
  [
    "{ a: { path: '$.n[*].v', labels: { id: $.id } } }",
    { n: [{ id: "m", v: [1, 2] }] },
    ['a{id="m",index_2="0"} 1', 'a{id="m",index_2="1"} 2'],
  ],
  ["{ a: { path: $.n, labels: { id: $.id } } }", { id: 1, n: [3] }, ["a 3"]],
  [`{ a: "$['x.y'].z", b: '$["it''s"]' }`, { "x.y": { z: 1 }, "it's": 2 }, ["a 1", "b 2"]],
  ["{ a: $.a, b: $.b, c: $.c }", { a: true, b: false, c: null }, ["a 1", "b 0"]],
  ["{ a: $.a, b: $.b }", { a: " 12.5 ", b: "-1e3" }, ["a 12.5", "b -1000"]],
  ["{ a: $.a.b.c, b: '$.a[0]', c: $.length }", { a: "text", length: undefined }, []],
  ["{ a: $.__proto__, b: $.constructor, c: $.toString }", {}, []],
  ["{ a: $.__proto__ }", '{"__proto__": 5}', ["a 5"]],
  [
    "{ a: '$.*' }",
    '{"__proto__": 5, "constructor": 6}',
    ['a{key="__proto__"} 5', 'a{key="constructor"} 6'],
  ],
  ["{ a: '$.*' }", { 'q"\\\n': 1 }, ['a{key="q\\"\\\\\\n"} 1']],
  ["{ a: $.a }", '\ufeff{"a": 1e3}', ["a 1000"]],
])("%s", (fields, answer, lines) => {
  expect(samplesOf(fields, answer)).toEqual({ lines, leftOut: {} });
});

test.each<[answer: unknown, reason: string]>([
  [{ a: "fast" }, "json_not_a_number"],
  [{ a: "" }, "json_not_a_number"],
  [{ a: "0x10" }, "json_not_a_number"],
  [{ a: "NaN" }, "json_not_a_number"],
  [{ a: "Infinity" }, "json_not_a_number"],
  [{ a: "1e999" }, "json_not_a_number"],
  ['{ "a": 1e999 }', "json_not_a_number"],
  [{ a: {} }, "json_not_a_number"],
  [{ a: [[1]] }, "json_not_a_number"],
])("%j is left out, and what is beside it is not", (answer, reason) => {
  const text = typeof answer === "string" ? answer : JSON.stringify(answer);
  const body = `${text.slice(0, text.lastIndexOf("}"))}, "b": 1}`;
  expect(samplesOf("{ a: $.a, b: $.b }", body)).toEqual({
    lines: ["b 1"],
    leftOut: { [reason]: 1 },
  });
});

test("a label that is no text leaves its sample out; one that is not there is none", () => {
  const fields = "{ a: { path: '$[*].v', labels: { l: $.l } } }";
  const answer = [{ v: 1, l: {} }, { v: 2 }, { v: 3, l: null }, { v: 4, l: "x" }];
  expect(samplesOf(fields, answer)).toEqual({
    lines: ["a 2", 'a{l="x"} 4'],
    leftOut: { json_label: 1 },
  });
});

test("what is said of a field cannot be taken for a sample", () => {
  const fields = String.raw`{ a: { path: $.a, unit: seconds, help: "One\nb 5\\" } }`;
  expect(samplesOf(fields, { a: 1 })).toEqual({ lines: ["a 1"], leftOut: {} });
});

test("series that are there twice count once, as on any page", () => {
  const { page } = jsonPage(
    Buffer.from(JSON.stringify([{ v: 1 }, { v: 2 }])),
    fieldsOf("{ a: { path: '$[*].v', labels: { l: same } } }"),
  );
  expect(new PageMemory(LIMITS, 1).read(page, "text")).toMatchObject({ count: 1, duplicates: 1 });
});

test("of a field with more series than there may be, the rest is left out", () => {
  const { lines, leftOut } = samplesOf("{ a: $, b: '$[0]' }", Array(50_003).fill(1));
  expect(lines).toHaveLength(50_001);
  expect(leftOut).toEqual({ series_of_metric: 3 });
});

describe("an answer is refused", () => {
  const refused = (body: string | Buffer) => () => {
    jsonPage(Buffer.from(body), fieldsOf("{ a: $.a }"));
  };
  test.each<[what: string, body: string | Buffer, message: RegExp]>([
    ["that is no JSON", "<html>", /^Not JSON: 6 bytes$/],
    ["that is empty", "", /^Not JSON: 0 bytes$/],
    ["that breaks off", '{"a": 1', /^Not JSON/],
    ["that breaks off in a text", '{"a": "\\', /^Not JSON/],
    ["that is not UTF-8", Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/],
    ["that is deep", "[".repeat(10_000) + "]".repeat(10_000), /deeper than 64/],
    ["that is deep and goes up again", `${"[]".repeat(70)}${"[".repeat(65)}`, /deeper than 64/],
    ["of ten million elements", `[${"1,".repeat(7_999_999)}1]`, /more than 500000 values/],
    ["of many empty objects", `[${"{},".repeat(300_000)}{}]`, /more than 500000 values/],
    ["of a long text", JSON.stringify("x".repeat(17 * 1024 ** 2)), /more than 16777216 bytes/],
  ])("%s", (_, body, message) => {
    expect(refused(body)).toThrow(message);
  });

  test("but not for what its texts hold", () => {
    const text = `\\"${"[{,".repeat(300_000)}`;
    expect(samplesOf("{ a: $.a }", { b: text, a: 1 })).toEqual({ lines: ["a 1"], leftOut: {} });
  });
});

test("any JSON is read without a fault, and each number at the root comes back", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.double({ noNaN: true }), (value, number) => {
      fc.pre(Number.isFinite(number));
      const { lines } = samplesOf("{ n: $.n, a: '$.v.*', b: '$.v[*]', c: $.v }", {
        v: value,
        n: number,
      });
      expect(Number(lines[0]?.split(" ")[1])).toBe(number);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["$", []],
  ["$.a", [{ name: "a" }]],
  ["$.a-b_c1.ü", [{ name: "a-b_c1" }, { name: "ü" }]],
  ["$['a b'][\"c'd\"]", [{ name: "a b" }, { name: "c'd" }]],
  ["$['it\\'s \\\\']", [{ name: "it's \\" }]],
  ["$[0][-1][*].*", [{ index: 0 }, { index: -1 }, ALL, ALL]],
  ["$['*']", [{ name: "*" }]],
])("%s is a path", (text, steps) => {
  expect(parseJsonPath(text)).toEqual(steps);
});

test.each([
  "a",
  "",
  "$a",
  "$.",
  "$..a",
  "$[",
  "$[]",
  "$[1:2]",
  "$[0,1]",
  "$[?(@.a)]",
  "$['a]",
  "$[a]",
  "$.a[",
  "$.a b",
  "$[1e3]",
  `$${".a".repeat(33)}`,
  `$.${"a".repeat(2000)}`,
])("%j is no path", (text) => {
  expect(parseJsonPath(text)).toEqual(expect.any(String));
});

test("a field has defaults, and all that it says", () => {
  expect(
    fieldsOf(
      "{ a: $.a, b: { path: $, type: counter, unit: seconds, help: It., labels: { x: y } } }",
    ),
  ).toEqual([
    { name: "a", path: [{ name: "a" }], type: "gauge", unit: "", help: "", labels: null },
    {
      ...{ name: "b", path: [], type: "counter", unit: "seconds", help: "It." },
      labels: [{ name: "x", text: "y" }],
    },
  ]);
});

test.each([
  ["{ 'a b': $.a }", "fields.a b: not the name of a metric"],
  ["{ a: .b }", 'fields.a.path: must begin with $: ".b"'],
  ["{ a: { path: $..b } }", "fields.a.path: not understood"],
  ["{ a: { type: gauge } }", "fields.a.path"],
  ["{ a: { path: $, type: summary } }", "must be gauge, counter or untyped"],
  ["{ a: { path: $, kind: gauge } }", "kind"],
  ["{ a: { path: $, labels: { __x: y } } }", "fields.a.labels.__x: not the name of a label"],
  ["{ a: { path: $, labels: { x: '$[*]' } } }", "has a * in it"],
  ["{ a: { path: $, labels: { x: '$[' } } }", "not understood"],
  ["{}", "at least one field"],
  ["[a]", "fields"],
])("%s is refused", (fields, message) => {
  expect(read(job(fields)).faults.map(formatFault)).toEqual([expect.stringContaining(message)]);
});

test("a prometheus.yml has no fields: Prometheus would not read them", () => {
  const { faults } = read("scrape_config_files: [prometheus.yml]");
  expect(faults.map(formatFault)).toEqual([expect.stringMatching(/prometheus\.yml:1: .*fields/)]);
});
