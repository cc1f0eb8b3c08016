import { expect, test } from "vitest";
import { agentConfigSchema } from "../../../agent/config/agent-config.ts";
import { requireGoodPatterns } from "../../../agent/logs/log-reading.ts";
import { loadConfig } from "../../../shared/config/load-config.ts";

const read = (text: string) => loadConfig(agentConfigSchema, { path: "agent.yaml", text }, []).logs;

test("no logs are read unless the configuration says which", () => {
  expect(read("interval: 1s")).toBeNull();
  expect(read("logs: none")).toBeNull();
});

test("one pattern is as good as a list of one", () => {
  expect(read("logs: {files: [{include: /var/log/*.log}]}")).toMatchObject({
    files: [{ include: ["/var/log/*.log"], exclude: [], labels: {}, join: true, first_line: null }],
    mask: true,
    line_bytes_max: 262_144,
    buffer: { bytes_max: 1024 ** 3, when_full: "block" },
  });
});

test.each([
  ["{files: [{include: var/log/*.log}]}", /logs\.files\[0\]\.include\[0\]: .*absolute path/],
  ["{files: [{include: []}]}", /logs\.files\[0\]\.include: at least one pattern/],
  ["{files: [{include: /a, first_line: '('}]}", /first_line: not a regular expression/],
  ["{files: [{include: /a}, {include: [/a]}]}", /logs\.files: the same patterns/],
  ["{files: [{include: /a, labels: {filename: x}}]}", /labels\.filename: not a label/],
  ["{mask_rules: [{name: A, pattern: x}]}", /mask_rules\[0\]\.name: of a to z/],
  ["{line_bytes_max: 1GiB}", /line_bytes_max: from 1KiB to 1MiB/],
  ["all", /logs: /],
])("logs: %s is refused", (text, message) => {
  expect(() => read(`logs: ${text}`)).toThrow(message);
});

test("a pattern with more alternatives than are looked for is refused", () => {
  const include = [`/a${"{1,2,3,4,5,6,7,8}".repeat(6)}`];
  const group = { include, exclude: [], labels: {}, join: true, first_line: null };
  expect(() => requireGoodPatterns([group])).toThrow(/alternatives/);
});
