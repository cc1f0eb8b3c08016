import { useComputed, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { every, nowMs } from "../browser.ts";
import { formatMoment, formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { type AlertMark, alertMarks } from "../node/alert-marks.ts";
import { queryRange } from "../node/queries.ts";
import { moveTime } from "../node/shown-range.ts";
import { type QueryWindow, RANGES, rangeName, rangeOf, windowOf } from "../node/time-range.ts";
import { isPaused } from "../overview-store.ts";
import { parameters, setParameters } from "../route.ts";
import { locale, words } from "../settings.ts";

const REFRESH_MIN_MS = 10_000;
const MARKS_SHOWN = 20;

/** The time that the link says, and a number that is another one whenever it has moved on. */
export function useWindow(): { readonly turn: number; readonly window: QueryWindow } {
  const turn = useTurns();
  const window = useComputed(() => {
    turn.value;
    return windowOf(rangeOf(parameters.value, nowMs()));
  }).value;
  return { turn: turn.value, window };
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

/** Alerts that fired. @param matchers of their labels */
export function useMarks(matchers: string, window: QueryWindow): readonly AlertMark[] {
  const query = `ALERTS{alertstate="firing",${matchers}}`;
  const loaded = useLoaded(
    async (signal) => alertMarks(await queryRange(query, window, signal), window.stepMs),
    [query, window],
  );
  return loaded.value.value ?? [];
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

/** The marks of the charts as text. */
export function MarkList({ marks }: { marks: readonly AlertMark[] }) {
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
