import type { Logger } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import type { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import type { FrameWriter } from "./frame-writer.ts";
import type { Tick } from "./tick-loop.ts";

/** Ended series may take up this many ids more than living ones before the table is made anew. */
const ENDED_SERIES_MAX = 10_000;

/** All that is collected, and the encoder that has the series of it. */
export type Collection = {
  readonly encoder: FrameEncoder;
  collect(timeMs: number): void;
};

/** Makes a frame of each tick. */
export class Ticker {
  readonly #writer: FrameWriter;
  readonly #logger: Logger;
  readonly #ticks;
  readonly #missed;
  readonly #lateSeconds;
  #definedSeries = 0;
  #livingSeries = 0;

  constructor(writer: FrameWriter, metrics: Metrics, logger: Logger) {
    this.#writer = writer;
    this.#logger = logger;
    this.#ticks = metrics.counter("telltale_agent_ticks_total", "Ticks made.");
    this.#missed = metrics.counter(
      "telltale_agent_ticks_missed_total",
      "Ticks that were due and not made, because the process or the machine stood still.",
    );
    this.#lateSeconds = metrics.gauge(
      "telltale_agent_tick_late_seconds",
      "How long after its full second the last tick began.",
    );
    this.#missed.add(0);
  }

  onTick(tick: Tick, { encoder, collect }: Collection): void {
    const writer = this.#writer;
    this.#ticks.add();
    this.#missed.add(tick.missed);
    this.#lateSeconds.set(tick.lateMs / 1000);
    const { timeMs, isClockBack } = tick;
    if (isClockBack) this.#logger.warn({ timeMs }, "the clock went back: new epoch");
    const ended = this.#definedSeries - this.#livingSeries;
    const isWorn = ended > ENDED_SERIES_MAX + this.#livingSeries;
    if (writer.takeFailure() || isClockBack || isWorn) encoder.beginEpoch(writer.nextEpoch());
    collect(timeMs);
    const frame = encoder.encodeTick(timeMs);
    this.#definedSeries = frame.seriesCount;
    this.#livingSeries = frame.livingCount;
    writer.write(frame);
  }
}
