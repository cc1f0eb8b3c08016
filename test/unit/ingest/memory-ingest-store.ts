import { GroupCommit } from "../../../aggregator/commit/group-commit.ts";
import type { IngestStore } from "../../../aggregator/ingest/ports.ts";
import type {
  CommitItem,
  CommitOutcome,
  StreamPosition,
} from "../../../aggregator/model/commit.ts";
import { definitionsFault } from "../../../aggregator/series/commit-plan.ts";
import { OperationalError } from "../../../shared/errors.ts";
import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { parseFrame, StreamDecoder } from "../../../shared/wire/frame-decoder.ts";

export const DELAY_MS = 3;

/**
 * Takes frames as the series store does, in the same group commits, and keeps only which ones.
 * Commits can hang and fail.
 */
export class MemoryIngestStore implements IngestStore {
  /** Sequences stored, by node and stream, in order. */
  readonly stored = new Map<string, number[]>();
  /** Items of each commit. */
  readonly commits: number[] = [];
  futureMs = Number.POSITIVE_INFINITY;
  /** So many of the next commits fail. */
  failures = 0;
  readonly #decoders = new Map<string, StreamDecoder>();
  readonly #logger: Logger;
  #commits: GroupCommit;
  #gate: Promise<void> | null = null;

  constructor(clock: Clock, logger: Logger) {
    this.#logger = logger;
    this.#commits = this.#start(clock);
  }

  /** Goes on with what it has, by another clock. */
  restart(clock: Clock): void {
    this.#commits = this.#start(clock);
  }

  commit(items: readonly CommitItem[], owner: object): Promise<readonly CommitOutcome[]> {
    return this.#commits.commit(items, owner);
  }

  withdraw(owner: object): void {
    this.#commits.withdraw(owner);
  }

  room(): Promise<void> {
    return this.#commits.room();
  }

  load(): number {
    return this.#commits.load();
  }

  hang(): () => void {
    let release = () => {};
    this.#gate = new Promise((resolve) => {
      release = () => {
        this.#gate = null;
        resolve();
      };
    });
    return release;
  }

  position(node: string, streamId: string): StreamPosition {
    const { lastSeq, epoch, seriesKnown } = this.#decoder(node, streamId);
    const framesStored = this.stored.get(`${node}/${streamId}`)?.length ?? 0;
    return { lastSeq, epoch, seriesKnown, framesStored, refused: [] };
  }

  /** All state is lost, as with an empty disk. */
  forget(): void {
    this.#decoders.clear();
  }

  #start(clock: Clock): GroupCommit {
    const write = (items: readonly CommitItem[]) => this.#write(items);
    const deps = { clock, logger: this.#logger, metrics: new Metrics(), write };
    return new GroupCommit(deps, { delayMs: DELAY_MS });
  }

  async #write(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    await null;
    if (this.#gate !== null) await this.#gate;
    if (this.failures > 0) {
      this.failures -= 1;
      throw new OperationalError("STORAGE", "disk full");
    }
    this.commits.push(items.length);
    return items.map((item) => this.#take(item));
  }

  /** Everything stored of a node, whatever the stream. */
  seqsOf(node: string): number[] {
    const keys = [...this.stored.keys()].filter((key) => key.startsWith(`${node}/`));
    return keys.flatMap((key) => this.stored.get(key) ?? []);
  }

  #take(item: CommitItem): CommitOutcome {
    const decoder = this.#decoder(item.node, item.streamId);
    if (item.kind === "series") {
      const detail = definitionsFault(decoder, item.epoch, item.series);
      if (detail !== null) return { kind: "rejected", seq: 0, reason: "unknown-series", detail };
      decoder.define(item.epoch, item.series);
      return { kind: "defined", seriesKnown: decoder.seriesKnown };
    }
    if (item.kind === "samples") throw new Error("agents send no such item");
    let frame: ReturnType<typeof parseFrame>;
    try {
      frame = parseFrame(item.bytes);
    } catch {
      return { kind: "rejected", seq: 0, reason: "corrupt", detail: "fails its checksum" };
    }
    const { seq, timeMs } = frame;
    const verdict = decoder.check(frame);
    if (verdict === "duplicate") return { kind: "duplicate", seq };
    if (verdict !== "take") return { kind: "rejected", seq, reason: verdict, detail: verdict };
    const missing = Math.max(0, (seq % 2 ** 32) - (decoder.lastSeq % 2 ** 32) - 1);
    decoder.apply(frame);
    if (timeMs > this.futureMs) return { kind: "rejected", seq, reason: "future", detail: "later" };
    const key = `${item.node}/${item.streamId}`;
    this.stored.set(key, [...(this.stored.get(key) ?? []), seq]);
    return { kind: "stored", seq, timeMs, samples: 1, missing };
  }

  #decoder(node: string, streamId: string): StreamDecoder {
    const key = `${node}/${streamId}`;
    const decoder = this.#decoders.get(key) ?? new StreamDecoder();
    this.#decoders.set(key, decoder);
    return decoder;
  }
}
