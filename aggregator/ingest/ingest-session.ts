import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import type { Accounting__Output } from "../../shared/wire/generated/telltale/v1/Accounting.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { ClockAnswer } from "../../shared/wire/generated/telltale/v1/ClockAnswer.ts";
import type { ClockProbe__Output } from "../../shared/wire/generated/telltale/v1/ClockProbe.ts";
import type { RejectReason } from "../../shared/wire/generated/telltale/v1/RejectReason.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";
import {
  type CommitItem,
  type CommitOutcome,
  type FrameOutcome,
  itemBytes,
  type RejectionReason,
  type StreamPosition,
} from "../model/commit.ts";
import { AckCuts } from "./ack-cuts.ts";
import { checkedAccounts, checkedMeasure, checkedRanges } from "./agent-reports.ts";
import { SESSION_PENDING_BYTES } from "./limits.ts";
import type { IngestEvents, IngestStore } from "./ports.ts";
import { checkedTargets } from "./target-report.ts";

export const REASONS: Readonly<Record<RejectionReason, RejectReason>> = {
  corrupt: "REJECT_REASON_CORRUPT",
  "no-base": "REJECT_REASON_NO_BASE",
  "unknown-series": "REJECT_REASON_UNKNOWN_SERIES",
  future: "REJECT_REASON_FUTURE",
  "out-of-order": "REJECT_REASON_OUT_OF_ORDER",
};
const DETAIL_LENGTH_MAX = 512;

/** What sessions of one kind carry. */
export type SessionContent = {
  /**
   * What is to be committed for a message, checked; null: the message is not of this kind.
   * @throws OperationalError PROTOCOL, LIMIT
   */
  itemsOf(message: AgentMessage__Output): readonly CommitItem[] | null;
  /** An item's frame is stored, or will never be. */
  settled(item: CommitItem, outcome: FrameOutcome): void;
};

export type SessionParts = {
  readonly connection: AggregatorConnection;
  readonly messages: AsyncIterator<AgentMessage__Output>;
  readonly content: SessionContent;
  readonly store: IngestStore;
  readonly events: IngestEvents;
  readonly clock: Clock;
  readonly windowFrames: number;
};

/** What is to be sent to the agent. */
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
export class IngestSession {
  readonly node: string;
  readonly streamId: string;
  readonly peer: string;
  readonly #parts: SessionParts;
  readonly #progress = new ChangeSignal();
  #pendingCommits = 0;
  #pendingBytes = 0;
  #pendingFrames = 0;
  #ackSeq = 0;
  #answers = noAnswers(0);
  #cuts = new AckCuts({ seq: 0, framesStored: 0 });
  #hasAccounts = false;
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
   * @param position what the welcome said
   * @throws OperationalError for what the agent did wrong or what broke the connection
   */
  async run(position: StreamPosition): Promise<void> {
    const { lastSeq, framesStored } = position;
    this.#isNewStream = lastSeq === 0;
    this.#answers = noAnswers(framesStored);
    this.#cuts = new AckCuts({ seq: lastSeq, framesStored });
    const answering = this.#answer();
    answering.catch(() => {}); // the race reports it while it matters
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
      this.#parts.store.withdraw(this);
      while (this.#pendingCommits > 0) await this.#progress.wait();
    }
  }

  /** Ends the session from outside; the agent gets the reason. */
  end(fault: OperationalError): void {
    if (this.#isOver || this.#fault !== null) return;
    this.#fault = fault;
    this.#parts.connection.close(fault);
    this.#progress.notify();
  }

  /** @throws OperationalError what `end` was given */
  throwIfEnded(): void {
    if (this.#fault !== null) throw this.#fault;
  }

  async #commit(items: readonly CommitItem[]): Promise<void> {
    const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
    this.#pendingBytes += bytes;
    this.#pendingCommits += 1;
    try {
      const outcomes = await this.#parts.store.commit(items, this);
      for (const [index, item] of items.entries()) this.#settle(item, outcomes[index]);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const what = "The aggregator cannot write to its store at the moment";
      this.end(new OperationalError("UNAVAILABLE", what, { cause: error }));
    }
    this.#pendingBytes -= bytes;
    this.#pendingCommits -= 1;
    this.#progress.notify();
  }

  #settle(item: CommitItem, outcome: CommitOutcome | undefined): void {
    assert(outcome !== undefined, "an outcome for each item");
    assert(outcome.kind !== "written", "agents send frames and blocks");
    if (outcome.kind === "defined") return;
    const { seq } = outcome;
    if (seq === 0) {
      const detail = outcome.kind === "rejected" ? outcome.detail : outcome.kind;
      this.end(new OperationalError("PROTOCOL", `Node ${this.node}: ${detail}`));
      return;
    }
    this.#parts.content.settled(item, outcome);
    this.#ackSeq = Math.max(this.#ackSeq, seq);
    const answers = this.#answers;
    answers.frames += 1;
    answers.ackSeq = this.#ackSeq;
    if (outcome.kind === "stored") answers.framesStored += 1;
    if (outcome.kind !== "rejected") return;
    const detail = outcome.detail.slice(0, DETAIL_LENGTH_MAX);
    answers.rejected.push({ rejected: { seq, reason: REASONS[outcome.reason], detail } });
  }

  async #receive(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#parts.messages.next();
      this.throwIfEnded();
      if (done === true) return;
      if (value.goodbye) return await this.#onGoodbye();
      this.#onMessage(value);
      while (this.#pendingBytes >= SESSION_PENDING_BYTES && !this.#isOver) {
        await this.#progress.wait();
        this.throwIfEnded();
      }
      await this.#parts.store.room(this.node, this.streamId);
    }
  }

  #onMessage(message: AgentMessage__Output): void {
    const { accounting, dropped, clockProbe, targets } = message;
    // Of a newer agent, which says nothing so that needs an answer: either side may be updated first.
    if (message.message === undefined) return;
    if (accounting) this.#onAccounts(accounting);
    else if (dropped) this.#parts.events.droppedRanges(this.node, checkedRanges(dropped));
    else if (clockProbe) this.#onProbe(clockProbe);
    else if (targets) this.#parts.events.targetsTold(this.node, checkedTargets(targets));
    else this.#onContent(message);
  }

  #onAccounts(message: Accounting__Output): void {
    const reported = checkedAccounts(message);
    const framesStored = this.#cuts.storedAt(reported.settledSeq);
    const { streamId } = this;
    const isNewHere = !this.#hasAccounts && (message.isShared || this.#isNewStream);
    this.#hasAccounts = true;
    this.#parts.events.accounted(this.node, { streamId, reported, framesStored, isNewHere });
  }

  /** Of probes that come faster than answers go only the last is answered. */
  #onProbe(probe: ClockProbe__Output): void {
    const { clock, events } = this.#parts;
    const measure = checkedMeasure(probe);
    if (measure !== null) events.clockMeasured(this.node, measure);
    this.#clockAnswer = { id: probe.id, receivedUsec: clock.nowMs() * 1000 };
    this.#progress.notify();
  }

  #onContent(message: AgentMessage__Output): void {
    const items = this.#parts.content.itemsOf(message);
    if (items === null) throw this.#protocolError("sends something out of turn");
    const { windowFrames } = this.#parts;
    const inFlight = this.#pendingFrames + items.filter(({ kind }) => kind !== "series").length;
    if (inFlight > windowFrames) {
      throw this.#protocolError(`has ${inFlight} frames in flight, its window is ${windowFrames}`);
    }
    this.#pendingFrames = inFlight;
    if (items.length > 0) void this.#commit(items); // of empty ones no number is too high
  }

  async #onGoodbye(): Promise<void> {
    while (this.#pendingCommits > 0 || this.#answers.frames > 0 || this.#isAnswering) {
      await this.#progress.wait();
      this.throwIfEnded();
    }
    this.#parts.events.goodbye(this.node);
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
      assert(this.#pendingFrames >= 0, "no frame is answered twice");
      for (const message of rejected) await this.#parts.connection.send(message);
      const load = this.#parts.store.load();
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
