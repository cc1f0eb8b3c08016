import { strict as assert } from "node:assert";
import { once } from "node:events";
import { OperationalError } from "../../shared/errors.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import type { Ack__Output } from "../../shared/wire/generated/telltale/v1/Ack.ts";
import type { Rejected__Output } from "../../shared/wire/generated/telltale/v1/Rejected.ts";
import type { AgentConnection } from "../../shared/wire/ingest-connection.ts";
import { type Greeting, nameOfReason } from "./greeting.ts";
import { SilenceError } from "./patience.ts";
import type { EntryMessage, EntryMessages, UplinkDeps, WaitingEntry } from "./ports.ts";
import { SessionReports } from "./session-reports.ts";
import type { UplinkMetrics } from "./uplink-metrics.ts";

const BATCH_FRAMES_MAX = 64;
const BATCH_BYTES_MAX = 256 * 1024;
/** So often within the time that acks may take it is looked whether they came. */
const ACK_CHECKS = 8;
/** Frames of which a welcome may say again that they were refused. */
const RETOLD_FRAMES_MAX = 1_000_000;
/** An ack that takes longer is counted as late. */
const ACK_LATE_MS = 500;
/** When the agent stops: for the last acks, and again for the goodbye to arrive. */
const FAREWELL_MS = 1000;

export type SessionWatch = {
  /** With frames in flight and no ack for this long the connection counts as dead. */
  readonly patienceMs: () => number;
  /** What the aggregator says of its load, permille. */
  readonly onLoad: (load: number) => void;
};

type InFlight = { readonly seq: number; readonly sentAtMs: number };

/**
 * One welcomed connection. Frames go up while the window has room, acks come down; it ends with
 * the first fault, or with a goodbye.
 */
export class UplinkSession<E extends WaitingEntry> {
  readonly #deps: UplinkDeps<E>;
  readonly #shown: UplinkMetrics;
  readonly #connection: AgentConnection;
  readonly #greeting: Greeting;
  readonly #reports: SessionReports;
  readonly #windowFrames: number;
  readonly #kind: EntryMessages<E>;
  readonly #watching: SessionWatch;
  readonly #changes = new ChangeSignal();
  readonly #settling: FailureStreak;
  readonly #toldReasons = new Set<string>();
  /** Sent and not acked, oldest first; never more than the window. */
  readonly #inFlight: InFlight[] = [];
  #sentSeq: number;
  #ackedAtMs = 0;
  #isLeaving = false;

  constructor(
    deps: UplinkDeps<E>,
    shown: UplinkMetrics,
    greeting: Greeting,
    watching: SessionWatch,
  ) {
    const { connection, welcome } = greeting;
    this.#deps = deps;
    this.#shown = shown;
    this.#connection = connection;
    this.#greeting = greeting;
    this.#windowFrames = welcome.windowFrames;
    this.#settling = new FailureStreak(deps.logger, "cannot remove acked frames from the buffer");
    this.#kind = deps.kind.messages(welcome, shown);
    this.#reports = new SessionReports(deps, shown, greeting, this.#kind);
    this.#watching = watching;
    this.#sentSeq = welcome.lastSeq;
  }

  /**
   * Resolves after a goodbye, once `stop` is aborted.
   * @throws OperationalError for what broke the connection
   */
  async run(stop: AbortSignal): Promise<void> {
    const over = new AbortController();
    await this.#catchUp();
    const loops = [
      this.#receive(),
      this.#send(over.signal),
      this.#announce(over.signal),
      this.#watch(over.signal),
      this.#farewell(stop, over.signal),
    ];
    try {
      await Promise.race(loops);
    } finally {
      over.abort(new OperationalError("UNAVAILABLE", "The connection is over"));
      this.#connection.close(new OperationalError("UNAVAILABLE", "The agent closes"));
      this.#changes.notify();
      await Promise.allSettled(loops);
    }
  }

  /** What a connection that broke did not report any more: refusals first, they are no acks. */
  async #catchUp(): Promise<void> {
    const { buffer } = this.#deps;
    let rest = RETOLD_FRAMES_MAX;
    for (const { fromSeq, toSeq, reason } of this.#greeting.welcome.refused) {
      const endSeq = Math.min(toSeq, buffer.newestSeq);
      for (let seq = Math.max(fromSeq, buffer.oldestSeq); seq <= endSeq && rest > 0; seq += 1) {
        buffer.dropped(seq, nameOfReason(reason));
        rest -= 1;
      }
    }
    await this.#settle(this.#sentSeq);
  }

  async #send(over: AbortSignal): Promise<void> {
    const { buffer } = this.#deps;
    await this.#reports.begin();
    for (;;) {
      over.throwIfAborted();
      const newestSeq = buffer.newestSeq;
      const room = this.#windowFrames - this.#inFlight.length;
      if (room <= 0 || this.#sentSeq >= newestSeq || this.#isLeaving) {
        await this.#changes.wait();
        continue;
      }
      const framesMax = Math.min(room, BATCH_FRAMES_MAX);
      const frames = await buffer.read(this.#sentSeq, framesMax, BATCH_BYTES_MAX);
      over.throwIfAborted();
      if (this.#isLeaving) continue; // nothing follows the goodbye
      for await (const message of this.#kind.of(frames)) await this.#sendEntries(message);
      this.#sentSeq = frames.at(-1)?.seq ?? newestSeq; // none: what is left cannot be read
      this.#changes.notify();
    }
  }

  async #sendEntries({ message, entries }: EntryMessage): Promise<void> {
    const sentAtMs = this.#deps.clock.monotonicMs();
    for (const { seq, bytes } of entries) {
      assert(seq > this.#sentSeq, "entries go up in order, each once");
      this.#inFlight.push({ seq, sentAtMs });
      this.#sentSeq = seq;
      this.#shown.frames.add();
      this.#shown.frameBytes.add(bytes.length);
    }
    assert(this.#inFlight.length <= this.#windowFrames, "no more is in flight than the window");
    await this.#connection.send(message);
  }

  async #receive(): Promise<void> {
    for (;;) {
      const { done, value } = await this.#greeting.messages.next();
      if (done === true) break;
      const { ack, rejected, clockAnswer } = value;
      if (ack) await this.#onAck(ack);
      else if (rejected) this.#onRejected(rejected);
      else if (clockAnswer) this.#reports.onClockAnswer(clockAnswer);
      else throw this.#fault("says something out of turn");
    }
    if (!this.#isLeaving) {
      throw new OperationalError("UNAVAILABLE", `${this.#connection.peer} ended the stream`);
    }
  }

  async #onAck({ seq, load }: Ack__Output): Promise<void> {
    this.#watching.onLoad(load);
    if (!Number.isSafeInteger(seq) || seq < 0 || seq > this.#sentSeq) {
      throw this.#fault(`acks frame ${seq}, the last one sent is ${this.#sentSeq}`);
    }
    const count = this.#inFlight.findIndex((frame) => frame.seq > seq);
    this.#onAcked(this.#inFlight.splice(0, count < 0 ? this.#inFlight.length : count));
    await this.#settle(seq);
    this.#reports.look();
    this.#changes.notify();
  }

  #onAcked(frames: readonly InFlight[]): void {
    const [oldest] = frames;
    if (oldest === undefined) return;
    this.#ackedAtMs = this.#deps.clock.monotonicMs();
    const takenMs = ({ sentAtMs }: InFlight) => this.#ackedAtMs - sentAtMs;
    this.#shown.acks.add();
    this.#shown.ackSeconds.set(takenMs(oldest) / 1000);
    this.#shown.lateAcks.add(frames.filter((frame) => takenMs(frame) > ACK_LATE_MS).length);
  }

  #onRejected({ seq, reason, detail }: Rejected__Output): void {
    if (!this.#inFlight.some((frame) => frame.seq === seq)) {
      throw this.#fault(`rejects frame ${seq}, which is not in flight`);
    }
    const name = nameOfReason(reason);
    this.#deps.buffer.dropped(seq, name);
    if (this.#toldReasons.has(name)) return;
    this.#toldReasons.add(name);
    this.#deps.logger.warn({ seq, reason: name, detail }, "the aggregator rejects a frame");
  }

  /** Where the disk fails the frames stay in the buffer; a later ack settles them too. */
  async #settle(seq: number): Promise<void> {
    const { buffer } = this.#deps;
    try {
      await buffer.ack(Math.min(seq, buffer.newestSeq));
      this.#settling.succeeded();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#settling.failed(error);
    }
  }

  async #announce(over: AbortSignal): Promise<void> {
    for (;;) {
      await this.#deps.buffer.changed(over);
      this.#changes.notify();
    }
  }

  async #watch(over: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    for (;;) {
      const patienceMs = this.#watching.patienceMs();
      const stepMs = patienceMs / ACK_CHECKS;
      const startedMs = clock.monotonicMs();
      await clock.sleep(stepMs, over);
      const nowMs = clock.monotonicMs();
      // This process stood still itself: the acks may be there and not read yet.
      if (nowMs - startedMs > 2 * stepMs) continue;
      const oldest = this.#inFlight[0];
      if (oldest === undefined) continue;
      if (nowMs - Math.max(oldest.sentAtMs, this.#ackedAtMs) < patienceMs) continue;
      throw new SilenceError(
        "UNAVAILABLE",
        `${this.#connection.peer} has acked nothing for ${patienceMs / 1000} s`,
      );
    }
  }

  async #farewell(stop: AbortSignal, over: AbortSignal): Promise<void> {
    if (!stop.aborted) await once(stop, "abort", { signal: over });
    const { clock } = this.#deps;
    await Promise.race([this.#drained(over), clock.sleep(FAREWELL_MS, over)]);
    this.#isLeaving = true;
    await Promise.race([this.#sayGoodbye(), clock.sleep(FAREWELL_MS, over)]);
  }

  /** Resolves when everything is sent and acked. */
  async #drained(over: AbortSignal): Promise<void> {
    while (this.#inFlight.length > 0 || this.#sentSeq < this.#deps.buffer.newestSeq) {
      over.throwIfAborted();
      await this.#changes.wait();
    }
  }

  /** Resolves when the aggregator has heard it and ends the stream as well. */
  async #sayGoodbye(): Promise<void> {
    await this.#reports.end();
    await this.#connection.send({ goodbye: { reason: "the agent stops" } });
    this.#connection.close();
    await new Promise(() => {}); // `receive` ends the session when the aggregator does
  }

  #fault(what: string): OperationalError {
    return new OperationalError("PROTOCOL", `${this.#connection.peer} ${what}`);
  }
}
