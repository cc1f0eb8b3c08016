import { strict as assert } from "node:assert";
import { OperationalError } from "../../shared/errors.ts";
import { ChangeSignal } from "../../shared/platform/change-signal.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import type { IngestMetrics } from "./ingest-metrics.ts";
import { COMMIT_BYTES, TOTAL_PENDING_BYTES } from "./limits.ts";
import { type BusyShare, loadPermille, nextBusyShare } from "./load-state.ts";
import type { CommitItem, CommitOutcome, IngestStore } from "./ports.ts";

/** Whose items are committed. The calls come in the order of its items. */
export type Committer = {
  /** On the disk, or refused for good. */
  settled(item: CommitItem, outcome: CommitOutcome): void;
  /** All of its settled items of this commit were told. */
  flush(): void;
  /** Nothing of what it has submitted and not yet been told of is on the disk. */
  failed(error: OperationalError): void;
};

type Entry = { readonly owner: Committer; readonly item: CommitItem; readonly bytes: number };

/**
 * Puts what all sessions submit into common commits: whatever arrives within a short delay or while
 * the commit before runs shares one fsync. One commit runs at a time, in the order of submission.
 */
export class GroupCommit {
  readonly #store: IngestStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #shown: IngestMetrics;
  readonly #delayMs: number;
  readonly #progress = new ChangeSignal();
  #queue: Entry[] = [];
  #running: readonly Entry[] = [];
  #pendingBytes = 0;
  #isAtWork = false;
  #isFailing = false;
  #busy: BusyShare;

  constructor(
    deps: { readonly store: IngestStore; readonly clock: Clock; readonly logger: Logger },
    shown: IngestMetrics,
    delayMs: number,
  ) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#shown = shown;
    this.#delayMs = delayMs;
    this.#busy = { share: 0, atMs: deps.clock.monotonicMs() };
  }

  /** How much of what can be taken is in use, in permille. */
  load(): number {
    this.#noteBusy(this.#running.length > 0);
    return loadPermille(this.#busy.share, this.#pendingBytes / TOTAL_PENDING_BYTES);
  }

  submit(owner: Committer, item: CommitItem, bytes: number): void {
    this.#queue.push({ owner, item, bytes });
    this.#pendingBytes += bytes;
    if (this.#isAtWork) return;
    this.#isAtWork = true;
    void this.#work();
  }

  /** Resolves when there is room for what another message brings. */
  async room(): Promise<void> {
    while (this.#pendingBytes >= TOTAL_PENDING_BYTES) await this.#progress.wait();
  }

  /** Takes back what is not being committed yet; resolves when nothing of the owner is. */
  async withdraw(owner: Committer): Promise<void> {
    this.#remove((entry) => entry.owner === owner);
    while (this.#running.some((entry) => entry.owner === owner)) await this.#progress.wait();
  }

  async #work(): Promise<void> {
    await this.#clock.sleep(this.#delayMs);
    while (this.#queue.length > 0) {
      this.#running = this.#takeBatch();
      this.#noteBusy(false);
      await this.#commit(this.#running);
      this.#noteBusy(true);
      this.#running = [];
      this.#progress.notify();
    }
    this.#isAtWork = false;
  }

  /** Whether a commit ran since this was last said. */
  #noteBusy(isBusy: boolean): void {
    this.#busy = nextBusyShare(this.#busy, this.#clock.monotonicMs(), isBusy);
  }

  #takeBatch(): readonly Entry[] {
    let count = 0;
    let bytes = 0;
    for (const entry of this.#queue) {
      bytes += entry.bytes;
      if (count > 0 && bytes > COMMIT_BYTES) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #commit(batch: readonly Entry[]): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    let outcomes: readonly CommitOutcome[];
    try {
      outcomes = await this.#store.commit(batch.map(({ item }) => item));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#fail(batch, error);
      return;
    }
    assert(outcomes.length === batch.length, "an outcome for each item");
    this.#shown.commits.add();
    this.#shown.commitSeconds.add((this.#clock.monotonicMs() - startedMs) / 1000);
    if (this.#isFailing) this.#logger.info({}, "frames can be stored again");
    this.#isFailing = false;
    this.#settle(batch, outcomes);
  }

  #settle(batch: readonly Entry[], outcomes: readonly CommitOutcome[]): void {
    const owners = new Set<Committer>();
    for (let i = 0; i < batch.length; i += 1) {
      const entry = batch[i];
      const outcome = outcomes[i];
      if (entry === undefined || outcome === undefined) break;
      this.#pendingBytes -= entry.bytes;
      owners.add(entry.owner);
      entry.owner.settled(entry.item, outcome);
    }
    for (const owner of owners) owner.flush();
  }

  /** Who waits is sent away: what is behind a lost item of a session cannot be taken either. */
  #fail(batch: readonly Entry[], error: OperationalError): void {
    this.#shown.commitFailures.add();
    if (!this.#isFailing) {
      this.#logger.error({ error: error.message }, "cannot store frames: agents have to wait");
    }
    this.#isFailing = true;
    const owners = new Set([...batch, ...this.#queue].map(({ owner }) => owner));
    for (const { bytes } of batch) this.#pendingBytes -= bytes;
    this.#remove(() => true);
    const told = new OperationalError(
      "UNAVAILABLE",
      "The aggregator cannot write to its store at the moment",
      { cause: error },
    );
    for (const owner of owners) owner.failed(told);
  }

  #remove(isMeant: (entry: Entry) => boolean): void {
    this.#queue = this.#queue.filter((entry) => {
      if (!isMeant(entry)) return true;
      this.#pendingBytes -= entry.bytes;
      return false;
    });
    this.#progress.notify();
  }
}
