import type { CompileFn } from "./rules/ports.ts";
import type { RuleGroup, TemplateLabels } from "./rules/rule-files.ts";
import { compileTemplate } from "./template/template.ts";

/** Alerts on the monitoring itself. Always loaded, beside the users' files; shown as the file "built-in". */
export function builtInRules(clockOffsetMaxMs: number, compile: CompileFn): readonly RuleGroup[] {
  const offsetMax = clockOffsetMaxMs / 1000;
  const common = { kind: "alerting", keepFiringForMs: 0 } as const;
  return [
    {
      file: "built-in",
      name: "telltale",
      intervalMs: 5000,
      queryOffsetMs: 0,
      limit: 0,
      rules: [
        {
          ...common,
          name: "TelltaleAccountingMismatch",
          expr: compile('telltale_node_frames_unaccounted{job="telltale"} != 0'),
          forMs: 30_000,
          noData: "keep",
          labels: templates([["severity", "critical"]]),
          annotations: templates([
            [
              "description",
              "{{ $value }} frames that the agent counts as stored are not stored here, or are " +
                "missing without a reason. See telltale nodes --accounting.",
            ],
            ["summary", "Frames of {{ $labels.instance }} are unaccounted for"],
          ]),
        },
        {
          ...common,
          name: "TelltaleClockOffset",
          expr: compile(`abs(telltale_node_clock_offset_seconds{job="telltale"}) > ${offsetMax}`),
          forMs: 10_000,
          noData: "resolve",
          labels: templates([["severity", "warning"]]),
          annotations: templates([
            [
              "description",
              "Its samples are kept, under the times that its clock gave them. Rules see them " +
                "late, or too early.",
            ],
            [
              "summary",
              "The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} off",
            ],
          ]),
        },
      ],
    },
  ];
}

/** Sorted by name, as those of rule files are. */
function templates(sorted: readonly (readonly [name: string, text: string])[]): TemplateLabels {
  return sorted.map(([name, text]) => [name, compileTemplate(text)]);
}
