import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CompileFn } from "./rules/ports.ts";
import { parseRuleFiles, type RuleFile, type RuleGroup } from "./rules/rule-files.ts";

const SHIPPED = ["systemd/rules/telltale.yaml", "systemd/rules/services.yaml"];

/** Where the rules are that come with Telltale: beside the sources, or the built programs. */
export function shippedRulesPaths(): string[] {
  let folder = import.meta.dirname;
  const isThere = () => SHIPPED.every((path) => existsSync(join(folder, path)));
  while (!isThere() && folder !== dirname(folder)) folder = dirname(folder);
  return SHIPPED.map((path) => join(folder, path));
}

/** Without the shipped files of which one of the users has the name, and so takes the place. */
export function filesInForce(files: readonly RuleFile[]): RuleFile[] {
  const shipped = shippedRulesPaths();
  const isOwn = ({ path }: RuleFile) => !shipped.includes(path);
  const ownNames = new Set(files.filter(isOwn).map(({ path }) => basename(path)));
  return files.filter((file) => isOwn(file) || !ownNames.has(basename(file.path)));
}

const rules = (clockOffsetMaxMs: number) => `
groups:
  - name: telltale
    interval: 5s
    rules:
      - alert: TelltaleClockOffset
        expr: abs(telltale_node_clock_offset_seconds{job="telltale"}) > ${clockOffsetMaxMs / 1000}
        for: 10s
        no_data: resolve
        labels: { severity: warning }
        annotations:
          summary: The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} off
          description: >-
            Its samples are kept, under the times that its clock gave them. Rules see them late, or
            too early.
`;

/**
 * What the configuration has a part in, so that it cannot be in a file. Always loaded; shown as the file
 * "built-in".
 */
export function builtInRules(clockOffsetMaxMs: number, compile: CompileFn): readonly RuleGroup[] {
  const text = rules(clockOffsetMaxMs);
  const { groups, faults } = parseRuleFiles([{ path: "built-in", text }], compile);
  assert.deepEqual(faults, [], "the built-in rules are right");
  return groups;
}
