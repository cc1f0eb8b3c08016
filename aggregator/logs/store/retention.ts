import { del } from "../../../shared/platform/ports.ts";
import type { Counter } from "../../../shared/telemetry/metrics.ts";
import { ageOf, type Expiry, type LogRetention, tooMuch, tooOld } from "./expiry-plan.ts";
import { leftBefore, logStreamKey } from "./keys.ts";
import type { StoreParts } from "./parts.ts";
import type { PackedLines } from "./streams.ts";

/** Drops lines for their age and for the bytes that all take, by whole blocks. */
export class Retention {
  readonly #parts: StoreParts;
  readonly #limits: LogRetention;
  readonly #lines: Counter;
  /** Nothing of earlier days is left on the disk. */
  #clearedDay = 0;

  constructor(parts: StoreParts, limits: LogRetention) {
    this.#parts = parts;
    this.#limits = limits;
    this.#lines = parts.metrics.counter(
      "telltale_logs_lines_dropped_total",
      "Log lines that were dropped from the store, by reason: their age, or the bytes of all.",
    );
    for (const reason of ["age", "bytes"]) this.#lines.add(0, { reason });
  }

  /** @throws OperationalError STORAGE; what is left is dropped the next time */
  async apply(): Promise<void> {
    const { clock, hot, packed, streams, turns } = this.#parts;
    const ages = ageOf(this.#limits);
    const dropped: PackedLines[] = [];
    await turns.run(async () => {
      const old = tooOld(streams.all(), hot.all(), clock.nowMs(), ages);
      dropped.push(...(await this.#drop(old, "age")));
      const much = tooMuch(streams.all(), hot.all(), this.#limits.bytesMax);
      dropped.push(...(await this.#drop(much, "bytes")));
      await this.#removeEmpty();
    });
    await packed.clear(dropped);
    await this.#clearDays();
  }

  /** @returns packed blocks whose parts are still on the disk */
  async #drop(expired: Expiry, reason: "age" | "bytes"): Promise<PackedLines[]> {
    const { hot, packed } = this.#parts;
    const blocks = expired.packed.map(([, block]) => block);
    let lines = blocks.reduce((sum, { lineCount }) => sum + lineCount, 0);
    for (const { sources } of expired.hot) for (const one of sources) lines += one.lineCount;
    for (const [stream, block] of expired.packed) stream.blocks.delete(block);
    this.#lines.add(lines, { reason });
    await packed.forget(blocks);
    await hot.drop(expired.hot);
    return blocks;
  }

  async #removeEmpty(): Promise<void> {
    const { streams, store } = this.#parts;
    const empty = [...streams.all()].filter(({ blocks }) => blocks.size === 0);
    for (const stream of empty) streams.remove(stream);
    const refs = empty.flatMap(({ ref }) => (ref === null ? [] : [ref]));
    if (refs.length === 0) return;
    const operations = refs.map((ref) => del(logStreamKey(ref)));
    await store.batch(operations, { sync: false });
  }

  /** What a crash left without its index, and what was set aside; gives back their disk space. */
  async #clearDays(): Promise<void> {
    const { store, streams } = this.#parts;
    let firstDay = Number.POSITIVE_INFINITY;
    for (const { blocks } of streams.all()) {
      for (const one of blocks) {
        if (one.kind === "packed") firstDay = Math.min(firstDay, one.day);
      }
    }
    if (!Number.isFinite(firstDay) || firstDay <= this.#clearedDay) return;
    for (const range of leftBefore(firstDay)) {
      await store.clear(range);
      await store.compact(range);
    }
    this.#clearedDay = firstDay;
  }
}
