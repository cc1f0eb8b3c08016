import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { type CommitItem, type CommitOutcome, itemBytes } from "../model/commit.ts";
import { type BusyShare, loadPermille, nextBusyShare } from "./load-state.ts";

/** What goes into one commit. */
const COMMIT_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Commits that may run or wait; beyond it `room` waits. A longer queue takes no more a second, and
 * an agent that comes last in it would give up waiting for its ack, and come last again.
 */
const PENDING_COMMITS = 2;

export type CommitDeps = PartDeps & {
  /** Writes items in order, synced. @throws OperationalError when nothing of them was taken */
  readonly write: (items: readonly CommitItem[]) => Promise<readonly CommitOutcome[]>;
};

type Request = {
  readonly items: readonly CommitItem[];
  readonly bytes: number;
  readonly owner: object | null;
  readonly resolve: (outcomes: readonly CommitOutcome[]) => void;
  readonly reject: (error: Error) => void;
};

/**
 * Puts what all callers submit into common commits: whatever arrives within a short delay or while
 * the commit before runs shares one fsync. One commit runs at a time, in the order of the calls.
 * Invariant: `pendingBytes` is the sum over what waits and what is being written.
 */
export class GroupCommit {
  readonly #deps: CommitDeps;
  readonly #delayMs: number;
  readonly #bytesMax: number;
  readonly #pendingBytesMax: number;
  readonly #progress = new ChangeSignal();
  readonly #commits: Counter;
  readonly #failures: Counter;
  readonly #seconds: Counter;
  readonly #streak: FailureStreak;
  /** Something of theirs was lost or taken back, so nothing that follows may be taken. */
  readonly #closed = new WeakSet<object>();
  #waiting: Request[] = [];
  #running: readonly Request[] = [];
  #pendingBytes = 0;
  #isAtWork = false;
  #busy: BusyShare;

  /** @param bytesMax bytes that are written together, but for a call that has more */
  constructor(
    deps: CommitDeps,
    { delayMs, bytesMax = COMMIT_BYTES_MAX }: { delayMs: number; bytesMax?: number },
  ) {
    this.#deps = deps;
    this.#delayMs = delayMs;
    this.#bytesMax = bytesMax;
    this.#pendingBytesMax = PENDING_COMMITS * bytesMax;
    this.#busy = { share: 0, atMs: deps.clock.monotonicMs() };
    this.#streak = new FailureStreak(deps.logger, "cannot store samples: agents have to wait");
    const { metrics } = deps;
    this.#commits = metrics.counter("telltale_store_commits_total", "Commits, one fsync each.");
    this.#failures = metrics.counter(
      "telltale_store_commit_failures_total",
      "Commits that could not be written; nothing of them was acked.",
    );
    this.#seconds = metrics.counter(
      "telltale_store_commit_seconds_total",
      "Time that commits took.",
    );
    for (const counter of [this.#commits, this.#failures, this.#seconds]) counter.add(0);
  }

  /**
   * Resolves, with an outcome for each item, when all are on the disk. After a call that failed an
   * owner can commit nothing more: what is behind a lost item of a stream cannot be taken either.
   * @throws OperationalError STORAGE when it, or one before it, could not be written; UNAVAILABLE when
   * the owner can commit nothing more
   */
  commit(
    items: readonly CommitItem[],
    owner: object | null = null,
  ): Promise<readonly CommitOutcome[]> {
    if (owner !== null && this.#closed.has(owner)) return Promise.reject(lost());
    const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, bytes, owner, resolve, reject });
      this.#pendingBytes += bytes;
      if (!this.#isAtWork) void this.#work();
    });
  }

  /** Takes back what the owner has waiting, for good. What is being written goes on. */
  withdraw(owner: object): void {
    this.#closed.add(owner);
    const meant = this.#waiting.filter((request) => request.owner === owner);
    this.#waiting = this.#waiting.filter((request) => request.owner !== owner);
    this.#reject(meant, lost());
  }

  /** Resolves when there is room for what another message brings. */
  async room(): Promise<void> {
    while (this.#pendingBytes >= this.#pendingBytesMax) await this.#progress.wait();
  }

  /** Resolves when the commit that runs, or is about to, has ended; at once when there is none. */
  async ended(): Promise<void> {
    if (this.#isAtWork) await this.#progress.wait();
  }

  /** How much of what can be taken is in use, in permille. */
  load(): number {
    this.#noteBusy(this.#running.length > 0);
    return loadPermille(this.#busy.share, this.#pendingBytes / this.#pendingBytesMax);
  }

  async #work(): Promise<void> {
    assert(!this.#isAtWork, "one commit at a time");
    this.#isAtWork = true;
    if (this.#delayMs > 0) await this.#deps.clock.sleep(this.#delayMs);
    while (this.#waiting.length > 0) {
      this.#running = this.#takeBatch();
      this.#noteBusy(false);
      await this.#commit(this.#running);
      this.#noteBusy(true);
      this.#running = [];
      this.#progress.notify();
    }
    assert(this.#pendingBytes === 0, "no bytes are pending when nothing waits");
    this.#isAtWork = false;
    this.#progress.notify();
  }

  /** Whether a commit ran since this was last said. */
  #noteBusy(isBusy: boolean): void {
    this.#busy = nextBusyShare(this.#busy, this.#deps.clock.monotonicMs(), isBusy);
  }

  #takeBatch(): readonly Request[] {
    let count = 0;
    let sum = 0;
    for (const { bytes } of this.#waiting) {
      sum += bytes;
      if (count > 0 && sum > this.#bytesMax) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #commit(batch: readonly Request[]): Promise<void> {
    const { clock, write } = this.#deps;
    const startedMs = clock.monotonicMs();
    const items = batch.flatMap((request) => request.items);
    let outcomes: readonly CommitOutcome[];
    try {
      outcomes = await write(items);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#fail(batch, error);
      return;
    }
    assert(outcomes.length === items.length, "an outcome for each item");
    this.#commits.add();
    this.#seconds.add((clock.monotonicMs() - startedMs) / 1000);
    this.#streak.succeeded();
    let from = 0;
    for (const request of batch) {
      const end = from + request.items.length;
      this.#pendingBytes -= request.bytes;
      request.resolve(outcomes.slice(from, end));
      from = end;
    }
  }

  /** All who wait are sent away. */
  #fail(batch: readonly Request[], error: OperationalError): void {
    this.#failures.add();
    this.#streak.failed(error);
    const all = [...batch, ...this.#waiting];
    this.#waiting = [];
    this.#reject(all, error);
  }

  #reject(requests: readonly Request[], error: OperationalError): void {
    for (const { bytes, owner, reject } of requests) {
      this.#pendingBytes -= bytes;
      if (owner !== null) this.#closed.add(owner);
      reject(error);
    }
    this.#progress.notify();
  }
}

function lost(): OperationalError {
  return new OperationalError("UNAVAILABLE", "What came before it was not stored");
}
