/**
 * info(): each element gets the labels that an info series such as `target_info` of the same instance
 * and job has at that step. Source: prometheus.io/docs, "Functions", and promql/info.go.
 */
import type { Matcher } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  formatLabels,
  keepLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsKey,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import { compileMatcher, compileMatchers } from "../matching/matcher.ts";
import type { Grid } from "../query/grid.ts";
import { queryError } from "../query/query-error.ts";
import {
  emptySeries,
  mergeEqual,
  type StepSeries,
  type Value,
  vectorOf,
} from "../query/step-series.ts";
import type { CallExpr, SelectorExpr } from "./ast.ts";
import { argument } from "./call-arguments.ts";
import type { Run } from "./context.ts";
import { selectInstant } from "./select.ts";

/** Labels that say which series belong together. */
const IDENTIFYING = ["instance", "job"];
const IDENTIFYING_SET: ReadonlySet<string> = new Set(IDENTIFYING);
const TARGET_INFO: Matcher = { name: METRIC_NAME, type: "=", value: "target_info" };

export async function callInfo(run: Run, expr: CallExpr, grid: Grid): Promise<Value> {
  const base = await run.vector(argument(expr, 0), grid);
  const [, second] = expr.args;
  const given = second?.kind === "selector" ? second.matchers : null;
  const isNamed = given?.some(({ name }) => name === METRIC_NAME) ?? false;
  const wanted = isNamed ? (given ?? []) : [TARGET_INFO, ...(given ?? [])];
  const ownNames = given === null ? [TARGET_INFO] : given.filter((one) => one.name === METRIC_NAME);
  const isOwn = ownNames.map((one) => compileMatchers([one]));
  const enriched = base.filter(({ labels }) => !isOwn.some((matches) => matches(labels)));
  const others = base.filter((one) => !enriched.includes(one));
  const found = await infoSeries(run, enriched, { expr, matchers: wanted }, grid);
  const additions = new Additions(expr, given ?? [], newestBySignature(found, base, expr, grid));
  const results = [...others];
  for (const one of enriched) {
    for (const part of additions.partsOf(one)) {
      run.context.meter.hold(grid.count);
      results.push(part);
    }
    if (run.context.meter.work(grid.count * 4)) await run.context.meter.rest();
  }
  return vectorOf(mergeEqual(results, expr.place));
}

type Wanted = { readonly expr: CallExpr; readonly matchers: readonly Matcher[] };

/** With the times of their samples as values; of the instances and jobs that `base` has. */
async function infoSeries(
  { context }: Run,
  base: readonly StepSeries[],
  { expr, matchers }: Wanted,
  grid: Grid,
): Promise<StepSeries[]> {
  const values = IDENTIFYING.map((name) => {
    const held = base.map(({ labels }) => labelValue(labels, name));
    return { name, held: new Set(held.filter((value) => value !== "")) };
  }).filter(({ held }) => held.size > 0);
  if (values.length === 0) return [];
  const time = { offsetMs: 0, offset: null, at: null };
  const { place } = expr;
  const selector: SelectorExpr = { kind: "selector", matchers, extension: null, ...time, place };
  const found = await selectInstant(selector, grid, "time", context);
  return found.filter(({ labels }) =>
    values.every(({ name, held }) => held.has(labelValue(labels, name))),
  );
}

/** Info series of one name, instance and job, and which of them is the newest at each step. */
type Newest = { readonly series: StepSeries[]; readonly at: Int32Array };

function newestBySignature(
  found: readonly StepSeries[],
  base: readonly StepSeries[],
  { place }: CallExpr,
  { count }: Grid,
): Map<string, Map<string, Newest>> {
  const signatures = new Map<string, Map<string, Newest>>();
  const isAsked = (step: number) => base.some(({ present }) => present[step] === 1);
  for (const one of found) {
    const byName = getOrInsert(signatures, signatureOf(one.labels), () => new Map());
    const newest: Newest = getOrInsert(byName, labelValue(one.labels, METRIC_NAME), () => {
      return { series: [], at: new Int32Array(count).fill(-1) };
    });
    newest.series.push(one);
    for (let step = 0; step < count; step += 1) {
      if (one.present[step] !== 1) continue;
      const other = newest.series[newest.at[step] ?? -1];
      const timeS = one.values[step] ?? 0;
      const otherS = other?.values[step] ?? Number.NEGATIVE_INFINITY;
      if (other !== undefined && otherS === timeS && isAsked(step)) {
        const both = `${formatLabels(other.labels)}, ${formatLabels(one.labels)}`;
        throw queryError(place, `found duplicate series for info metric: ${both}`);
      }
      if (otherS < timeS) newest.at[step] = newest.series.length - 1;
    }
  }
  return signatures;
}

function signatureOf(labels: Labels): string {
  return labelsKey(keepLabels(labels, IDENTIFYING_SET));
}

/** What elements get from the info series that belong to them. */
class Additions {
  readonly #expr: CallExpr;
  readonly #wantedNames: ReadonlySet<string>;
  readonly #mayBeMissing: boolean;
  readonly #signatures: ReadonlyMap<string, ReadonlyMap<string, Newest>>;

  constructor(
    expr: CallExpr,
    matchers: readonly Matcher[],
    signatures: ReadonlyMap<string, ReadonlyMap<string, Newest>>,
  ) {
    const ofLabels = matchers.filter(({ name }) => name !== METRIC_NAME);
    this.#expr = expr;
    this.#wantedNames = new Set(ofLabels.map(({ name }) => name));
    this.#mayBeMissing = ofLabels.every((one) => compileMatcher(one).matchesEmpty);
    this.#signatures = signatures;
  }

  /** The elements of a series by the labels they have in the end; some may be dropped. */
  partsOf(one: StepSeries): StepSeries[] {
    const parts = new Map<string, StepSeries | null>();
    const byName = [...(this.#signatures.get(signatureOf(one.labels))?.values() ?? [])];
    for (let step = 0; step < one.present.length; step += 1) {
      if (one.present[step] !== 1) continue;
      const chosen = byName.map(({ at }) => at[step] ?? -1);
      const part = getOrInsert(parts, chosen.join(), () => {
        const infos = byName.flatMap(({ series }, i) => series[chosen[i] ?? -1] ?? []);
        if (infos.length === 0 && !this.#mayBeMissing) return null;
        return emptySeries(this.#labelsOf(one, infos), one.dropsName, one.present.length);
      });
      if (part === null) continue;
      part.values[step] = one.values[step] ?? 0;
      part.present[step] = 1;
    }
    return [...parts.values()].filter((part) => part !== null);
  }

  #labelsOf({ labels }: StepSeries, infos: readonly StepSeries[]): Labels {
    const added = new Map<string, string>();
    for (const info of infos) {
      for (const [name, value] of labelPairs(info.labels)) {
        if (name === METRIC_NAME) continue;
        if (this.#wantedNames.size > 0 && !this.#wantedNames.has(name)) continue;
        if ((added.get(name) ?? value) !== value) {
          throw queryError(this.#expr.place, `info metrics differ in the label ${name}`);
        }
        if (labelValue(labels, name) === "") added.set(name, value);
      }
    }
    return labelsFrom([...labelPairs(labels), ...added]);
  }
}
