import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { nowMs } from "../browser.ts";
import { RangePicker } from "../charts/ranged.tsx";
import { useLoaded } from "../loaded.ts";
import { LineList } from "../logs/line-list.tsx";
import { LineNotice } from "../logs/line-notice.tsx";
import { useLines } from "../logs/use-logs.ts";
import { LiveRegion } from "../node/live-region.tsx";
import { type QueryWindow, rangeOf, windowOf } from "../node/time-range.ts";
import { parameters, setParameters } from "../route.ts";
import { words } from "../settings.ts";
import { EXAMPLES, type Explored, exploredOf, type QueryLanguage } from "./explore-address.ts";
import { QueryEditor } from "./query-editor.tsx";
import { runQuery } from "./query-run.ts";
import { asksForLines, placeOfProblem } from "./query-text.ts";
import { ResultView } from "./result-view.tsx";

const LANGUAGE_NAMES: Readonly<Record<QueryLanguage, string>> = {
  promql: "PromQL",
  logql: "LogQL",
};

/** Any query in PromQL or LogQL; it runs when it is told to, and the address has it then. */
export function ExploreView() {
  const asked = exploredOf(parameters.value);
  const runs = useSignal(0);
  const typed = useSignal(asked.query);
  const from = parameters.value.get("from");
  const range = `${from} ${parameters.value.get("to")} ${parameters.value.get("range")}`;
  const window = useMemo(
    () => windowOf(rangeOf(parameters.value, nowMs())),
    [range, runs.value, asked.query],
  );
  const isLines = asked.language === "logql" && asksForLines(asked.query);
  const loaded = useLoaded(
    async (signal) => {
      if (asked.query.trim() === "" || isLines) return null;
      const answer = await runQuery(asked.language, asked.query, window, signal);
      return { answer, window };
    },
    [asked.language, asked.query, window],
  ).value;
  const problem = loaded.problem;
  const run = () => {
    setParameters({ query: typed.value });
    runs.value += 1;
  };
  return (
    <div class="explore-view">
      <h1 class="unseen">{words.value.explore}</h1>
      <Question
        {...{ asked, window, run }}
        problemPlace={problem === "" ? null : placeOfProblem(asked.query, problem)}
        onChange={(query) => {
          typed.value = query;
        }}
      />
      {problem === "" ? null : (
        <p class="part problem refused" role="alert">
          <bdi>{problem}</bdi>
        </p>
      )}
      {asked.query.trim() === "" ? (
        <Examples language={asked.language} />
      ) : isLines ? (
        <Lines key={`${asked.query} ${runs.value}`} query={asked.query} window={window} />
      ) : loaded.value === null || problem !== "" ? null : (
        <ResultView {...loaded.value} show={asked.show} />
      )}
      <LiveRegion />
    </div>
  );
}

type QuestionProps = {
  asked: Explored;
  window: QueryWindow;
  problemPlace: number | null;
  onChange: (query: string) => void;
  run: () => void;
};

function Question({ asked, window, problemPlace, onChange, run }: QuestionProps) {
  const { queryLanguage, runHint } = words.value;
  return (
    <section class="part explore-ask" aria-label={words.value.query}>
      <div class="explore-query">
        <select
          aria-label={queryLanguage}
          value={asked.language}
          onChange={({ currentTarget: { value } }) => {
            onChange("");
            setParameters({ lang: value === "promql" ? "" : value, query: "", show: "" });
          }}
        >
          {Object.entries(LANGUAGE_NAMES).map(([language, name]) => (
            <option key={language} value={language}>
              {name}
            </option>
          ))}
        </select>
        <QueryEditor
          {...{ language: asked.language, query: asked.query, problemPlace, onChange }}
          onRun={run}
        />
        <button type="button" class="primary" title={runHint} onClick={run}>
          {words.value.run}
        </button>
      </div>
      <RangePicker fromMs={window.fromMs} toMs={window.toMs} isLive={window.isLive} />
    </section>
  );
}

function Examples({ language }: { language: QueryLanguage }) {
  return (
    <section class="part examples">
      <p class="quiet">{words.value.noQuery}</p>
      <ul>
        {EXAMPLES[language].map((query) => (
          <li key={query}>
            <button type="button" onClick={() => setParameters({ query })}>
              <code>{query}</code>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What LogQL without a metric gives. */
function Lines({ query, window }: { query: string; window: QueryWindow }) {
  const question = { selector: query, filters: [], severities: [] };
  const feed = useLines({ query, range: window, order: "newest", atMs: null, isFollowed: false });
  return (
    <section class="part log-found" aria-label={words.value.logLines}>
      <LineNotice feed={feed} atMs={null} />
      <LineList feed={feed} order="newest" question={question} atMs={null} />
    </section>
  );
}
