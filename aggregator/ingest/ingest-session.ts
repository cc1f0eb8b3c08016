import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { FRAME_BYTES_MAX } from "../../shared/wire/frame.ts";
import type { Accounting__Output } from "../../shared/wire/generated/telltale/v1/Accounting.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { ClockAnswer } from "../../shared/wire/generated/telltale/v1/ClockAnswer.ts";
import type { ClockProbe__Output } from "../../shared/wire/generated/telltale/v1/ClockProbe.ts";
import type { RejectReason } from "../../shared/wire/generated/telltale/v1/RejectReason.ts";
import type { SeriesTable__Output } from "../../shared/wire/generated/telltale/v1/SeriesTable.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";
import { AckCuts } from "./ack-cuts.ts";
import { checkedBooks, checkedMeasure, checkedRanges } from "./agent-reports.ts";
import type { Committer, GroupCommit } from "./group-commit.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import { SESSION_PENDING_BYTES } from "./limits.ts";
import type {
  CommitItem,
  CommitOutcome,
  IngestEvents,
  RejectionReason,
  StreamPosition,
} from "./ports.ts";
import { checkedTable, type TableState } from "./series-table.ts";

export const REASONS: Readonly<Record<RejectionReason, RejectReason>> = {
  corrupt: "REJECT_REASON_CORRUPT",
  "no-base": "REJECT_REASON_NO_BASE",
  "unknown-series": "REJECT_REASON_UNKNOWN_SERIES",
  future: "REJECT_REASON_FUTURE",
  "out-of-order": "REJECT_REASON_OUT_OF_ORDER",
};
const DETAIL_LENGTH_MAX = 512;
/** What a definition takes beside its labels' texts. */
const DEFINITION_BYTES = 32;

export type SessionParts = {
  readonly connection: AggregatorConnection;
  readonly messages: AsyncIterator<AgentMessage__Output>;
  readonly commits: GroupCommit;
  readonly events: IngestEvents;
  readonly shown: IngestMetrics;
  readonly clock: Clock;
  readonly windowFrames: number;
};

/** What is to be told to the agent. */
type Answers = {
  rejected: AggregatorMessage[];
  /** Frames that are settled by these answers. */
  frames: number;
  /** 0: nothing to ack. */
  ackSeq: number;
  /** Frames of the stream stored up to `ackSeq`. */
  framesStored: number;
};

function noAnswers(framesStored: number): Answers {
  return { rejected: [], frames: 0, ackSeq: 0, framesStored };
}

/**
 * One agent's stream after its hello. What it sends is submitted in order; what was committed is
 * acked, in order, and nothing else is. Invariant: frames received and not yet answered are at most
 * the window, bytes submitted and not yet committed at most the session's limit and one message.
 */
export class IngestSession implements Committer {
  readonly node: string;
  readonly streamId: string;
  readonly peer: string;
  readonly #parts: SessionParts;
  readonly #progress = new ChangeSignal();
  #table: TableState = { epoch: 0, seriesKnown: 0 };
  #pendingItems = 0;
  #pendingBytes = 0;
  #pendingFrames = 0;
  #ackSeq = 0;
  #answers = noAnswers(0);
  #cuts = new AckCuts({ seq: 0, framesStored: 0 });
  #hasBooks = false;
  #isNewStream = false;
  /** The answer to the last clock probe, while it is not sent. */
  #clockAnswer: ClockAnswer | null = null;
  #isAnswering = false;
  #fault: OperationalError | null = null;
  #isOver = false;

  constructor(node: string, streamId: string, parts: SessionParts) {
    this.node = node;
    this.streamId = streamId;
    this.peer = parts.connection.peer;
    this.#parts = parts;
  }

  /**
   * Serves until the agent says goodbye or just ends. When it returns or throws, nothing of the
   * session is on its way into the store any more.
   * @param position what the welcome told
   * @throws OperationalError for what the agent did wrong or what broke the connection
   */
  async run(position: StreamPosition): Promise<void> {
    const { lastSeq, epoch, seriesKnown, framesStored } = position;
    this.#table = { epoch, seriesKnown };
    this.#isNewStream = lastSeq === 0;
    this.#answers = noAnswers(framesStored);
    this.#cuts = new AckCuts({ seq: lastSeq, framesStored });
    const answering = this.#answer();
    answering.catch(() => {}); // told of by the race while it matters
    try {
      this.throwIfEnded();
      await Promise.race([this.#receive(), answering]);
      this.throwIfEnded(); // by what a commit found out meanwhile
    } catch (error) {
      const fault = this.#fault ?? error;
      // Now, not after the commit that may still run: the agent need not wait for that.
      if (fault instanceof OperationalError) this.#parts.connection.close(fault);
      throw fault;
    } finally {
      this.#isOver = true;
      this.#progress.notify();
      await this.#parts.commits.withdraw(this);
    }
  }

  /** Ends the session from outside; the agent is told why. */
  end(fault: OperationalError): void {
    if (this.#isOver || this.#fault !== null) return;
    this.#fault = fault;
    this.#parts.connection.close(fault);
    this.#progress.notify();
  }

  /** @throws OperationalError what `end` was told */
  throwIfEnded(): void {
    if (this.#fault !== null) throw this.#fault;
  }

  settled(item: CommitItem, outcome: CommitOutcome): void {
    this.#pendingItems -= 1;
    this.#pendingBytes -= itemBytes(item);
    const { events, shown } = this.#parts;
    if (outcome.kind === "defined") return;
    if (item.kind === "series" || outcome.seq === 0) {
      const detail = outcome.kind === "rejected" ? outcome.detail : outcome.kind;
      this.end(new OperationalError("PROTOCOL", `Node ${this.node}: ${detail}`));
      return;
    }
    shown.frames.add(1, { outcome: outcome.kind });
    shown.frameBytes.add(item.bytes.length);
    if (outcome.kind === "stored") {
      shown.samples.add(outcome.samples);
      shown.missing.add(outcome.missing);
      this.#answers.framesStored += 1;
    }
    events.committed(this.node, outcome.kind === "stored" ? outcome.timeMs : 0, outcome);
    this.#ackSeq = Math.max(this.#ackSeq, outcome.seq);
    this.#answers.frames += 1;
    this.#answers.ackSeq = this.#ackSeq;
    if (outcome.kind !== "rejected") return;
    const { seq, reason, detail } = outcome;
    const told = { seq, reason: REASONS[reason], detail: detail.slice(0, DETAIL_LENGTH_MAX) };
    this.#answers.rejected.push({ rejected: told });
  }

  flush(): void {
    this.#progress.notify();
  }

  failed(error: OperationalError): void {
    this.#pendingItems = 0;
    this.#pendingBytes = 0;
    this.end(error);
  }

  async #receive(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#parts.messages.next();
      this.throwIfEnded();
      if (done === true) return;
      if (value.goodbye !== null && value.goodbye !== undefined) return await this.#onGoodbye();
      this.#onMessage(value);
      while (this.#pendingBytes >= SESSION_PENDING_BYTES && !this.#isOver) {
        await this.#progress.wait();
        this.throwIfEnded();
      }
      await this.#parts.commits.room();
    }
  }

  #onMessage({ series, frames, accounting, dropped, clockProbe }: AgentMessage__Output): void {
    if (series !== null && series !== undefined) this.#onSeries(series);
    else if (frames !== null && frames !== undefined) this.#onFrames(frames.frame);
    else if (accounting !== null && accounting !== undefined) this.#onBooks(accounting);
    else if (dropped !== null && dropped !== undefined)
      this.#parts.events.droppedRanges(this.node, checkedRanges(dropped));
    else if (clockProbe !== null && clockProbe !== undefined) this.#onProbe(clockProbe);
    else throw this.#protocolError("sends something out of turn");
  }

  #onBooks(message: Accounting__Output): void {
    const told = checkedBooks(message);
    const framesStored = this.#cuts.storedAt(told.settledSeq);
    const { streamId } = this;
    const isNewHere = !this.#hasBooks && (told.isShared || this.#isNewStream);
    this.#hasBooks = true;
    this.#parts.events.accounted(this.node, { streamId, told, framesStored, isNewHere });
  }

  /** Of probes that come faster than answers go only the last is answered. */
  #onProbe(probe: ClockProbe__Output): void {
    const { clock, events } = this.#parts;
    const measure = checkedMeasure(probe);
    if (measure !== null) events.clockMeasured(this.node, measure);
    this.#clockAnswer = { id: probe.id, receivedUsec: clock.nowMs() * 1000 };
    this.#progress.notify();
  }

  #onSeries(message: SeriesTable__Output): void {
    const series = checkedTable(this.#table, message);
    const { epoch } = message;
    const lastId = series.at(-1)?.id ?? 0;
    this.#table = { epoch, seriesKnown: lastId + 1 };
    this.#parts.shown.series.add(series.length);
    this.#submit({ kind: "series", node: this.node, streamId: this.streamId, epoch, series });
  }

  #onFrames(frames: readonly Uint8Array[]): void {
    const { windowFrames } = this.#parts;
    if (this.#pendingFrames + frames.length > windowFrames) {
      throw this.#protocolError(
        `has ${this.#pendingFrames + frames.length} frames in flight, its window is ${windowFrames}`,
      );
    }
    for (const bytes of frames) {
      if (bytes.length > FRAME_BYTES_MAX) {
        throw new OperationalError(
          "LIMIT",
          `Node ${this.node} sends a frame of ${bytes.length} bytes, allowed are ${FRAME_BYTES_MAX}`,
        );
      }
      this.#pendingFrames += 1;
      this.#submit({ kind: "frame", node: this.node, streamId: this.streamId, bytes });
    }
  }

  async #onGoodbye(): Promise<void> {
    while (this.#pendingItems > 0 || this.#answers.frames > 0 || this.#isAnswering) {
      await this.#progress.wait();
      this.throwIfEnded();
    }
    this.#parts.events.goodbye(this.node);
  }

  #submit(item: CommitItem): void {
    const bytes = itemBytes(item);
    this.#pendingItems += 1;
    this.#pendingBytes += bytes;
    this.#parts.commits.submit(this, item, bytes);
  }

  /** Tells the agent what was settled; while it does not read, answers gather up to the window. */
  async #answer(): Promise<void> {
    for (;;) {
      while (this.#answers.frames === 0 && this.#clockAnswer === null) {
        if (this.#isOver || this.#fault !== null) return await new Promise(() => {});
        await this.#progress.wait();
      }
      if (this.#clockAnswer !== null) await this.#answerProbe(this.#clockAnswer);
      if (this.#answers.frames === 0) continue;
      const { rejected, frames, ackSeq, framesStored } = this.#answers;
      this.#answers = noAnswers(framesStored);
      this.#cuts.add({ seq: ackSeq, framesStored });
      this.#isAnswering = true;
      this.#pendingFrames -= frames; // before the agent can know of it and send more
      for (const message of rejected) await this.#parts.connection.send(message);
      const load = this.#parts.commits.load();
      await this.#parts.connection.send({ ack: { seq: ackSeq, load } });
      this.#isAnswering = false;
      this.#progress.notify();
    }
  }

  async #answerProbe(answer: ClockAnswer): Promise<void> {
    this.#clockAnswer = null;
    const sentUsec = this.#parts.clock.nowMs() * 1000;
    await this.#parts.connection.send({ clockAnswer: { ...answer, sentUsec } });
  }

  #protocolError(what: string): OperationalError {
    return new OperationalError("PROTOCOL", `Node ${this.node} at ${this.peer} ${what}`);
  }
}

/** Memory that an item holds until it is committed, roughly. */
function itemBytes(item: CommitItem): number {
  if (item.kind === "frame") return item.bytes.length;
  let bytes = 0;
  for (const { labels } of item.series) {
    bytes += DEFINITION_BYTES;
    for (const text of labels) bytes += text.length;
  }
  return bytes;
}
