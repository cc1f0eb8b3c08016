import { useLoaded } from "../loaded.ts";
import { words } from "../settings.ts";
import { ExpressionChart } from "./expression-chart.tsx";
import { loadRules, ruleOf } from "./rule-list.ts";

/** The chart of the expression that an alert is of, with the expression. */
export function AlertChart({ labels }: { labels: Readonly<Record<string, string>> }) {
  const name = labels["alertname"] ?? "";
  const { value: rules, problem } = useLoaded((signal) => loadRules(signal, name), [name]).value;
  if (rules === null) return <p class="quiet">{problem || words.value.loading}</p>;
  const found = ruleOf(rules, labels);
  if (found === null) return <p class="quiet">{words.value.noRule}</p>;
  return (
    <div class="rule-details">
      <code class="expression">
        <bdi>{found.rule.query}</bdi>
      </code>
      <ExpressionChart expression={found.rule.query} labels={found.own} />
    </div>
  );
}
