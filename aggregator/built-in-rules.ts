import { strict as assert } from "node:assert";
import type { CompileFn } from "./rules/ports.ts";
import { parseRuleFiles, type RuleGroup } from "./rules/rule-files.ts";

/** Alerts on the monitoring itself. Always loaded, beside the users' files; shown as the file "built-in". */
export function builtInRules(clockOffsetMaxMs: number, compile: CompileFn): readonly RuleGroup[] {
  const offsetMax = clockOffsetMaxMs / 1000;
  const text = `
groups:
  - name: telltale
    interval: 5s
    rules:
      - alert: TelltaleAccountingMismatch
        expr: telltale_node_frames_unaccounted{job="telltale"} != 0
        for: 30s
        labels: { severity: critical }
        annotations:
          summary: Frames of {{ $labels.instance }} are unaccounted for
          description: >-
            {{ $value }} frames that the agent counts as stored are not stored here, or are missing
            without a reason. See telltale nodes --accounting.
      - alert: TelltaleClockOffset
        expr: abs(telltale_node_clock_offset_seconds{job="telltale"}) > ${offsetMax}
        for: 10s
        no_data: resolve
        labels: { severity: warning }
        annotations:
          summary: The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} off
          description: >-
            Its samples are kept, under the times that its clock gave them. Rules see them late, or
            too early.
`;
  const { groups, faults } = parseRuleFiles([{ path: "built-in", text }], compile);
  assert(faults.length === 0, faults[0]?.message);
  return groups;
}
