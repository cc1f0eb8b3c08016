import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { formatExpr } from "../../aggregator/promql/format.ts";
import { parsePromql } from "../../aggregator/promql/parse.ts";
import type { CompiledExpr } from "../../aggregator/rules/ports.ts";
import { parseRuleFiles } from "../../aggregator/rules/rule-files.ts";
import { formatFault } from "../../shared/config/decode-yaml.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? resolve(import.meta.dirname, "../../../shared");
const DIRECTORY = join(SHARED, "conformance", "rules");
const REAL = join(SHARED, "conformance", "rules-real", "sample.yml");
const isThere = existsSync(join(DIRECTORY, "EXPECTED.tsv"));

function compile(text: string): CompiledExpr {
  const none = async () => [];
  return { query: formatExpr(parsePromql(text)), isOfLines: false, instant: none, presence: none };
}

function faultsOf(path: string): string[] {
  const files = [{ path: "FILE", text: readFileSync(path, "utf8") }];
  return parseRuleFiles(files, compile).faults.map(formatFault);
}

/** Rule files of upstream, and whether they load. */
function listed(): { file: string; loads: boolean }[] {
  return readFileSync(join(DIRECTORY, "EXPECTED.tsv"), "utf8")
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([, kind]) => kind === "rules")
    .map(([file = "", , expected = ""]) => ({ file, loads: expected.startsWith("loads") }));
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

  test("ten public rules load", () => {
    expect(faultsOf(REAL)).toStrictEqual([]);
  });
});
