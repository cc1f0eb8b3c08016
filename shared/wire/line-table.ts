import { type Labels, labelsKey } from "../model/labels.ts";
import type { BlockLine } from "./line-block.ts";
import { LineColumns, type PlacedLine } from "./line-columns.ts";

/** Lines of several sources in columns, those of each source together; to be used again and again. */
export class LineTable {
  /** By the text of the labels, in the order of their first lines. */
  readonly #sources = new Map<string, LineColumns>();
  /** The same by the labels themselves, which mostly are the same object. */
  readonly #byLabels = new Map<Labels, LineColumns>();
  #length = 0;
  #last: LineColumns | null = null;

  static of(lines: Iterable<BlockLine & { readonly labels: Labels }>): LineTable {
    const table = new LineTable();
    for (const { labels, ...line } of lines) {
      table.#sourceOf(labels).addCopy(line);
      table.#length += 1;
    }
    return table;
  }

  get length(): number {
    return this.#length;
  }

  get sources(): readonly LineColumns[] {
    return [...this.#sources.values()];
  }

  /** As `LineColumns.add`. */
  add(labels: Labels, timeUs: number, line: PlacedLine): void {
    this.#sourceOf(labels).add(timeUs, line);
    this.#length += 1;
  }

  clear(): void {
    this.#sources.clear();
    this.#byLabels.clear();
    this.#length = 0;
  }

  /** Source by source; for where speed does not count. */
  *[Symbol.iterator](): Generator<BlockLine & { readonly labels: Labels }> {
    for (const { labels, pieces, sizes, timesUs } of this.#sources.values()) {
      let line = 0;
      for (const { bytes, start, end } of pieces) {
        for (let at = start; at < end; line += 1) {
          const size = sizes[line] ?? 0;
          const text = bytes.subarray(at, at + Math.floor(size / 2));
          yield { labels, timeUs: timesUs[line] ?? 0, bytes: text, isCut: size % 2 === 1 };
          at += text.length + 1;
        }
      }
    }
  }

  #sourceOf(labels: Labels): LineColumns {
    if (this.#length > 0 && this.#last?.labels === labels) return this.#last;
    const found = this.#byLabels.get(labels) ?? this.#named(labels);
    this.#last = found;
    return found;
  }

  #named(labels: Labels): LineColumns {
    const key = labelsKey(labels);
    let source = this.#sources.get(key);
    if (source === undefined) {
      // The first one has the memory of the last one of before: mostly there is one busy source.
      const isFirst = this.#sources.size === 0;
      source = (isFirst ? this.#last?.emptied(labels) : null) ?? new LineColumns(labels);
      this.#sources.set(key, source);
    }
    this.#byLabels.set(labels, source);
    return source;
  }
}
