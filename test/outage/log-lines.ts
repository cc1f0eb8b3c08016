import { appendFileSync, mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Bed } from "../support/programs.ts";
import { eachStoredLine } from "../support/stored-lines.ts";

const LINES_A_TURN = 50;
const TURN_MS = 100;
const ASK_EVERY_MS = 250;
/** From here on lines count as live. */
const BACKLOG_MS = 60_000;
const WATCH_MS = 60_000;

type Answer = { readonly data: { readonly result: { readonly values: [string, string][] }[] } };

/** A program's log of 500 lines a second, which an agent follows. */
export class LogLines {
  readonly #bed: Bed;
  readonly #path: string;
  #written = 0;

  constructor(bed: Bed) {
    this.#bed = bed;
    mkdirSync(bed.path("logs"));
    this.#path = bed.path("logs/app.log");
  }

  async keepWriting(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lines = Array.from({ length: LINES_A_TURN }, (_, n) => {
        const level = n % 10 === 0 ? "warn" : "info";
        return `${Date.now()} ${this.#written + n} level=${level} msg="order stored" user=${n * 31}\n`;
      });
      appendFileSync(this.#path, lines.join(""));
      this.#written += lines.length;
      await delay(TURN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * How late the newest line is that can be queried, at most, from when the backlog is under a
   * minute and as soon as it was caught up with; and how long that took. Milliseconds.
   */
  async watchLateness(): Promise<{ readonly caughtUpMs: number; readonly lateMs: number }> {
    const startMs = Date.now();
    let caughtUpMs: number | null = null;
    let lateMs = 0;
    while (caughtUpMs === null || Date.now() - startMs - caughtUpMs < WATCH_MS) {
      await delay(ASK_EVERY_MS);
      const ageMs = Date.now() - (await this.#newestMs());
      if (ageMs < BACKLOG_MS) caughtUpMs ??= Date.now() - startMs;
      if (caughtUpMs !== null) lateMs = Math.max(lateMs, ageMs);
      if (Date.now() - startMs > 10 * WATCH_MS) throw new Error("The backlog does not shrink");
    }
    return { caughtUpMs, lateMs };
  }

  async #newestMs(): Promise<number> {
    const query = `{filename="${this.#path}"}`;
    const params = new URLSearchParams({ query, limit: "1", direction: "backward" });
    const url = `http://127.0.0.1:${this.#bed.httpPort}/loki/api/v1/query_range?${params}`;
    const { data } = (await (await fetch(url)).json()) as Answer;
    return Number(data.result[0]?.values[0]?.[1].split(" ")[0] ?? 0);
  }

  /** Once both programs have ended. @throws Error when a line is missing or out of order */
  async check(): Promise<number> {
    let next = 0;
    await eachStoredLine(this.#bed, (_, text) => {
      const seq = Number(text.split(" ")[1]);
      if (seq !== next) throw new Error(`Line ${seq} comes where ${next} is next`);
      next += 1;
    });
    if (next !== this.#written) throw new Error(`${next} of ${this.#written} lines are stored`);
    return next;
  }
}
