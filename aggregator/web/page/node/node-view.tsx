import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { FIGURES } from "../../overview-shape.ts";
import { AlertList } from "../alerts/alert-list.tsx";
import { shownAlerts } from "../alerts/shown-alert.ts";
import { every, nowMs } from "../browser.ts";
import { formatMoment, formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { figureText } from "../overview/node-list.tsx";
import { NodeState } from "../overview/node-state.tsx";
import { isPaused, overview } from "../overview-store.ts";
import { parameters, setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { type AlertMark, alertMarks } from "./alert-marks.ts";
import { Chart } from "./chart.tsx";
import { CHARTS, nodeMatchers } from "./chart-plans.ts";
import { ContainerTable } from "./container-table.tsx";
import { LiveRegion } from "./live-region.tsx";
import { queryRange } from "./queries.ts";
import { moveTime } from "./shown-range.ts";
import { RANGES, rangeName, rangeOf, windowOf } from "./time-range.ts";

const REFRESH_MIN_MS = 10_000;
const MARKS_SHOWN = 20;

/** All about one node, under one time range. */
export function NodeView({ name }: { name: string }) {
  const turn = useTurns();
  const window = useComputed(() => {
    turn.value;
    return windowOf(rangeOf(parameters.value, nowMs()));
  }).value;
  const matchers = nodeMatchers(name);
  const marks = useMarks(name, window);
  return (
    <>
      <NodeHead name={name} />
      <RangePicker fromMs={window.fromMs} toMs={window.toMs} isLive={window.isLive} />
      <NodeAlerts name={name} />
      <MarkList marks={marks} />
      <div class="charts">
        {CHARTS.map((plan) => (
          <Chart key={plan.title} {...{ plan, matchers, window, marks }} />
        ))}
      </div>
      <ContainerTable node={name} turn={turn.value} />
      <LiveRegion />
    </>
  );
}

/** Another number whenever what is live has to be read again; not while nobody looks. */
function useTurns() {
  const turn = useSignal(0);
  useEffect(() => {
    let waitedMs = 0;
    return every(REFRESH_MIN_MS, () => {
      waitedMs += REFRESH_MIN_MS;
      const { isLive, stepMs } = windowOf(rangeOf(parameters.peek(), nowMs()));
      if (!isLive || waitedMs < stepMs || isPaused.peek() || document.hidden) return;
      waitedMs = 0;
      turn.value += 1;
    });
  }, []);
  return turn;
}

function useMarks(name: string, window: ReturnType<typeof windowOf>): readonly AlertMark[] {
  const query = `ALERTS{alertstate="firing",instance=${JSON.stringify(name)}}`;
  const loaded = useLoaded(
    async (signal) => alertMarks(await queryRange(query, window, signal), window.stepMs),
    [query, window],
  );
  return loaded.value.value ?? [];
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

export function RangePicker(props: { fromMs: number; toMs: number; isLive: boolean }) {
  const { earlier, later, toNow, range } = words.value;
  const chosen = rangeName(parameters.value);
  return (
    <div class="ranges" role="group" aria-label={range}>
      <button
        type="button"
        title={`${earlier}  [`}
        aria-label={earlier}
        onClick={() => moveTime(-1)}
      >
        ←
      </button>
      {Object.keys(RANGES).map((name) => (
        <button
          type="button"
          key={name}
          aria-pressed={props.isLive && chosen === name}
          onClick={() => setParameters({ range: name, from: "", to: "" })}
        >
          {name}
        </button>
      ))}
      <button
        type="button"
        title={`${later}  ]`}
        aria-label={later}
        disabled={props.isLive}
        onClick={() => moveTime(1)}
      >
        →
      </button>
      {props.isLive ? null : (
        <button type="button" onClick={() => setParameters({ from: "", to: "" })}>
          {toNow}
        </button>
      )}
      <span class="quiet">
        {formatMoment(locale.value, props.fromMs)} – {formatMoment(locale.value, props.toMs)}
      </span>
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

/** The marks of the charts as text. */
function MarkList({ marks }: { marks: readonly AlertMark[] }) {
  if (marks.length === 0) return null;
  const time = (timeMs: number) => formatTime(locale.value, timeMs, nowMs());
  return (
    <ul class="marks" aria-label={words.value.alertMarks}>
      {marks.slice(-MARKS_SHOWN).map(({ name, fromMs, toMs, isCritical }) => (
        <li key={`${name} ${fromMs}`} class={isCritical ? "critical" : "warning"}>
          <bdi>{name}</bdi>{" "}
          <span class="quiet">
            {time(fromMs)}–{time(toMs)}
          </span>
        </li>
      ))}
    </ul>
  );
}
