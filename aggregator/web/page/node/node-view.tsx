import { useComputed } from "@preact/signals";
import { FIGURES } from "../../overview-shape.ts";
import { AlertList } from "../alerts/alert-list.tsx";
import { shownAlerts } from "../alerts/shown-alert.ts";
import { ChangeList } from "../changes/change-list.tsx";
import { MarkList, RangePicker, useMarks, useWindow } from "../charts/ranged.tsx";
import { secondOf } from "../logs/line-notice.tsx";
import { LogPane } from "../logs/log-pane.tsx";
import { selectorOf } from "../logs/log-question.ts";
import { figureText } from "../overview/node-list.tsx";
import { NodeState } from "../overview/node-state.tsx";
import { overview } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { words } from "../settings.ts";
import type { AlertMark } from "./alert-marks.ts";
import { Chart } from "./chart.tsx";
import { CHARTS, nodeMatchers } from "./chart-plans.ts";
import { ContainerTable } from "./container-table.tsx";

const CHANGES_SHOWN = 5;

/** All about one node, under one time range. */
export function NodeView({ name }: { name: string }) {
  const { turn, window } = useWindow();
  const matchers = nodeMatchers(name);
  const marks = [...useMarks(`instance=${JSON.stringify(name)}`, window), ...lineMark()];
  return (
    <>
      <NodeHead name={name} />
      <RangePicker {...window} />
      <NodeAlerts name={name} />
      <MarkList marks={marks} />
      <NodeChanges name={name} />
      <div class="charts">
        {CHARTS.map((plan) => (
          <Chart key={plan.title} {...{ plan, matchers, window, marks }} />
        ))}
      </div>
      <ContainerTable matchers={`instance=${JSON.stringify(name)}`} turn={turn} />
      <LogPane selector={selectorOf({ instance: name })} range={window} />
    </>
  );
}

/** Where the line is that somebody came from. */
function lineMark(): readonly AlertMark[] {
  const atMs = secondOf(parameters.value);
  if (atMs === null) return [];
  return [{ name: words.value.logLine, isCritical: false, fromMs: atMs, toMs: atMs }];
}

function NodeHead({ name }: { name: string }) {
  const nodes = overview.value?.nodes;
  const place = nodes?.name.indexOf(name) ?? -1;
  return (
    <div class="node-head">
      <h1>
        <bdi title={name}>{name}</bdi>
      </h1>
      {nodes === undefined ? null : place < 0 ? (
        <span class="problem">{words.value.unknownNode}</span>
      ) : (
        <>
          <NodeState state={nodes.state[place] ?? "awaited"} sinceMs={nodes.sinceMs[place] ?? 0} />
          <dl class="node-figures">
            {FIGURES.map((figure) => (
              <div key={figure}>
                <dt>{words.value[figure]}</dt>
                <dd class="number">{figureText(figure, nodes[figure][place] ?? null)}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </div>
  );
}

function NodeAlerts({ name }: { name: string }) {
  const alerts = useComputed(() => {
    const columns = overview.value?.alerts;
    if (columns === undefined) return [];
    return shownAlerts(columns).filter(({ labels }) => labels["instance"] === name);
  }).value;
  if (alerts.length === 0) return null;
  return (
    <section class="part" aria-label={words.value.alerts}>
      <AlertList alerts={alerts} label={words.value.alerts} />
    </section>
  );
}

function NodeChanges({ name }: { name: string }) {
  const changes = (overview.value?.changes ?? []).filter(({ node }) => node === name);
  return <ChangeList changes={changes.slice(0, CHANGES_SHOWN)} title={words.value.changes} />;
}
