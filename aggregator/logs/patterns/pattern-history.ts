import { OperationalError } from "../../../shared/errors.ts";
import { templateOf } from "../../../shared/log-patterns/miner.ts";
import type { Pattern } from "../../../shared/log-patterns/pattern.ts";
import type { Matcher } from "../../../shared/model/columns.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { labelValue } from "../../../shared/model/labels.ts";
import type { KeyValueStore } from "../../../shared/platform/ports.ts";
import { compileMatcher } from "../../matching/matcher.ts";
import type { TimeRange } from "../../model/log-lines.ts";
import type {
  PatternList,
  PatternQuery,
  PatternRow,
  PatternSamples,
  PatternSource,
} from "../../model/log-patterns.ts";
import { BUCKET_MINUTES, bucketStart, type CountedStream } from "./open-counts.ts";
import { decodeHistory, historyRange, readHistoryKey } from "./pattern-records.ts";
import type { PatternTable } from "./pattern-table.ts";
import { HOUR_MINUTES } from "./roll-up.ts";

const MINUTE_MS = 60_000;
const STEP_MS = BUCKET_MINUTES * MINUTE_MS;
/** Steps that are told of one pattern. */
const STEPS_MAX = 11_000;
/** Templates that are told with their samples. */
const TEMPLATES_MAX = 1000;

/** What the store has of the history of patterns: as it was at the last write. */
export class PatternHistory implements PatternSource {
  readonly #table: PatternTable;
  readonly #store: KeyValueStore;

  constructor(table: PatternTable, store: KeyValueStore) {
    this.#table = table;
    this.#store = store;
  }

  async list({ matchers, range, stepMs, limit }: PatternQuery): Promise<PatternList> {
    const steps = stepsOf(range, stepMs);
    const counts = new Map<Pattern, Float64Array>();
    for (const stream of this.#streams(matchers)) await this.#add(stream, steps, counts);
    let lines = 0;
    const rows: PatternRow[] = [];
    for (const [pattern, own] of counts) {
      const count = own.reduce((sum, one) => sum + one, 0);
      lines += count;
      rows.push(rowOf(pattern, count, own));
    }
    rows.sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
    const { startMs } = steps;
    const shown = rows.slice(0, limit);
    return { rows: shown, patterns: rows.length, lines, startMs, stepMs: steps.stepMs };
  }

  async patterns(
    matchers: readonly Matcher[],
    range: TimeRange,
    stepMs: number,
  ): Promise<readonly PatternSamples[]> {
    const list = await this.list({ matchers, range, stepMs, limit: TEMPLATES_MAX });
    return list.rows.map(({ template, counts }) => {
      const samples: [number, number][] = [];
      for (const [i, count] of counts.entries()) {
        if (count > 0) samples.push([(list.startMs + i * list.stepMs) / 1000, count]);
      }
      return { template, samples };
    });
  }

  #streams(matchers: readonly Matcher[]): readonly CountedStream[] {
    const compiled = matchers.map(compileMatcher);
    return this.#table.counts.streams.filter(({ labels }) =>
      compiled.every(({ name, test }) => test(labelValue(labels, name))),
    );
  }

  async #add(
    stream: CountedStream,
    { startMs, stepMs, count }: Steps,
    counts: Map<Pattern, Float64Array>,
  ): Promise<void> {
    const [fromMin, toMin] = [startMs / MINUTE_MS, (startMs + count * stepMs) / MINUTE_MS];
    // Of an hour that begins before the time, all lines are counted for its first step.
    const hourMin = Math.floor(fromMin / HOUR_MINUTES) * HOUR_MINUTES;
    for await (const [key, value] of this.#store.entries(
      historyRange(stream.number, hourMin, toMin),
    )) {
      const { startMin } = readHistoryKey(key);
      const record = decodeHistory(value);
      if (record === null || startMin + record.minutes <= fromMin) continue;
      const step = Math.max(0, Math.floor(((startMin - fromMin) * MINUTE_MS) / stepMs));
      for (const [number, lines] of record.counts) {
        const pattern = this.#table.findNumber(number);
        const own = getOrInsert(counts, pattern, () => new Float64Array(count));
        own[step] = (own[step] ?? 0) + lines;
      }
    }
  }
}

type Steps = { readonly startMs: number; readonly stepMs: number; readonly count: number };

/** @throws OperationalError LIMIT */
function stepsOf({ startUs, endUs }: TimeRange, stepMs: number): Steps {
  const whole = Math.max(STEP_MS, Math.ceil(stepMs / STEP_MS) * STEP_MS);
  const startMs = Math.floor((bucketStart(startUs) * MINUTE_MS) / whole) * whole;
  const count = Math.max(1, Math.ceil((endUs / 1000 - startMs) / whole));
  if (count <= STEPS_MAX) return { startMs, stepMs: whole, count };
  throw new OperationalError("LIMIT", `${count} steps are more than ${STEPS_MAX}`);
}

function rowOf(pattern: Pattern, count: number, counts: Float64Array): PatternRow {
  const { id, example, firstUs, lastUs } = pattern;
  return {
    id,
    template: templateOf(pattern),
    example,
    count,
    firstUs,
    lastUs,
    counts: [...counts],
  };
}
