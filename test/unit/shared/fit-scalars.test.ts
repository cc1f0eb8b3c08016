import { expect, test } from "vitest";
import { z } from "zod";
import { decodeYaml } from "../../../shared/config/decode-yaml.ts";
import { duration } from "../../../shared/config/fields.ts";

const schema = z.strictObject({
  text: z.string().optional(),
  texts: z.array(z.string()).optional(),
  map: z.record(z.string(), z.string()).optional(),
  count: z.number().int().optional(),
  flag: z.boolean().default(true),
  wait: duration.optional(),
  either: z.union([z.string(), z.strictObject({ name: z.string() })]).optional(),
  any: z.unknown().optional(),
});

function read(text: string) {
  const { value, faults } = decodeYaml(schema, "a.yaml", text, "fitted");
  return value ?? faults.map(({ path, message }) => `${path}: ${message}`);
}

test.each<[text: string, value: object]>([
  ["text: 0123", { text: "0123" }],
  ["text: 1.10", { text: "1.10" }],
  ["text: yes", { text: "yes" }],
  ["text: True", { text: "True" }],
  ["text: 0x1F", { text: "0x1F" }],
  ["text: 12345678901234567890", { text: "12345678901234567890" }],
  ["text:", {}],
  ["texts: [1, 2.0, off, +8613800000000]", { texts: ["1", "2.0", "off", "+8613800000000"] }],
  ["map: {a: 1.10, 1.10: no, 007: x}", { map: { a: "1.10", "1.10": "no", "007": "x" } }],
  ["count: 5", { count: 5 }],
  ["flag: no", { flag: false }],
  ["flag: On", { flag: true }],
  ["flag:", {}],
  ["wait: 30s", { wait: 30_000 }],
  ["wait: 0", { wait: 0 }],
  ["either: 5", { either: "5" }],
  ["either: { name: 5 }", { either: { name: "5" } }],
  ["any: [1.10, yes, 'yes', ]", { any: [1.1, true, "yes"] }],
  ["map: &m {a: 1}\nany: *m", { map: { a: "1" }, any: { a: "1" } }],
  ["any: &m {a: 0123}\nmap: {<<: *m}", { any: { a: 123 }, map: { a: "0123" } }],
])("%j is read by the types of the fields", (text, value) => {
  expect(read(text)).toEqual({ flag: true, ...value });
});

test.each<[text: string, fault: string]>([
  ['count: "5"', "count: Invalid input: expected number, received string"],
  ["count: five", "count: Invalid input: expected number, received string"],
  ['flag: "no"', "flag: Invalid input: expected boolean, received string"],
  ["flag: 0", "flag: Invalid input: expected boolean, received number"],
  ["text: [5]", "text: Invalid input: expected string, received array"],
  ["wait: 5", 'wait: Not a duration: "5" (write it as 30s, 5m or 1h30m)'],
  ["__proto__: 5", "__proto__: unknown key"],
  ["map: {a: {b: 5}}", "map.a: Invalid input: expected string, received object"],
])("%j is refused", (text, fault) => {
  expect(read(text)).toEqual([fault]);
});
