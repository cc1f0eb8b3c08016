import { useMemo } from "preact/hooks";
import { RangePicker, useWindow } from "../charts/ranged.tsx";
import { formatCount } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { Chart, valueText } from "../node/chart.tsx";
import type { ChartPlan, Unit } from "../node/chart-plans.ts";
import { LiveRegion } from "../node/live-region.tsx";
import type { PromSample } from "../node/prom-answer.ts";
import { queryNow } from "../node/queries.ts";
import { go, parameters, setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import type { Column } from "../table/columns.ts";
import { VirtualTable } from "../table/virtual-table.tsx";
import { comparePath, containerPath, nodePath } from "../view.ts";
import {
  type By,
  type ComparePlan,
  comparePlan,
  knownMetrics,
  matchersOf,
  ROWS_MAX,
  TOP,
} from "./compare-plan.ts";

type Row = { readonly node: string; readonly name: string; readonly value: number };

/** One metric over all nodes or containers. */
export function CompareView({ metric }: { metric: string }) {
  const by: By = parameters.value.get("by") === "containers" ? "containers" : "nodes";
  const plan = useMemo(() => comparePlan(metric, by), [metric, by]);
  return (
    <>
      <div class="node-head">
        <h1>
          <bdi>{words.value.compareTitle(metric)}</bdi>
        </h1>
        <ByChoice by={by} />
        <Metrics metric={metric} by={by} />
        <MetricInput by={by} />
      </div>
      {plan === null ? (
        <p class="problem">{words.value.compareUnknown}</p>
      ) : (
        <Compared key={`${metric} ${by}`} {...{ plan, by, metric }} />
      )}
      <LiveRegion />
    </>
  );
}

function ByChoice({ by }: { by: By }) {
  return (
    <span class="choices" role="group" aria-label={words.value.compareBy}>
      {(["nodes", "containers"] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={by === one}
          onClick={() => setParameters({ by: one === "nodes" ? "" : one })}
        >
          {words.value[one]}
        </button>
      ))}
    </span>
  );
}

function Metrics({ metric, by }: { metric: string; by: By }) {
  return (
    <span class="compare-metrics">
      {knownMetrics(by).map((one) => (
        <a key={one} href={comparePath(one, by)} aria-current={one === metric ? "page" : undefined}>
          {words.value.compareMetrics[one] ?? one}
        </a>
      ))}
    </span>
  );
}

/** Any other metric, by its name. */
function MetricInput({ by }: { by: By }) {
  const open = (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("metric");
    const name = field instanceof HTMLInputElement ? field.value.trim() : "";
    if (name !== "") go(comparePath(name, by));
  };
  return (
    <form class="choices" onSubmit={open}>
      <input
        name="metric"
        aria-label={words.value.compareOther}
        placeholder={words.value.compareOther}
      />
      <button type="submit">{words.value.compare}</button>
    </form>
  );
}

type Found = { readonly rows: readonly Row[]; readonly total: number };

async function loadRows(expression: string, signal: AbortSignal): Promise<Found> {
  const [samples, count] = await Promise.all([
    queryNow(`topk(${ROWS_MAX}, ${expression})`, signal),
    queryNow(`count(${expression})`, signal),
  ]);
  const rows = samples.map(({ metric, value }: PromSample) => ({
    ...{ node: metric["instance"] ?? "", name: metric["name"] ?? "", value: Number(value[1]) },
  }));
  rows.sort((a, b) => b.value - a.value);
  return { rows, total: Number(count[0]?.value[1] ?? 0) };
}

type ComparedProps = { plan: ComparePlan; by: By; metric: string };

function Compared({ plan, by, metric }: ComparedProps) {
  const { turn, window } = useWindow();
  const expression = plan.expression("", window.rateWindow);
  const loaded = useLoaded((signal) => loadRows(expression, signal), [expression, turn]).value;
  const rows = loaded.value?.rows ?? [];
  const top = rows.slice(0, TOP);
  const shown = top.map((row) => JSON.stringify([row.node, row.name])).join("\n");
  const w = words.value;
  const name = w.compareMetrics[metric] ?? metric;
  const chart = useMemo(() => chartPlan(plan, by, top, name), [shown, plan, by, name]);
  const count = (value: number) => formatCount(locale.value, value);
  if (loaded.value === null) return <p class="placeholder">{loaded.problem || w.loading}</p>;
  const { total } = loaded.value;
  const seconds = count(window.stepMs / 1000);
  return (
    <>
      <RangePicker {...window} />
      <p class="quiet compare-remark">
        {w.compareTop(count(top.length), count(total))} {w.compareStep(seconds)}
      </p>
      <div class="charts charts-one">
        {top.length === 0 ? null : <Chart plan={chart} matchers="" window={window} marks={[]} />}
      </div>
      <VirtualTable
        title={w[by]}
        rows={rows}
        columns={columnsOf(by, plan.unit, metric)}
        keyOf={({ node, name }) => `${node}\n${name}`}
        textOf={({ node, name }) => `${node} ${name}`}
        pathOf={({ node, name }) => (by === "nodes" ? nodePath(node) : containerPath(node, name))}
        nameOf={({ node, name }) => (by === "nodes" ? node : name)}
        sort="value"
        isPart
        empty={w.noPoints}
        remark={
          total > rows.length ? <span class="quiet">{w.compareCut(count(rows.length))}</span> : null
        }
      />
    </>
  );
}

/** One query for all lines: each by its own labels, so that no name has to be written as a pattern. */
function chartPlan(plan: ComparePlan, by: By, top: readonly Row[], name: string): ChartPlan {
  const all = top.map((row) => matchersOf({ instance: row.node, name: row.name }, by));
  return {
    ...{ title: "compare", name, unit: plan.unit, isTall: true },
    lines: [
      {
        query: (_, window) =>
          all.map((matchers) => `(${plan.expression(matchers, window)})`).join(" or "),
        label: ({ instance = "", name = "" }) =>
          by === "nodes" ? instance : `${name} ${instance}`,
      },
    ],
  };
}

function columnsOf(by: By, unit: Unit, metric: string): Column<Row>[] {
  const w = words.value;
  const node: Column<Row> = {
    ...{ key: "node", title: w.node, width: "minmax(100px, 1fr)", valueOf: ({ node: n }) => n },
    cell: ({ node: name }) =>
      by === "nodes" ? null : (
        <a href={nodePath(name)} title={name}>
          <bdi>{name}</bdi>
        </a>
      ),
  };
  const name: Column<Row> = {
    ...{ key: "name", title: w.name, width: "minmax(120px, 1fr)", valueOf: ({ name: n }) => n },
    cell: () => null,
  };
  const value: Column<Row> = {
    ...{ key: "value", title: w.compareMetrics[metric] ?? metric, isNumber: true },
    width: "minmax(90px, 0.5fr)",
    valueOf: (row) => row.value,
    cell: (row) => valueText(unit, row.value),
  };
  return by === "nodes" ? [node, value] : [name, node, value];
}
