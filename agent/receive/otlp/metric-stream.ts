import { labelsFrom, labelsKey, METRIC_NAME } from "../../../shared/model/labels.ts";
import type { OneSeries } from "../pushed-one.ts";
import type { LeftOutReason, Sender } from "../pushed-sender.ts";
import type { Attributes } from "./any-value.ts";
import { type Classic, ClassicValues, type Part } from "./classic-values.ts";
import { metricName } from "./metric-name.ts";
import type { MetricHead, MetricPoint } from "./metric-point.ts";
import { PointSeries } from "./point-series.ts";
import { mergedLabels } from "./resource-labels.ts";

/** What a point says of its series, or why it is left out. */
type Taken = { readonly series: readonly OneSeries[]; readonly values: readonly (number | null)[] };

/** Forms that attributes are sent in are remembered up to so many a point, and up to this length. */
const FORMS_MAX = 4;
const FORM_LENGTH_MAX = 4096;

/** One metric of a sender and scope. */
export class MetricStream {
  readonly #sender: Sender;
  readonly #head: MetricHead;
  readonly #classic: ClassicValues;
  readonly #name: string;
  /** Of sender and scope. */
  readonly #labels: ReadonlyMap<string, string>;
  /** By the labels that attributes become. */
  readonly #points = new Map<string, PointSeries>();
  /** By the attributes as they are sent, which may have several orders. */
  readonly #byForm = new Map<string, PointSeries>();

  constructor(sender: Sender, head: MetricHead, labels: ReadonlyMap<string, string>) {
    this.#sender = sender;
    this.#head = head;
    this.#labels = labels;
    this.#classic = new ClassicValues(head);
    this.#name = metricName(head);
  }

  take(point: MetricPoint, attributes: () => Attributes): Taken | LeftOutReason {
    if (this.#name === "") return "label_text";
    const isDelta = this.#head.temporality === "delta";
    const needsTemporality = this.#head.kind !== "gauge" && this.#head.kind !== "summary";
    if (needsTemporality && this.#head.temporality === "none") return "malformed";
    const classic = this.#classic.of(point);
    if (typeof classic === "string") return classic;
    const known = this.#pointSeries(point, classic, attributes);
    if (typeof known === "string") return known;
    const { series } = known;
    if (point.isEnd) return { series, values: series.map(() => null) };
    if (!isDelta) return { series, values: classic.values };
    if (this.#isFalling(classic)) return "malformed";
    const totals = known.add(classic.values, point.startMs, point.timeMs);
    return typeof totals === "string" ? totals : { series, values: totals };
  }

  /** The clock was set back. */
  forgetTimes(): void {
    for (const point of this.#points.values()) point.forgetTimes();
  }

  /** Forgets what is retired. Returns how many points are left. */
  sweep(): number {
    for (const [key, point] of this.#points) if (point.isRetired) this.#points.delete(key);
    this.#byForm.clear();
    return this.#points.size;
  }

  /** An increase that is none, in what can only increase; a sum of negative values may fall. */
  #isFalling({ parts, values }: Classic): boolean {
    if (this.#head.kind === "sum" && !this.#head.isMonotonic) return false;
    return values.some((value, i) => !(value >= 0) && parts[i]?.suffix !== "_sum");
  }

  #pointSeries(
    { key: form }: MetricPoint,
    { parts }: Classic,
    attributes: () => Attributes,
  ): PointSeries | LeftOutReason {
    const known = this.#byForm.get(form);
    if (known?.isOf(parts)) return known;
    const labels = this.#labelsOf(attributes());
    const key = labelsKey(labelsFrom(labels));
    let point = this.#points.get(key) ?? null;
    if (point === null || !point.isOf(parts)) {
      const series = this.#seriesOf(labels, parts);
      if (typeof series === "string") return series;
      point = new PointSeries(parts, series, point);
      this.#points.set(key, point);
    }
    if (this.#byForm.size > FORMS_MAX * this.#points.size) this.#byForm.clear();
    if (form.length <= FORM_LENGTH_MAX) this.#byForm.set(form, point);
    return point;
  }

  /** What the sender and its scope are called stands; of the point it is `exported_NAME` then. */
  #labelsOf(attributes: Attributes): Map<string, string> {
    const labels = mergedLabels(attributes);
    for (const [name, value] of this.#labels) {
      const own = labels.get(name);
      if (own !== undefined && own !== value) labels.set(`exported_${name}`, own);
      labels.set(name, value);
    }
    return labels;
  }

  #seriesOf(
    labels: ReadonlyMap<string, string>,
    parts: readonly Part[],
  ): OneSeries[] | LeftOutReason {
    const isHeld = this.#head.temporality === "delta";
    const all: OneSeries[] = [];
    for (const { suffix, label } of parts) {
      const one = new Map(labels);
      one.set(METRIC_NAME, this.#name + suffix);
      if (label !== null) one.set(...label);
      const series = this.#sender.series(labelsFrom(one), isHeld);
      if (typeof series === "string") return series;
      all.push(series);
    }
    return all;
  }
}
