import { OperationalError } from "../../shared/errors.ts";
import type { Accounts } from "../../shared/model/accounts.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { ClockAnswer__Output } from "../../shared/wire/generated/telltale/v1/ClockAnswer.ts";
import type { AgentConnection } from "../../shared/wire/ingest-connection.ts";
import { ClockOffset, type Moment, momentOf } from "./clock-offset.ts";
import type { Greeting } from "./greeting.ts";
import type { EntryMessages, UplinkDeps } from "./ports.ts";
import type { UplinkMetrics } from "./uplink-metrics.ts";

type ReportDeps = Pick<UplinkDeps, "buffer" | "clock" | "destinations">;
type Beside = Pick<EntryMessages<never>, "beside">;

const ACCOUNTS_EVERY_MS = 10_000;
const PROBE_EVERY_MS = 30_000;
/** The second probe: the hello, by which the first measure is made, may have waited at the aggregator. */
const PROBE_AGAIN_MS = 1000;
const RANGES_MAX = 100;

type Probe = { readonly id: number; readonly sent: Moment };

/**
 * What an agent says beside its frames: its accounts, what it dropped, its clock, its targets. Each is said when the
 * session begins and then as acks come in, so that nothing here needs a timer.
 */
export class SessionReports {
  readonly #deps: ReportDeps;
  readonly #shown: UplinkMetrics;
  readonly #connection: AgentConnection;
  readonly #kind: Beside;
  readonly #offset = new ClockOffset();
  #toldDropped = -1;
  #toldWaiting = 0;
  #toldAtMs = 0;
  #rangesToldId = 0;
  #probe: Probe | null = null;
  #probesSent = 0;
  #probeDueMs = 0;
  #isSending = false;
  /** The goodbye comes next, and after it nothing. */
  #hasEnded = false;

  constructor(
    deps: ReportDeps,
    shown: UplinkMetrics,
    { connection, welcome, sent, got }: Greeting,
    kind: Beside,
  ) {
    this.#deps = deps;
    this.#shown = shown;
    this.#connection = connection;
    this.#kind = kind;
    this.#offset.add(sent, { receivedMs: welcome.nowMs, sentMs: welcome.nowMs }, got);
  }

  /** Says everything once; before the first frame, so that the aggregator knows what is missing. */
  async begin(): Promise<void> {
    for (const message of this.#due()) await this.#connection.send(message);
  }

  /** Says the accounts as they are in the end. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#connection.send(this.#accounting(this.#deps.buffer.accounts));
  }

  /** Says what is due. A connection that breaks meanwhile shows elsewhere. */
  look(): void {
    this.#showClock();
    if (this.#isSending || this.#hasEnded) return;
    const messages = this.#due();
    if (messages.length === 0) return;
    this.#isSending = true;
    void this.#say(messages);
  }

  /** @throws OperationalError PROTOCOL when nothing was asked */
  onClockAnswer({ id, receivedUsec, sentUsec }: ClockAnswer__Output): void {
    if (this.#probe?.id !== id) {
      const { peer } = this.#connection;
      throw new OperationalError("PROTOCOL", `${peer} answers probe ${id}, which was not sent`);
    }
    const there = { receivedMs: receivedUsec / 1000, sentMs: sentUsec / 1000 };
    this.#offset.add(this.#probe.sent, there, momentOf(this.#deps.clock));
    this.#probe = null;
    this.#showClock();
  }

  async #say(messages: readonly AgentMessage[]): Promise<void> {
    try {
      for (const message of messages) {
        if (this.#hasEnded) return;
        await this.#connection.send(message);
      }
      this.#isSending = false;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
    }
  }

  #due(): AgentMessage[] {
    const messages: AgentMessage[] = [];
    const { accounts } = this.#deps.buffer;
    const dropped = accounts.dropped.reduce((sum, { frames }) => sum + frames, 0);
    const nowMs = this.#deps.clock.monotonicMs();
    const isDue = nowMs - this.#toldAtMs >= ACCOUNTS_EVERY_MS;
    // There may be no further ack for long, and what was said would stand till then.
    const isEmptyNow = accounts.waiting === 0 && this.#toldWaiting > 0;
    if (isDue || isEmptyNow || dropped !== this.#toldDropped) {
      this.#toldDropped = dropped;
      this.#toldWaiting = accounts.waiting;
      this.#toldAtMs = nowMs;
      messages.push(this.#accounting(accounts), ...this.#ranges());
    }
    messages.push(...this.#kind.beside(nowMs), ...this.#probes());
    return messages;
  }

  #accounting({ made, stored, waiting, dropped, settledSeq }: Accounts): AgentMessage {
    const isShared = this.#deps.destinations.length > 1;
    const counts = dropped.map((one) => ({ ...one }));
    return { accounting: { made, stored, waiting, dropped: counts, settledSeq, isShared } };
  }

  /** Ranges reported a turn ago, on a connection that has lived since, are not reported again. */
  #ranges(): AgentMessage[] {
    const { buffer } = this.#deps;
    if (this.#rangesToldId > 0) buffer.rangesReported(this.#rangesToldId);
    const ranges = buffer.droppedRanges(RANGES_MAX).filter(({ id }) => id > this.#rangesToldId);
    const last = ranges.at(-1);
    if (last === undefined) return [];
    this.#rangesToldId = last.id;
    return [{ dropped: { range: ranges.map((range) => ({ ...range })) } }];
  }

  #probes(): AgentMessage[] {
    const sent = momentOf(this.#deps.clock);
    if (this.#probe !== null || sent.monotonicMs < this.#probeDueMs) return [];
    this.#probesSent += 1;
    const id = this.#probesSent;
    const pauseMs = id === 1 ? PROBE_AGAIN_MS : PROBE_EVERY_MS;
    this.#probe = { id, sent };
    this.#probeDueMs = sent.monotonicMs + pauseMs;
    const measure = this.#offset.measure(sent);
    const aheadUsec = Math.round((measure?.aheadMs ?? 0) * 1000);
    const roundTripUsec = Math.round((measure?.roundTripMs ?? 0) * 1000);
    return [{ clockProbe: { id, aheadUsec, roundTripUsec, isMeasured: measure !== null } }];
  }

  #showClock(): void {
    const measure = this.#offset.measure(momentOf(this.#deps.clock));
    if (measure !== null) this.#shown.clockOffset.set(measure.aheadMs / 1000);
  }
}
