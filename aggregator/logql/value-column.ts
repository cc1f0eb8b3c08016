import type { Labels } from "../../shared/model/labels.ts";
import type { MatrixSeries } from "../query/windows.ts";

/** The values of one series and their times, as they come in. */
export class ValueColumn {
  #times: Float64Array = new Float64Array(16);
  #values: Float64Array = new Float64Array(16);
  #count = 0;
  #isOrdered = true;

  add(timeMs: number, value: number): void {
    if (this.#count === this.#times.length) {
      this.#times = doubled(this.#times);
      this.#values = doubled(this.#values);
    }
    if (this.#count > 0 && timeMs < (this.#times[this.#count - 1] ?? 0)) this.#isOrdered = false;
    this.#times[this.#count] = timeMs;
    this.#values[this.#count] = value;
    this.#count += 1;
  }

  /** In order of time; of the same time in the order they came in, stream by stream. */
  series(labels: Labels): MatrixSeries {
    const times = this.#times.subarray(0, this.#count);
    const values = this.#values.subarray(0, this.#count);
    if (this.#isOrdered) return { labels, times, values, dropsName: false };
    const order = Array.from(times.keys());
    order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
    return {
      labels,
      times: Float64Array.from(order, (at) => times[at] ?? 0),
      values: Float64Array.from(order, (at) => values[at] ?? 0),
      dropsName: false,
    };
  }
}

function doubled(column: Float64Array): Float64Array {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}
