import { LiveRegion } from "../node/live-region.tsx";
import type { TimeRange } from "../node/time-range.ts";
import { parameters, setParameters } from "../route.ts";
import { words } from "../settings.ts";
import { addressOf } from "../view.ts";
import { FilterBar } from "./filter-bar.tsx";
import { Histogram } from "./histogram.tsx";
import { LineList } from "./line-list.tsx";
import { LineNotice, secondOf } from "./line-notice.tsx";
import { filtersText, type LogQuestion, linesQuery, logsPath, questionOf } from "./log-question.ts";
import { SeverityButtons } from "./severity-buttons.tsx";
import { useBars, useLines } from "./use-logs.ts";

type PaneProps = { selector: string; range: TimeRange };

/** The log lines of something, below its charts and under their time. */
export function LogPane({ selector, range }: PaneProps) {
  const question: LogQuestion = { ...questionOf(parameters.value), selector };
  const atMs = secondOf(parameters.value);
  const query = linesQuery(question);
  const feed = useLines({ query, range, order: "newest", atMs, isFollowed: true });
  const bars = useBars(question, range);
  const { logs, openInLogs } = words.value;
  return (
    <section class="part log-pane" aria-labelledby="log-pane-title">
      <div class="title-line">
        <h2 id="log-pane-title">{logs}</h2>
        <FilterBar
          filters={question.filters}
          onChange={(filters) => setParameters({ filter: filtersText(filters) })}
        />
        <a
          class="pane-link"
          href={addressOf(logsPath(question, range.isLive ? null : range, atMs))}
        >
          {openInLogs}
        </a>
      </div>
      <SeverityButtons
        bars={bars.value}
        chosen={question.severities}
        onChange={(severities) => setParameters({ severity: severities.join(",") })}
      />
      <Histogram loaded={bars} severities={question.severities} />
      <LineNotice feed={feed} atMs={atMs} />
      <LineList feed={feed} order="newest" question={question} atMs={atMs} />
      <LiveRegion />
    </section>
  );
}
