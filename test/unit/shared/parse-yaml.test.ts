import { expect, test, vi } from "vitest";
import { z } from "zod";
import { decodeYaml, decodeYamlDocuments } from "../../../shared/config/decode-yaml.ts";

const schema = z.looseObject({});
const faultOf = (text: string) => {
  const [fault] = decodeYaml(schema, "a.yaml", text, "fitted").faults;
  return fault === undefined ? null : `${fault.line}: ${fault.message}`;
};
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

const DEEP = "nested over 200 deep";
const FAT = "1: more than 1000000 values with its aliases filled in";

test.each<[what: string, text: string, fault: string]>([
  ["brackets", `x:\n  ${"[".repeat(5000)}`, `2: ${DEEP}`],
  ["brackets that close", `x: ${"[".repeat(3000)}${"]".repeat(3000)}`, `1: ${DEEP}`],
  ["braces", `x: ${"{a: ".repeat(5000)}`, `1: ${DEEP}`],
  ["dashes on one line", `x: 1\ny:\n  ${"- ".repeat(5000)}x`, `3: ${DEEP}`],
  ["question marks", `${"? ".repeat(5000)}x`, `1: ${DEEP}`],
  ["colons", `a${": ".repeat(5000)}`, `1: ${DEEP}`],
  ["indentation", lines(1000, (i) => `${" ".repeat(i)}a:`), `200: ${DEEP}`],
  ["many keys", lines(100_000, (i) => `k${i}: 1`), "1001: a map of more than 1000 keys"],
  ["keys in braces", `x: {${"a: 1, ".repeat(5000)}}`, "1: a map of more than 1000 keys"],
  [
    "lists of lists by aliases",
    `a0: &a0 [x]\n${lines(9, (i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`)}`,
    FAT,
  ],
  [
    "merge keys of merge keys",
    `a0: &a0 {k: 1}\n${lines(25, (i) => `a${i + 1}: &a${i + 1} {<<: [*a${i}, *a${i}]}`)}`,
    FAT,
  ],
  ["aliases", `x: &x 1\ny: [${"*x,".repeat(20_000)}]`, "2: more than 10000 anchors and aliases"],
  ["an alias inside of its anchor", "x:\n  &x [*x]", "2: &x holds itself"],
  ["a merge key inside of its anchor", "x: &x {<<: *x}", "1: &x holds itself"],
  ["a merge key of a text", "x: &x a\ny: {<<: *x}", "1: Merge sources must be maps or map aliases"],
  ["several documents", "x: 1\n---\nx: 2", "1: the file holds several documents"],
])("too much of it is refused with its line: %s", (_what, text, fault) => {
  expect(faultOf(text)).toBe(fault);
});

test("a thousand documents are taken, and no more", () => {
  expect(decodeYamlDocuments(schema, "a.yaml", "--- {x: 1}\n".repeat(1000)).length).toBe(1000);
  const [first] = decodeYamlDocuments(schema, "a.yaml", "--- {x: 1}\n".repeat(1001));
  expect(first?.faults[0]?.message).toBe("more than 1000 documents");
});

test("of very many faults the first are told", () => {
  expect(decodeYaml(schema, "a.yaml", "]\n".repeat(5000)).faults.length).toBe(1000);
  const none = z.strictObject({});
  expect(
    decodeYaml(
      none,
      "a.yaml",
      lines(1000, (i) => `k${i}: 1`),
    ).faults.length,
  ).toBe(1000);
});

test.each<[what: string, text: string]>([
  ["a line of 1 MB", `x: ${"y ".repeat(500_000)}`],
  ["a hundred levels of routes", `x: ${"{routes: [".repeat(90)}${"]}".repeat(90)}`],
  ["brackets that stay open in texts", lines(999, (i) => `k${i}: "[[[{{ {"`)],
  ["brackets in comments", `${"# [[[[{{{{\n".repeat(1000)}x: 1`],
  ["one anchor used 3,000 times", `x: &x {a: 1, b: [2]}\ny:\n${"- *x\n".repeat(3000)}`],
])("what real files have is read: %s", (_what, text) => {
  expect(faultOf(text)).toBe(null);
});

test("a map as a key of a map is no warning of the process", () => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  try {
    expect(faultOf("? {secret: hidden}\n: 2")).toBe(null);
    expect(warn).not.toHaveBeenCalled();
  } finally {
    warn.mockRestore();
  }
});
