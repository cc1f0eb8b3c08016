import type { EncodedFrame } from "../../shared/wire/frame-encoder.ts";
import type { SourceReading } from "./source.ts";

/** As the aggregator says it, and as the agent does. */
const REFUSED = /future/i;

/** What became of a tick, as its agent knows. */
type TickFate =
  | "made" // not yet on the agent's disk, or its process died before it was
  | "buffered" // the append resolved: from now on it must not be lost
  | "unwritten"; // the append failed or was not tried; it may be there all the same

export type Tick = {
  readonly life: number;
  readonly seq: number;
  readonly timeMs: number;
  readonly bytes: Uint8Array;
  readonly readings: readonly SourceReading[];
  fate: TickFate;
  /** Why it was given up, by whoever did and said so; null: it was not. */
  dropReason: string | null;
  /** The aggregator has it and took no sample of it. */
  isRefused: boolean;
  /** Was found on the aggregator's disk. */
  isSafe: boolean;
};

/** Every tick that one agent ever made, in all its lives. */
export class AgentJournal {
  readonly agent: string;
  readonly ticks: Tick[] = [];
  readonly bySeq = new Map<number, Tick>();
  /** Highest sequence of which the agent was told that it is safe. */
  ackedSeq = 0;
  /** Ticks before this one are known to be safe or are nobody's to keep. */
  #firstUnsafe = 0;

  constructor(agent: string) {
    this.agent = agent;
  }

  made(frame: EncodedFrame, readings: readonly SourceReading[], life: number): void {
    const { seq, timeMs, bytes } = frame;
    const tick: Tick = {
      ...{ life, seq, timeMs, bytes, readings },
      ...{ fate: "made", dropReason: null, isRefused: false, isSafe: false },
    };
    // An epoch becomes durable with its first frame: one that never was may be given out again.
    const before = this.bySeq.get(seq);
    if (before?.fate === "buffered") throw new Error(`${this.agent} made ${seq} twice`);
    this.ticks.push(tick);
    this.bySeq.set(seq, tick);
  }

  /** The agent or the aggregator gave a sequence up and said why. */
  dropped(seq: number, reason: string): void {
    const tick = this.bySeq.get(seq);
    if (tick === undefined) return;
    tick.dropReason ??= reason;
    tick.isRefused ||= REFUSED.test(reason);
  }

  /** Told again by a welcome; the agent may have dropped them for room and say nothing of it. */
  refused(fromSeq: number, toSeq: number): void {
    for (const tick of this.ticks) tick.isRefused ||= tick.seq >= fromSeq && tick.seq <= toSeq;
  }

  /** Ticks up to `seq` of which it is not yet known that they are safe. */
  unsafeUpTo(seq: number): Tick[] {
    const isSettled = (tick: Tick | undefined) => tick?.isSafe || tick?.fate === "unwritten";
    while (isSettled(this.ticks[this.#firstUnsafe])) this.#firstUnsafe += 1;
    const rest = this.ticks.slice(this.#firstUnsafe);
    return rest.filter((tick) => tick.seq <= seq && !tick.isSafe);
  }

  /** Ticks that must be in the aggregator once everything is delivered. */
  owed(): Tick[] {
    return this.ticks.filter(({ fate, dropReason }) => fate === "buffered" && dropReason === null);
  }
}
