import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseTestFile } from "../../aggregator/rule-tests/test-file.ts";
import { runCli } from "../../cli/program.ts";

/** `telltale rules check` and `test`, which need no aggregator. */

const RULES = `groups:
  - name: second
    rules:
      - alert: Full
        expr: used_ratio > 0.9
        for: 2m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.disk }} in {{ $externalLabels.site }} has {{ $value | humanizePercentage }}"
          all: '{{ with query "sum(used_ratio)" }}{{ . | first | value | printf "%.2f" }}{{ end }}'
      - record: doubled
        expr: first_recorded * 2
  - name: first
    rules:
      - record: first_recorded
        expr: sum(used_ratio)
`;

const TESTS = `rule_files: [rules.yaml]
group_eval_order: [first, second]
tests:
  - name: full
    external_labels: {site: here}
    input_series:
      - {series: 'used_ratio{disk="a"}', values: 0.95x9}
      - {series: 'used_ratio{disk="b"}', values: 0.95x3 0.5x6}
    alert_rule_test:
      - eval_time: 1m
        alertname: Full
      - eval_time: 2m30s
        alertname: Full
        exp_alerts:
          - exp_labels: {severity: page, disk: b}
            exp_annotations: {summary: b in here has 95%, all: "1.90"}
          - exp_labels: {severity: page, disk: a}
            exp_annotations: {summary: a in here has 95%, all: "1.90"}
      - eval_time: 5m
        alertname: Full
        exp_alerts:
          - exp_labels: {severity: page, disk: a}
            exp_annotations: {summary: a in here has 95%, all: "1.45"}
    promql_expr_test:
      - expr: doubled
        eval_time: 0
        exp_samples: [{labels: doubled, value: 3.8}]
`;

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "telltale-rules-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function run(...args: string[]) {
  const output = { out: "", errors: "" };
  const code = await runCli(["rules", ...args], {
    write: (text) => {
      output.out += text;
    },
    writeError: (text) => {
      output.errors += text;
    },
    isInteractive: false,
    environment: {},
    nowMs: () => 0,
  });
  return { code, ...output };
}

test("a test passes whose alerts and values are as it says", async () => {
  write("rules.yaml", RULES);
  const file = write("tests.yaml", TESTS);
  const expected = { code: 0, out: `Unit Testing:  ${file}\n  SUCCESS\n\n`, errors: "" };
  expect(await run("test", file)).toEqual(expected);
});

test.each([
  ["for: 2m", "for: 3m", "alertname: Full, time: 2m30s,"],
  ["> 0.9", "> 0.4", "alertname: Full, time: 5m,"],
  ["severity: page", "severity: warning", 'severity="warning"'],
  ["* 2", "* 3", 'got: {__name__="doubled"} 5.69'],
  ["humanizePercentage", "humanize", "a in here has 950m"],
])("with %j as %j in the rules the test fails", async (from, to, shown) => {
  write("rules.yaml", RULES.replace(from, to));
  const { code, out } = await run("test", write("tests.yaml", TESTS));
  expect(out).toContain(shown);
  expect(code).toBe(1);
});

test("without the order of its groups a rule reads what was recorded before", async () => {
  write("rules.yaml", RULES);
  const tests = TESTS.replace(/group_eval_order.*\n/, "");
  const { out } = await run("test", write("tests.yaml", tests));
  expect(out).toContain('exp: {__name__="doubled"} 3.8E+00\n        got: nil');
});

test("faults of a test file have their lines, and other files are tested all the same", async () => {
  write("rules.yaml", RULES);
  const good = write("tests.yaml", TESTS);
  const bad = write("bad.yaml", "tests:\n  - nmae: a\n  - start_timestamp: noon\n");
  const { code, out } = await run("test", bad, good, join(directory, "none.yaml"));
  expect(out).toBe(`Unit Testing:  ${bad}
  FAILED:
${bad}:2: tests[0].nmae: unknown key
${bad}:3: tests[1].start_timestamp: must be Unix seconds or a time of RFC 3339

Unit Testing:  ${good}
  SUCCESS

Unit Testing:  ${directory}/none.yaml
  FAILED:
there is no such file

`);
  expect(code).toBe(1);
});

test("a test of 20,000 years is refused", async () => {
  const text = "tests:\n  - promql_expr_test: [{expr: '1', eval_time: 20000y}]\n";
  const { out } = await run("test", write("long.yaml", text));
  expect(out).toContain("    over 1000000 evaluations\n");
});

test("JSON says what failed", async () => {
  const text = `tests:
  - {name: a, promql_expr_test: [{expr: "1 / 0", exp_samples: [{value: NaN}]}]}
  - {name: b, promql_expr_test: [{expr: "up + on(", eval_time: 1m}]}
`;
  const { out } = await run("test", write("json.yaml", text), "--output", "json");
  expect(JSON.parse(out)[0].tests).toEqual([
    {
      name: "a",
      failures: [
        {
          kind: "expr",
          expr: "1 / 0",
          evalSeconds: 0,
          expected: [{ labels: {}, value: "NaN" }],
          found: [{ labels: {}, value: "Infinity" }],
          error: null,
        },
      ],
    },
    {
      name: "b",
      failures: [
        {
          kind: "expr",
          expr: "up + on(",
          evalSeconds: 60,
          expected: [],
          found: [],
          error: expect.stringContaining("PromQL 1:9"),
        },
      ],
    },
  ]);
});

test("files are checked each by itself; the exit code tells faults from what a linter says", async () => {
  const good = write("rules.yaml", RULES);
  const bad = write("faulty.yaml", "groups:\n- name: a\n  rules: [{alert: x}]\n");
  const rule = "      - {record: twice, expr: up, labels: {a: b}}\n";
  const twice = write("twice.yaml", `groups:\n  - name: g\n    rules:\n${rule}${rule}`);
  const missing = join(directory, "none.yaml");
  expect(await run("check", good, bad, missing, twice)).toEqual({
    code: 1,
    out: `Checking ${good}
  SUCCESS: 3 rules found

Checking ${bad}
  FAILED:
${bad}:3: groups[0].rules[0].expr: expr must be set

Checking ${missing}
  FAILED:
${missing}:1: there is no such file

Checking ${twice}
  SUCCESS: 2 rules found
  2 duplicate rule(s) found.
  Metric: twice
  Label(s):
    a: b
  Might cause inconsistency while recording expressions

`,
    errors: "",
  });
  expect((await run("check", twice)).code).toBe(0);
  expect((await run("check", twice, "--lint-fatal")).code).toBe(3);
  expect((await run("check")).code).toBe(2);
});

describe("the rules that are shipped", () => {
  const root = join(import.meta.dirname, "../..");
  const pathsOf = (name: string) => {
    const rules = join(root, `systemd/rules/${name}.yaml`);
    return { rules, tests: join(root, `test/fixtures/rules/${name}_test.yaml`) };
  };

  test.each(["telltale", "services"])("%s are good, and stand as their tests say", async (name) => {
    const { rules, tests } = pathsOf(name);
    expect(await run("check", rules, "--lint-fatal")).toMatchObject({ code: 0, errors: "" });
    expect(await run("test", tests)).toEqual({
      code: 0,
      out: `Unit Testing:  ${tests}\n  SUCCESS\n\n`,
      errors: "",
    });
  });

  test("play a week of services", async () => {
    const { tests } = pathsOf("services_week");
    expect(await run("test", tests)).toMatchObject({ code: 0, errors: "" });
  });

  test("of services have a test of each source, and a line in its document", () => {
    const { rules, tests } = pathsOf("services");
    const sources = readFileSync(rules, "utf8").matchAll(/^ +labels: \{ source: (\w+)/gm);
    const expected = readFileSync(tests, "utf8");
    const all = new Set([...sources].map(([, source = ""]) => source));
    expect(all.size).toBeGreaterThan(15);
    const isTested = (source: string) => expected.includes(`source="${source}"}'`);
    expect([...all].filter((source) => !isTested(source))).toEqual([]);
    const page = readFileSync(join(root, "docs/applications.md"), "utf8");
    expect([...all].filter((source) => !new RegExp(`^\\|.*\`${source}\``, "m").test(page))).toEqual(
      [],
    );
  });

  test("of a source of one's own, as the document has them, are good", async () => {
    const page = readFileSync(join(root, "docs/applications.md"), "utf8");
    const [, text = ""] = /```yaml\n(groups:[\s\S]*?)```/.exec(page) ?? [];
    const own = join(directory, "own.yaml");
    writeFileSync(own, text);
    const { code, out } = await run("check", own, "--lint-fatal");
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("3 rules found") });
  });

  test("have a test each of when they fire and of when they do not", () => {
    const { rules, tests } = pathsOf("telltale");
    const names = readFileSync(rules, "utf8").matchAll(/^ +- alert: (\w+)$/gm);
    const checks = parseTestFile(tests, readFileSync(tests, "utf8")).tests.flatMap(
      ({ alert_rule_test: checks }) => checks ?? [],
    );
    const has = (name: string, fires: boolean) =>
      checks.some(
        ({ alertname, exp_alerts: alerts }) =>
          alertname === name && (alerts ?? []).length > 0 === fires,
      );
    const all = [...names].map(([, name = ""]) => name);
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter((name) => !has(name, true) || !has(name, false))).toEqual([]);
  });
});
