import { formatCount, formatMoment, formatShare } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { locale, words } from "../settings.ts";
import { clipped, plainText } from "./line-text.ts";
import { type LineFilter, patternFilter } from "./log-question.ts";
import { loadPatterns, type Pattern } from "./log-requests.ts";

const TEMPLATE_CHARS = 400;
const SPARK = { width: 96, height: 20 };

type ListProps = {
  selector: string;
  span: { readonly fromMs: number; readonly toMs: number };
  onFilter: (filter: LineFilter) => void;
};

/** What lines have in common, the most frequent first, and which of it is new. */
export function PatternList({ selector, span, onFilter }: ListProps) {
  const key = `${selector} ${span.fromMs} ${span.toMs}`;
  const loaded = useLoaded((signal) => loadPatterns(selector, span, signal), [key]).value;
  const { loading, noPatterns, patternCount } = words.value;
  const found = loaded.value;
  if (found === null || loaded.problem !== "") {
    return <p class={loaded.problem === "" ? "quiet" : "problem"}>{loaded.problem || loading}</p>;
  }
  if (found.rows.length === 0) return <p class="quiet">{noPatterns}</p>;
  const [lines, patterns] = [found.lines, found.patterns].map((n) => formatCount(locale.value, n));
  return (
    <>
      <p class="quiet">
        {patternCount(patterns ?? "", lines ?? "", formatCount(locale.value, found.rows.length))}
      </p>
      <ul class="patterns" aria-label={words.value.patterns}>
        {found.rows.map((row) => (
          <PatternRow
            key={row.id}
            {...{ row, onFilter }}
            share={found.lines === 0 ? 0 : row.count / found.lines}
            isNew={row.firstUs / 1000 >= span.fromMs}
          />
        ))}
      </ul>
    </>
  );
}

type RowProps = {
  row: Pattern;
  share: number;
  isNew: boolean;
  onFilter: (filter: LineFilter) => void;
};

function PatternRow({ row, share, isNew, onFilter }: RowProps) {
  const { newPattern, firstSeen, onlyThese, withoutThese } = words.value;
  const first = firstSeen(formatMoment(locale.value, row.firstUs / 1000));
  const template = clipped(plainText(row.template), TEMPLATE_CHARS).text;
  return (
    <li class="pattern">
      <span class="number pattern-count">{formatCount(locale.value, row.count)}</span>
      <span class="number quiet pattern-share">{formatShare(locale.value, share)}</span>
      <Spark counts={row.counts} />
      <span class="pattern-text" title={plainText(row.example).slice(0, 1000)}>
        {isNew ? (
          <span class="new-mark" title={first}>
            {newPattern}
          </span>
        ) : null}
        <bdi>
          {template.split(/(<\*>)/).map((part, i) => (part === "<*>" ? <i key={i}>…</i> : part))}
        </bdi>
      </span>
      <span class="actions">
        <button
          type="button"
          title={onlyThese}
          aria-label={`${onlyThese}: ${template}`}
          onClick={() => onFilter(patternFilter("|>", row.template))}
        >
          {onlyThese}
        </button>
        <button
          type="button"
          title={withoutThese}
          aria-label={`${withoutThese}: ${template}`}
          onClick={() => onFilter(patternFilter("!>", row.template))}
        >
          {withoutThese}
        </button>
      </span>
    </li>
  );
}

/** Lines over time, without a scale. */
function Spark({ counts }: { counts: readonly number[] }) {
  const top = Math.max(1, ...counts);
  const wide = SPARK.width / Math.max(1, counts.length);
  return (
    <svg
      class="pattern-spark"
      viewBox={`0 0 ${SPARK.width} ${SPARK.height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {counts.map((count, i) => {
        const height = count === 0 ? 0 : Math.max(1.5, (count / top) * SPARK.height);
        return (
          <rect
            key={i}
            {...{ x: i * wide, y: SPARK.height - height, width: Math.max(0.6, wide - 0.5), height }}
          />
        );
      })}
    </svg>
  );
}
