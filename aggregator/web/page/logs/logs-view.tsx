import { RangePicker, useWindow } from "../charts/ranged.tsx";
import { LiveRegion } from "../node/live-region.tsx";
import type { TimeRange } from "../node/time-range.ts";
import { parameters, setParameters } from "../route.ts";
import { words } from "../settings.ts";
import { addressOf } from "../view.ts";
import { FilterBar } from "./filter-bar.tsx";
import { Histogram } from "./histogram.tsx";
import type { LineFeed } from "./line-feed.ts";
import { LineList } from "./line-list.tsx";
import { LineNotice, secondOf } from "./line-notice.tsx";
import {
  filtersText,
  type LineFilter,
  type LineOrder,
  type LogQuestion,
  linesQuery,
  orderOf,
  questionOf,
} from "./log-question.ts";
import { PatternList } from "./pattern-list.tsx";
import { SelectorBar } from "./selector-bar.tsx";
import { SeverityButtons } from "./severity-buttons.tsx";
import { useBars, useLines } from "./use-logs.ts";

const setFilters = (filters: readonly LineFilter[]) =>
  setParameters({ filter: filtersText(filters) });

/** Log lines of any streams: what is looked for, how many there are over time, and the lines. */
export function LogsView() {
  const { window: range } = useWindow();
  const question = questionOf(parameters.value);
  const order = orderOf(parameters.value);
  const atMs = secondOf(parameters.value);
  const isFollowed = parameters.value.get("tail") !== "off";
  const query = linesQuery(question);
  const feed = useLines({ query, range, order, atMs, isFollowed });
  const bars = useBars(question, range);
  const hasPatterns = parameters.value.get("show") === "patterns";
  return (
    <div class="logs-view">
      <h1 class="unseen">{words.value.logs}</h1>
      <section class="part log-ask" aria-label={words.value.search}>
        <SelectorBar
          selector={question.selector}
          range={range}
          onChange={(select) => setParameters({ select })}
        />
        <FilterBar isMain filters={question.filters} onChange={setFilters} />
        <div class="log-when">
          <SeverityButtons
            bars={bars.value}
            chosen={question.severities}
            onChange={(severities) => setParameters({ severity: severities.join(",") })}
          />
          <RangePicker fromMs={range.fromMs} toMs={range.toMs} isLive={range.isLive} />
        </div>
        <Histogram loaded={bars} severities={question.severities} />
      </section>
      <section class="part log-found" aria-label={words.value.logLines}>
        <Tools {...{ feed, question, order, range, hasPatterns }} />
        {hasPatterns ? (
          <PatternList
            selector={question.selector}
            span={range}
            onFilter={(filter) => {
              setFilters([...question.filters, filter]);
              setParameters({ show: "" });
            }}
          />
        ) : (
          <>
            <LineNotice feed={feed} atMs={atMs} />
            <LineList {...{ feed, order, question, atMs }} />
          </>
        )}
      </section>
      <LiveRegion />
    </div>
  );
}

type ToolsProps = {
  feed: LineFeed;
  question: LogQuestion;
  order: LineOrder;
  range: TimeRange;
  hasPatterns: boolean;
};

function Tools({ feed, question, order, range, hasPatterns }: ToolsProps) {
  const { logLines, patterns, newestFirst, oldestFirst, explore } = words.value;
  const query = new URLSearchParams({ lang: "logql", query: linesQuery(question) });
  const tab = (show: string, text: string, isShown: boolean) => (
    <button type="button" aria-pressed={isShown} onClick={() => setParameters({ show })}>
      {text}
    </button>
  );
  return (
    <div class="title-line log-tools">
      <span class="choices" role="group" aria-label={words.value.view}>
        {tab("", logLines, !hasPatterns)}
        {tab("patterns", patterns, hasPatterns)}
      </span>
      {hasPatterns ? null : (
        <>
          <select
            aria-label={words.value.order}
            value={order}
            onChange={({ currentTarget: { value } }) =>
              setParameters({ order: value === "newest" ? "" : value })
            }
          >
            <option value="newest">{newestFirst}</option>
            <option value="oldest">{oldestFirst}</option>
          </select>
          <TailButton {...{ feed, order, range }} />
        </>
      )}
      <a class="pane-link" href={addressOf(`/explore?${query}`)}>
        {explore}
      </a>
    </div>
  );
}

function TailButton({ feed, order, range }: Pick<ToolsProps, "feed" | "order" | "range">) {
  const { liveTail, stopTail } = words.value;
  const canFollow = range.isLive && order === "newest";
  const isOn = canFollow && parameters.value.get("tail") !== "off";
  const state = { off: "paused", connecting: "connecting", on: "live", lost: "lost" };
  const press = () => {
    if (isOn) setParameters({ tail: "off" });
    else setParameters({ tail: "", order: "", from: "", to: "", at: "" });
  };
  return (
    <button
      type="button"
      class={`live ${state[feed.tail.value]}`}
      aria-pressed={isOn}
      title={isOn ? stopTail : liveTail}
      onClick={press}
    >
      <span class="shape" aria-hidden="true" />
      {liveTail}
    </button>
  );
}
