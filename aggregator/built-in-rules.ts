import assert from "node:assert/strict";
import type { CompileFn } from "./rules/ports.ts";
import { parseRuleFiles, type RuleGroup } from "./rules/rule-files.ts";

const rules = (clockOffsetMaxMs: number) => `
groups:
  - name: telltale
    interval: 5s
    rules:
      - alert: TelltaleAccountingMismatch
        expr: '{__name__=~"telltale_node_(frames|log_blocks)_unaccounted",job="telltale"} != 0'
        for: 30s
        labels: { severity: critical }
        annotations:
          summary: Frames or log lines of {{ $labels.instance }} are unaccounted for
          description: >-
            {{ $value }} frames, or blocks of log lines, that the agent counts as stored are not stored here, or are missing
            without a reason. See telltale nodes --accounting.
      - alert: TelltaleLogFileStalled
        expr: telltale_agent_log_stalled_files{job="telltale-agent"} > 0
        for: 30s
        labels: { severity: warning }
        annotations:
          summary: Log files of {{ $labels.instance }} grow and are not read
          description: >-
            {{ $value }} files have lines that nobody has read for 30 s or more: the agent's buffer of
            lines is full, or it cannot read them. Its log says which.
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

/** Alerts on the monitoring itself. Always loaded, beside the users' files; shown as the file "built-in". */
export function builtInRules(clockOffsetMaxMs: number, compile: CompileFn): readonly RuleGroup[] {
  const text = rules(clockOffsetMaxMs);
  const { groups, faults } = parseRuleFiles([{ path: "built-in", text }], compile);
  assert.deepEqual(faults, [], "the built-in rules are right");
  return groups;
}
