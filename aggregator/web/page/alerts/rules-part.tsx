import { useComputed, useSignal } from "@preact/signals";
import { timeOf } from "../browser.ts";
import { formatCount, formatDuration, formatNumber } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { clockMs } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { LateView } from "../shell/late-view.tsx";
import { HeadCells } from "../table/head-cells.tsx";
import { TextPairs } from "../table/text-pairs.tsx";
import { type ListedRule, loadRules, ruleOrder } from "./rule-list.ts";

const EVERY_MS = 10_000;
const ROWS_MAX = 300;

/** Every rule: how it stands, what it costs, and what went wrong the last time. */
export function RulesPart() {
  const w = words.value;
  const turn = useComputed(() => Math.floor(clockMs.value / EVERY_MS)).value;
  const loaded = useLoaded((signal) => loadRules(signal), [turn]).value;
  const texts = wordsOf(parameters.value.get("q") ?? "");
  const rules = ruleOrder(loaded.value ?? []).filter(({ name, group, query }) =>
    hasAll(`${name} ${group.name} ${query}`.toLowerCase(), texts),
  );
  const heads = [w.state, w.name, w.group, w.cost, w.every, w.evaluated, w.lastError];
  const numbers = [w.cost, w.every, w.evaluated];
  return (
    <section class="part" aria-labelledby="rules-title">
      <h2 id="rules-title">
        {w.rules} <span class="quiet">{formatCount(locale.value, rules.length)}</span>
      </h2>
      {rules.length === 0 ? (
        <p class="quiet">{loaded.problem || (loaded.value === null ? w.loading : w.noneHere)}</p>
      ) : (
        <div class="scrolled" role="group" tabIndex={0} aria-labelledby="rules-title">
          <table class="plain rules">
            <thead>
              <tr>
                <HeadCells heads={heads} numbers={numbers} />
              </tr>
            </thead>
            <tbody>
              {rules.slice(0, ROWS_MAX).map((rule) => (
                <RuleRows key={rule.key} rule={rule} columns={heads.length} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function RuleRows({ rule, columns }: { rule: ListedRule; columns: number }) {
  const isOpen = useSignal(false);
  const { name, group, health, lastError = "", evaluationTime, lastEvaluation } = rule;
  const evaluatedMs = timeOf(lastEvaluation);
  return (
    <>
      <tr>
        <td>
          <RuleState rule={rule} />
        </td>
        <th scope="row">
          <button
            type="button"
            class="alert-name"
            aria-expanded={isOpen.value}
            title={words.value.expression}
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            <bdi>{name}</bdi>
          </button>
        </th>
        <td>
          <bdi title={group.file}>{group.name}</bdi>
        </td>
        <td class="number">{`${formatNumber(locale.value, evaluationTime * 1000)} ms`}</td>
        <td class="number">{formatDuration(locale.value, group.interval * 1000)}</td>
        <td class="number">
          {evaluatedMs <= 0 ? "–" : formatDuration(locale.value, clockMs.value - evaluatedMs)}
        </td>
        <td class={health === "err" ? "problem" : ""}>
          <bdi title={lastError}>{lastError}</bdi>
        </td>
      </tr>
      {isOpen.value ? (
        <tr>
          <td colSpan={columns} class="opened">
            <RuleDetails rule={rule} />
          </td>
        </tr>
      ) : null}
    </>
  );
}

function RuleState({ rule: { health, state, type, alerts = [] } }: { rule: ListedRule }) {
  const w = words.value;
  const kind =
    health === "err" ? "err" : type === "recording" ? "recording" : (state ?? "inactive");
  const count = alerts.length === 0 ? "" : ` ${formatCount(locale.value, alerts.length)}`;
  return (
    <span class={`health health-${kind}`}>
      <span class="shape" aria-hidden="true" />
      {w.ruleStates[kind]}
      {count}
    </span>
  );
}

function RuleDetails({ rule }: { rule: ListedRule }) {
  const { annotations = {}, labels = {}, duration = 0, keepFiringFor = 0 } = rule;
  const w = words.value;
  const times: [string, string][] = [];
  if (duration > 0) times.push([w.forTime, formatDuration(locale.value, duration * 1000)]);
  if (keepFiringFor > 0) {
    times.push([w.keepFiringFor, formatDuration(locale.value, keepFiringFor * 1000)]);
  }
  return (
    <div class="rule-details">
      <code class="expression">
        <bdi>{rule.query}</bdi>
      </code>
      <TextPairs pairs={[...times, ...Object.entries(labels), ...Object.entries(annotations)]} />
      <LateView load={loadChart} props={{ expression: rule.query, labels: {} }} />
    </div>
  );
}

const loadChart = async () => (await import("./expression-chart.tsx")).ExpressionChart;
