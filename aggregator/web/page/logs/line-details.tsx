import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { formatBytes, formatMoment } from "../format.ts";
import { setParameters, view } from "../route.ts";
import { locale, words } from "../settings.ts";
import { addressOf, nodePath } from "../view.ts";
import { clipped, plainText } from "./line-text.ts";
import type { LogLine } from "./log-lines.ts";
import { type LogQuestion, logsPath, matchersOf, selectorOf } from "./log-question.ts";
import { streamLabels } from "./log-requests.ts";
import { MarkedText } from "./marked-text.tsx";
import { excludedValue, selectorText, toggledValue } from "./selector.ts";

/** Of a line before all of it is asked for. */
const TEXT_CHARS = 3000;
/** Left and right of a line, in its charts and among the lines around it. */
const AROUND_CHARTS_MS = 900_000;
const AROUND_LINES_MS = 60_000;

type DetailsProps = { line: LogLine; question: LogQuestion; onHeight: (px: number) => void };

/** All of a line, its labels, and where one can go from there. */
export function LineDetails({ line, question, onHeight }: DetailsProps) {
  const place = useRef<HTMLDivElement>(null);
  const isWhole = useSignal(false);
  useEffect(() => {
    const { current: box } = place;
    if (box === null) return undefined;
    const observer = new ResizeObserver(() => onHeight(box.offsetHeight));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const text = plainText(line.text);
  const shown = clipped(text, isWhole.value ? text.length : TEXT_CHARS);
  const { wholeLine } = words.value;
  return (
    <div ref={place} class="line-details">
      <pre tabIndex={0} role="group" aria-label={words.value.lineText}>
        <bdi>
          <MarkedText text={shown.text} question={question} />
        </bdi>
      </pre>
      {shown.isClipped ? (
        <button
          type="button"
          onClick={() => {
            isWhole.value = true;
          }}
        >
          {wholeLine(formatBytes(locale.value, new Blob([line.text]).size))}
        </button>
      ) : null}
      <LineLinks line={line} question={question} />
      <LineLabels line={line} question={question} />
    </div>
  );
}

function LineLinks({ line, question }: { line: LogLine; question: LogQuestion }) {
  const { chartsThen, linesAround } = words.value;
  const { timeMs, labels } = line;
  const instance = labels["instance"];
  const around = (byMs: number) => ({ fromMs: timeMs - byMs, toMs: timeMs + byMs });
  const charts = around(AROUND_CHARTS_MS);
  const asked = new URLSearchParams({
    ...{ from: String(charts.fromMs), to: String(charts.toMs), at: String(timeMs) },
  });
  const stream = Object.entries(labels).filter(([name]) => streamLabels.value.includes(name));
  const neighbours = {
    ...question,
    ...{ filters: [], severities: [], selector: selectorOf(Object.fromEntries(stream)) },
  };
  return (
    <p class="line-links">
      <time class="number">{formatMoment(locale.value, timeMs)}</time>
      {instance === undefined ? null : (
        <a href={`${nodePath(instance)}?${asked}`}>{chartsThen(instance)}</a>
      )}
      <a href={addressOf(logsPath(neighbours, around(AROUND_LINES_MS), timeMs))}>{linesAround}</a>
    </p>
  );
}

/** Labels, each with a way to see only the lines that have it, or those that do not. */
function LineLabels({ line, question }: { line: LogLine; question: LogQuestion }) {
  const { onlyWith, without } = words.value;
  const matchers = matchersOf(question);
  const canChoose = matchers !== null && view.value.kind === "logs";
  return (
    <dl class="line-labels">
      {Object.entries(line.labels).map(([name, value]) => (
        <div key={name}>
          <dt>
            <bdi>{name}</bdi>
          </dt>
          <dd>
            <bdi>{clipped(plainText(value), 300).text}</bdi>
            {canChoose && streamLabels.value.includes(name) ? (
              <>
                <button
                  type="button"
                  class="icon"
                  title={onlyWith(name)}
                  aria-label={onlyWith(`${name}=${value}`)}
                  onClick={() =>
                    setParameters({ select: selectorText(toggledValue(matchers, name, value)) })
                  }
                >
                  =
                </button>
                <button
                  type="button"
                  class="icon"
                  title={without(name)}
                  aria-label={without(`${name}=${value}`)}
                  onClick={() =>
                    setParameters({ select: selectorText(excludedValue(matchers, name, value)) })
                  }
                >
                  ≠
                </button>
              </>
            ) : null}
          </dd>
        </div>
      ))}
    </dl>
  );
}
