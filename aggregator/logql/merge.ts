import type { Direction } from "../model/log-lines.ts";

/** Items in order of time; none comes before `frontUs`, Unix microseconds. */
export type TimedSource<T> = { readonly frontUs: number; readonly items: AsyncIterable<T> };

/** What stands at the front of a source; `item` null: nothing was read of it yet. */
type Head<T> = {
  readonly order: number;
  readonly items: AsyncIterator<T>;
  timeUs: number;
  item: T | null;
};

/**
 * Joins sources that are each in the direction's order of time into one that is. Of items of the
 * same time those of the earlier source come first. A source is read when its front may be next,
 * and all are closed when the reader stops.
 */
export async function* mergeByTime<T extends { readonly timeUs: number }>(
  sources: readonly TimedSource<T>[],
  direction: Direction,
): AsyncGenerator<T> {
  const heap = new HeadHeap<T>(direction === "forward" ? 1 : -1);
  const open = sources.map(({ items }) => items[Symbol.asyncIterator]());
  for (const [order, items] of open.entries()) {
    heap.push({ order, items, timeUs: sources[order]?.frontUs ?? 0, item: null });
  }
  try {
    for (let head = heap.first; head !== undefined; head = heap.first) {
      if (head.item !== null) yield head.item;
      const next = await head.items.next();
      if (next.done === true) heap.removeFirst();
      else {
        head.item = next.value;
        head.timeUs = next.value.timeUs;
        heap.sinkFirst();
      }
    }
  } finally {
    for (const items of open) await items.return?.();
  }
}

/** A binary heap: no head comes before the one at half its index. */
class HeadHeap<T> {
  readonly #heads: Head<T>[] = [];
  readonly #sign: number;

  constructor(sign: number) {
    this.#sign = sign;
  }

  get first(): Head<T> | undefined {
    return this.#heads[0];
  }

  push(head: Head<T>): void {
    const heads = this.#heads;
    let at = heads.length;
    heads.push(head);
    for (;;) {
      const above = (at - 1) >> 1;
      const other = heads[above];
      if (at === 0 || other === undefined || !this.#isBefore(head, other)) break;
      heads[at] = other;
      at = above;
    }
    heads[at] = head;
  }

  removeFirst(): void {
    const last = this.#heads.pop();
    if (last === undefined || this.#heads.length === 0) return;
    this.#heads[0] = last;
    this.sinkFirst();
  }

  /** After the first has changed. */
  sinkFirst(): void {
    const heads = this.#heads;
    const head = heads[0];
    if (head === undefined) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const below = this.#earlier(left, left + 1);
      const other = heads[below];
      if (other === undefined || !this.#isBefore(other, head)) break;
      heads[at] = other;
      at = below;
    }
    heads[at] = head;
  }

  #earlier(left: number, right: number): number {
    const [one, other] = [this.#heads[left], this.#heads[right]];
    return one !== undefined && other !== undefined && this.#isBefore(other, one) ? right : left;
  }

  #isBefore(a: Head<T>, b: Head<T>): boolean {
    const difference = (a.timeUs - b.timeUs) * this.#sign;
    return difference < 0 || (difference === 0 && a.order < b.order);
  }
}
