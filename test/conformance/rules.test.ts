import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { checkRuleFile, testRuleFile } from "../../aggregator/offline-rules.ts";
import { formatFault } from "../../shared/config/decode-yaml.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? resolve(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance", "rules");
const REAL = join(SHARED, "conformance", "rules-real", "sample.yml");
const isThere = existsSync(join(DIRECTORY, "EXPECTED.tsv"));

function faultsOf(path: string): string[] {
  return checkRuleFile(path).faults.map((fault) => formatFault({ ...fault, file: "FILE" }));
}

/** Rule files of upstream, and whether they load. */
function listed(): { file: string; loads: boolean }[] {
  return expectedOf("rules").map(({ file, text }) => ({ file, loads: text.startsWith("loads") }));
}

function expectedOf(wanted: "rules" | "test"): { file: string; text: string }[] {
  return readFileSync(join(DIRECTORY, "EXPECTED.tsv"), "utf8")
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([, kind]) => kind === wanted)
    .map(([file = "", , text = ""]) => ({ file, text }));
}

/** Of each test file, by the name of the test, what fails in it. */
const FAILURES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "bad-rules-error-test.yml": { "": ["rule joined"] },
  "failing.yml": {
    "Failing test": ["alerts Test", "expr test"],
    "Failing alert test": ["alerts InstanceDown", "alerts AlwaysFiring"],
  },
  "rules_run.yml": { "wrong test": ["expr test"] },
  "rules_run_fuzzy.yml": { "wrong fuzzy match": ["expr test_low", "expr test_high"] },
  "bad-input-series.yml": { "": ["error"] },
  // Its first test has native histograms, which there are none of here.
  "unittest.yml": { "": ["error"] },
};

async function failuresIn(path: string, isWanted = (_name: string) => true) {
  const failed: Record<string, readonly string[]> = {};
  for (const { name, failures } of await testRuleFile(path, isWanted)) {
    if (failures.length > 0) {
      failed[name] = failures.map((one) => {
        if (one.kind === "error") return "error";
        if (one.kind === "rule") return `rule ${one.rule}`;
        return one.kind === "expr" ? `expr ${one.expr}` : `alerts ${one.alertname}`;
      });
    }
  }
  return failed;
}

/** Of each bad file: the faults, word for word. They are ours; upstream words them differently. */
const FAULTS: Readonly<Record<string, string>> = {
  "bad/bad_expr.bad.yaml":
    "5: groups[0].rules[0].expr: PromQL 1:6: argument 1 of rate takes a range vector, found an instant vector",
  "bad/bad_field.bad.yaml": "8: groups[0].rules[0].annotation: unknown key",
  "bad/duplicate_grp.bad.yaml": '3: groups[1].name: the group name "yolo" is repeated in the file',
  "bad/invalid_record_name.bad.yaml":
    '4: groups[0].rules[0].record: braces in the recording rule\'s name: "strawberry{flavor="sweet"}"',
  "bad/invalid_rules.yaml": "6: groups[0].rules[0].unexpected_field: unknown key",
  "bad/noexpr.bad.yaml": "4: groups[0].rules[0].expr: expr must be set",
  "bad/record_and_alert.bad.yaml":
    "4: groups[0].rules[0]: only one of record and alert must be set",
  "bad/record_and_for.bad.yaml": "6: groups[0].rules[0].for: for is not for a recording rule",
  "bad/rules-bad.yml":
    '12: groups[0].rules[0].annotations.summary: template 1:13: undefined variable "$label"',
};

describe.skipIf(!isThere)(`rule files of ${DIRECTORY}${isThere ? "" : " (absent)"}`, () => {
  const files = isThere ? listed() : [];

  test("every file is listed", () => {
    const found = ["good", "bad"].flatMap((folder) =>
      readdirSync(join(DIRECTORY, folder)).map((name) => `${folder}/${name}`),
    );
    const names = new Set(files.map(({ file }) => file));
    expect(found.filter((file) => !names.has(file))).toStrictEqual([]);
  });

  test.each(files.filter(({ loads }) => loads))("$file loads", ({ file }) => {
    expect(faultsOf(join(DIRECTORY, file))).toStrictEqual([]);
  });

  test.each(files.filter(({ loads }) => !loads))("$file is refused with its place", ({ file }) => {
    expect(faultsOf(join(DIRECTORY, file))).toStrictEqual([`FILE:${FAULTS[file]}`]);
  });

  test.each(isThere ? expectedOf("test") : [])("$file: $text", async ({ file, text }) => {
    const failures = FAILURES[file.slice("unit-tests/".length)] ?? {};
    if (!text.startsWith("passes")) expect(failures).not.toEqual({});
    expect(await failuresIn(join(DIRECTORY, file))).toEqual(failures);
  });

  test("of a test file those with the name alone are run", async () => {
    const path = join(DIRECTORY, "unit-tests/rules_run.yml");
    expect(await failuresIn(path, (name) => name.includes("correct"))).toEqual({});
  });

  test("rules that are the same are found", () => {
    const { duplicates } = checkRuleFile(join(DIRECTORY, "good/rules_duplicates.yml"));
    expect(duplicates).toEqual([{ name: "job:test:count_over_time1m", labels: [], count: 3 }]);
  });

  test("ten public rules load", () => {
    expect(faultsOf(REAL)).toStrictEqual([]);
  });
});
