import { isUtf8 } from "node:buffer";
import { OperationalError } from "../../../shared/errors.ts";
import {
  compareLabels,
  type Labels,
  labelValue,
  METRIC_NAME,
} from "../../../shared/model/labels.ts";
import { grown } from "../../../shared/wire/bytes.ts";
import { ExpositionReader } from "../../exposition/exposition-reader.ts";
import { PageFamilies } from "./page-families.ts";
import type { AddedSeries, PageLimits, PageReading } from "./page-reading.ts";
import { NONE, SeriesForms } from "./series-forms.ts";

const OPEN = 123;
const SPACE = 32;
const SAMPLES_AT_FIRST = 64;
const NO_NUMBER = Buffer.from(" 0");

/** Of one metric. */
type MetricCount = { readonly name: string; series: number };

/**
 * What is known of the pages of one target. A page mostly has the lines of the last one, in the same
 * order and with other numbers: so the bytes of the next series of the last page are compared with
 * those at hand, and when they are the same only the number is read. Otherwise the line is read, and
 * its series found by a hash of its labels; from there on the last page's order is followed again.
 * A page is taken whole or not at all.
 */
export class PageMemory {
  readonly #limits: PageLimits;
  readonly #seed: number;
  // Both live as long as the memory does: with the last instance of a class V8 drops its code.
  readonly #reader: ExpositionReader;
  readonly #formReader: ExpositionReader;
  readonly #forms = new SeriesForms();
  readonly #metrics = new Map<string, MetricCount>();
  /** Of each handle. */
  readonly #metricOf: MetricCount[] = [];
  #seenIn = new Float64Array(SAMPLES_AT_FIRST);
  #places = new Int32Array(SAMPLES_AT_FIRST);
  /** Of the last page, in its order, and of the one that is read. */
  #lastHandles = new Int32Array(SAMPLES_AT_FIRST);
  #lastCount = 0;
  #handles = new Int32Array(SAMPLES_AT_FIRST);
  #values = new Float64Array(SAMPLES_AT_FIRST);
  #timesMs = new Float64Array(SAMPLES_AT_FIRST);
  #count = 0;
  #lastFormat: "text" | "openmetrics" = "text";
  #page = 0;
  /** Whether the page has, so far, the series of the last one in its order. */
  #isUnchanged = true;
  /** Place in the last page of the series that is expected next. */
  #cursor = 0;
  /** Series of the last page whose bytes may be trusted in this one. */
  #expectedCount = 0;
  #duplicates = 0;
  #leftOut = 0;
  #added: { readonly handle: number; readonly labels: Labels }[] = [];
  /** Where lines of HELP, TYPE and UNIT start. */
  #metadata: number[] = [];

  /** @param seed of the hashes; a random integer, so that a target cannot choose what collides */
  constructor(limits: PageLimits, seed: number) {
    this.#limits = limits;
    this.#seed = seed;
    this.#reader = new ExpositionReader(limits);
    this.#formReader = new ExpositionReader(limits);
  }

  /** Series of the last page that was taken. */
  get seriesCount(): number {
    return this.#forms.size;
  }

  /**
   * Reads a page. The columns of the answer are valid until the next one is read. After an error
   * everything is as it was before the call.
   * @throws OperationalError PARSE for a page that cannot be read, LIMIT; both with the line's number
   */
  read(bytes: Uint8Array, format: "text" | "openmetrics"): PageReading {
    this.#begin(format);
    try {
      this.#checkBytes(bytes, format);
      this.#reader.start(bytes, format);
      this.#readLines(bytes);
      const added = this.#added.length === 0 ? [] : this.#withFamilies();
      return this.#finish(format, added);
    } catch (error) {
      for (const { handle } of this.#added) this.#forget(handle);
      this.#forms.compact(this.#lastHandles, this.#lastCount);
      throw error;
    } finally {
      this.#reader.end();
      this.#added = [];
      this.#metadata = [];
    }
  }

  #begin(format: "text" | "openmetrics"): void {
    const size = this.#values.length;
    if (this.#handles.length < size) this.#handles = new Int32Array(size);
    this.#page += 1;
    this.#count = 0;
    this.#duplicates = 0;
    this.#leftOut = 0;
    this.#isUnchanged = true;
    // What one format can write, another one may not.
    this.#expectedCount = format === this.#lastFormat ? this.#lastCount : 0;
    this.#cursor = 0;
  }

  #checkBytes(bytes: Uint8Array, format: "text" | "openmetrics"): void {
    const { pageBytesMax } = this.#limits;
    if (bytes.length > pageBytesMax) {
      throw new OperationalError("LIMIT", `The page is longer than ${pageBytesMax} bytes`);
    }
    if (isUtf8(bytes)) return;
    const reader = this.#reader;
    reader.start(bytes, format);
    // Line by line, to say which one is wrong; comments may hold anything.
    while (reader.next() !== "end") {
      if (isUtf8(bytes.subarray(reader.lineStart, reader.position))) continue;
      throw reader.fault("text is not UTF-8");
    }
  }

  #readLines(bytes: Uint8Array): void {
    const reader = this.#reader;
    for (;;) {
      const known = this.#expectedAt(bytes, reader.position);
      if (known !== NONE) {
        reader.nextKnown(reader.position + (this.#forms.lengths[known] ?? 0));
        this.#cursor += 1;
        this.#put(known);
        continue;
      }
      const kind = reader.next();
      if (kind === "end") return;
      if (kind === "sample") this.#find(bytes);
      else this.#metadata.push(reader.lineStart);
    }
  }

  /** The series that the last page had here, if this one has it too. */
  #expectedAt(bytes: Uint8Array, at: number): number {
    if (this.#cursor >= this.#expectedCount) return NONE;
    const handle = this.#lastHandles[this.#cursor] ?? 0;
    const forms = this.#forms;
    const end = at + (forms.lengths[handle] ?? 0);
    // The usual form: one space. Behind more of them a brace might come.
    if (bytes[end] !== SPACE) return NONE;
    const next = bytes[end + 1] ?? SPACE;
    if (next <= SPACE || next === OPEN) return NONE;
    return forms.matches(handle, bytes, at) ? handle : NONE;
  }

  /** Of the sample where the reader is. */
  #find(bytes: Uint8Array): void {
    const { seriesStart, seriesEnd } = this.#reader;
    this.#isUnchanged = false;
    const hash = this.#reader.seriesHash(this.#seed);
    const forms = this.#forms;
    let handle = forms.first(hash);
    while (handle !== NONE && !forms.isWrittenAt(handle, bytes, seriesStart, seriesEnd)) {
      handle = forms.next(handle);
    }
    if (handle === NONE) handle = this.#findByLabels(hash, bytes);
    if (handle === NONE) {
      this.#leftOut += 1;
      return;
    }
    if (this.#places[handle] !== NONE) this.#cursor = (this.#places[handle] ?? 0) + 1;
    this.#put(handle);
  }

  /** The labels may have been written in another order before, or with other escapes. */
  #findByLabels(hash: number, bytes: Uint8Array): number {
    const { seriesStart, seriesEnd } = this.#reader;
    const forms = this.#forms;
    let handle = forms.first(hash);
    if (handle === NONE) return this.#add(hash, bytes);
    const labels = this.#reader.namedLabels();
    while (handle !== NONE && compareLabels(this.#labelsOf(handle), labels) !== 0) {
      handle = forms.next(handle);
    }
    if (handle === NONE) return this.#add(hash, bytes);
    forms.rewrite(handle, bytes, seriesStart, seriesEnd);
    return handle;
  }

  /** NONE: its metric has all the series that it may have. */
  #add(hash: number, bytes: Uint8Array): number {
    const { seriesStart, seriesEnd } = this.#reader;
    const name = this.#reader.name();
    const metric = this.#metrics.get(name) ?? { name, series: 0 };
    if (metric.series >= this.#limits.seriesOfMetricMax) return NONE;
    const labels = this.#reader.namedLabels();
    const handle = this.#forms.add(hash, bytes, seriesStart, seriesEnd);
    if (handle === NONE) throw this.#reader.fault("too many series with one hash", "LIMIT");
    if (this.#forms.capacity > this.#places.length) this.#growHandles();
    metric.series += 1;
    this.#metrics.set(name, metric);
    this.#metricOf[handle] = metric;
    this.#places[handle] = NONE;
    this.#seenIn[handle] = 0;
    this.#added.push({ handle, labels });
    return handle;
  }

  #put(handle: number): void {
    if (this.#seenIn[handle] === this.#page) {
      this.#duplicates += 1;
      this.#isUnchanged = false;
      return;
    }
    this.#seenIn[handle] = this.#page;
    const at = this.#count;
    if (at === this.#values.length) this.#growSamples();
    this.#handles[at] = handle;
    this.#values[at] = this.#reader.value;
    this.#timesMs[at] = this.#reader.timestampMs;
    this.#count = at + 1;
  }

  #labelsOf(handle: number): Labels {
    const start = this.#forms.starts[handle] ?? 0;
    const end = start + (this.#forms.lengths[handle] ?? 0);
    const line = Buffer.concat([this.#forms.bytes.subarray(start, end), NO_NUMBER]);
    this.#formReader.start(line, "text"); // which can say what OpenMetrics can
    this.#formReader.next();
    const labels = this.#formReader.namedLabels();
    this.#formReader.end();
    return labels;
  }

  #withFamilies(): AddedSeries[] {
    const families = new PageFamilies();
    for (const position of this.#metadata) {
      this.#reader.goTo(position);
      const kind = this.#reader.next();
      if (kind !== "sample" && kind !== "end") families.take(this.#reader, kind);
    }
    return this.#added.map(({ handle, labels }) => {
      return { handle, labels, family: families.of(labelValue(labels, METRIC_NAME)) };
    });
  }

  /** What was read takes the place of the last page. */
  #finish(format: "text" | "openmetrics", added: readonly AddedSeries[]): PageReading {
    const gone: number[] = [];
    const { samples } = this.#reader;
    if (!this.#isUnchanged || this.#count !== this.#lastCount) {
      for (let i = 0; i < this.#lastCount; i += 1) {
        const handle = this.#lastHandles[i] ?? 0;
        if (this.#seenIn[handle] !== this.#page) gone.push(handle);
      }
      for (const handle of gone) this.#forget(handle);
      for (let i = 0; i < this.#count; i += 1) this.#places[this.#handles[i] ?? 0] = i;
      this.#forms.compact(this.#handles, this.#count);
    }
    const handles = this.#handles;
    this.#handles = this.#lastHandles;
    this.#lastHandles = handles;
    this.#lastCount = this.#count;
    this.#lastFormat = format;
    return {
      count: this.#count,
      handles,
      values: this.#values,
      timesMs: this.#timesMs,
      added,
      gone,
      samples,
      duplicates: this.#duplicates,
      leftOut: this.#leftOut,
    };
  }

  #forget(handle: number): void {
    this.#forms.remove(handle);
    const metric = this.#metricOf[handle];
    if (metric === undefined) return;
    metric.series -= 1;
    if (metric.series === 0) this.#metrics.delete(metric.name);
  }

  #growHandles(): void {
    const size = this.#forms.capacity;
    this.#places = grown(this.#places, new Int32Array(size));
    this.#seenIn = grown(this.#seenIn, new Float64Array(size));
  }

  #growSamples(): void {
    const size = this.#values.length * 2;
    this.#handles = grown(this.#handles, new Int32Array(size));
    this.#values = grown(this.#values, new Float64Array(size));
    this.#timesMs = grown(this.#timesMs, new Float64Array(size));
  }
}
