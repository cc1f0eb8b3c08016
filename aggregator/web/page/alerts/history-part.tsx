import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { RangePicker } from "../charts/ranged.tsx";
import { formatCount, formatDuration, formatMoment, formatTime } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { queryRange } from "../node/queries.ts";
import { type QueryWindow, rangeOf, windowOf } from "../node/time-range.ts";
import { hasAll, wordsOf } from "../overview/node-rows.ts";
import { clockMs } from "../overview-store.ts";
import { parameters } from "../route.ts";
import { locale, words } from "../settings.ts";
import { type HistoryBand, historyBands, percentOf } from "./history-bands.ts";
import { severityOf } from "./shown-alert.ts";

const EVERY_MS = 15_000;
const ROWS_MAX = 200;
const TICKS = 5;
/** So that what begins at the very end is seen, percent. */
const LEFT_MAX = 99.6;
const QUERY = 'ALERTS{alertstate="firing"}';

/** When which alert fired, as bands over the shown time. */
export function HistoryPart() {
  const turn = useComputed(() => Math.floor(clockMs.value / EVERY_MS)).value;
  const search = parameters.value;
  const window = useMemo(() => windowOf(rangeOf(search, nowMs())), [turn, search]);
  const loaded = useLoaded(
    async (signal) => ({
      bands: historyBands(await queryRange(QUERY, window, signal), window.stepMs),
      window,
    }),
    [window],
  ).value;
  const texts = wordsOf(search.get("q") ?? "");
  const bands = (loaded.value?.bands ?? []).filter(({ key }) => hasAll(key.toLowerCase(), texts));
  const w = words.value;
  return (
    <>
      <RangePicker fromMs={window.fromMs} toMs={window.toMs} isLive={window.isLive} />
      <section class="part" aria-labelledby="history-title">
        <h2 id="history-title">
          {w.history} <span class="quiet">{formatCount(locale.value, bands.length)}</span>
        </h2>
        {loaded.value === null || bands.length === 0 ? (
          <p class="quiet">
            {loaded.problem || (loaded.value === null ? w.loading : w.nothingFired)}
          </p>
        ) : (
          <Bands bands={bands} window={loaded.value.window} />
        )}
      </section>
    </>
  );
}

function Bands({ bands, window }: { bands: readonly HistoryBand[]; window: QueryWindow }) {
  const more = bands.length - ROWS_MAX;
  return (
    <>
      <ol class="bands">
        <li class="band-axis" aria-hidden="true">
          <span class="band-room">
            {Array.from({ length: TICKS }, (_, i) => {
              const timeMs = window.fromMs + ((window.toMs - window.fromMs) * i) / TICKS;
              return (
                <span key={timeMs} style={{ left: `${(100 * i) / TICKS}%` }}>
                  {formatTime(locale.value, timeMs, clockMs.value)}
                </span>
              );
            })}
          </span>
        </li>
        {bands.slice(0, ROWS_MAX).map((band) => (
          <BandRow key={band.key} band={band} window={window} />
        ))}
      </ol>
      {more > 0 ? (
        <p class="quiet more">{words.value.moreRows(formatCount(locale.value, more))}</p>
      ) : null}
    </>
  );
}

function BandRow({ band, window }: { band: HistoryBand; window: QueryWindow }) {
  const { name, severity, node, parts, spans, totalMs } = band;
  const times = formatCount(locale.value, spans.length);
  const time = (timeMs: number) => formatMoment(locale.value, timeMs);
  return (
    <li class={severityOf({ labels: { severity } })}>
      <span class="band-name">
        <bdi title={name}>{name || words.value.unnamed}</bdi>
        <bdi class="quiet" title={[node, ...parts].join(" ")}>
          {[node, ...parts].join(" ")}
        </bdi>
      </span>
      <span class="band-room" aria-hidden="true">
        {spans.map(({ fromMs, toMs }) => {
          const left = Math.min(LEFT_MAX, percentOf(fromMs, window));
          return (
            <span
              class="band"
              key={fromMs}
              title={`${time(fromMs)} – ${time(toMs)}`}
              style={{ left: `${left}%`, width: `${Math.max(0, percentOf(toMs, window) - left)}%` }}
            />
          );
        })}
      </span>
      <span class="band-text number">
        {words.value.firedFor(times, formatDuration(locale.value, totalMs))}
      </span>
    </li>
  );
}
