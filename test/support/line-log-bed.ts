import {
  DEFAULT_LINE_LOG_OPTIONS,
  type LineLog,
  type LineLogOptions,
  openLineLog,
} from "../../aggregator/logs/line-log.ts";
import { LineSource } from "../../aggregator/logs/line-source.ts";
import type { Direction, TimeRange } from "../../aggregator/model/log-lines.ts";
import { type Labels, labelsFrom, labelValue } from "../../shared/model/labels.ts";
import { seqOf } from "../../shared/model/sequence.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../shared/wire/line-block.ts";
import { FAKE_START_MS, FakeClock } from "./fake-clock.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { type CrashKind, MemoryDisk, MemoryStore } from "./memory-store.ts";
import { metricTotal } from "./metric-total.ts";

export const NOW_US = FAKE_START_MS * 1000;
export const ALL: TimeRange = { startUs: 0, endUs: 2 ** 52 };
/** So old that nothing is kept from being packed. */
const OLD_MS = DEFAULT_LINE_LOG_OPTIONS.packAfterMs + 1000;

export type BedLine = {
  readonly job: string;
  readonly timeUs: number;
  readonly text: string;
  readonly isCut?: boolean;
  readonly metadata?: Labels;
};

/** A log of lines on a disk that may crash; lines come in blocks of the node `web-1`. */
export class LineLogBed {
  readonly clock = new FakeClock();
  disk = new MemoryDisk();
  store = undefined as unknown as MemoryStore; // `open` sets these
  log = undefined as unknown as LineLog;
  metrics = new Metrics();
  /** Called at the steps of each write. */
  onWriteStep = () => {};
  readonly #options: LineLogOptions;

  constructor(options: Partial<LineLogOptions> = {}) {
    this.#options = { ...DEFAULT_LINE_LOG_OPTIONS, ...options };
  }

  async open(): Promise<this> {
    this.metrics = new Metrics();
    this.store = new MemoryStore(this.disk, { onWriteStep: () => this.onWriteStep() });
    const { clock, metrics, store } = this;
    const deps = { store, clock, logger: new MemoryLogger(), metrics };
    this.log = await openLineLog(deps, this.#options);
    return this;
  }

  /** Down, and up again with what is on the disk. */
  async crash(kind: CrashKind = "power-cut"): Promise<void> {
    this.disk.crash(() => 0.9, kind);
    await this.open();
  }

  /** A block with a source for each job, safe when it resolves. */
  async commit(seq: number, lines: readonly BedLine[], streamId = "0".repeat(32)): Promise<void> {
    const jobs = [...new Set(lines.map(({ job }) => job))];
    const sources = jobs.map((job) => ({
      labels: labelsFrom([["job", job]]),
      lines: lines
        .filter((line) => line.job === job)
        .map(({ job: _, text, ...line }) => {
          return { isCut: false, ...line, bytes: Buffer.from(text) };
        }),
    }));
    const bytes = encodeBlock(seqOf(1, seq), this.clock.nowMs(), sources);
    const item = { kind: "block", node: "web-1", streamId, bytes } as const;
    const committed = this.log.commit([item], {});
    committed.catch(() => {}); // awaited below, once time went on
    await this.clock.advance(10);
    await committed;
  }

  /** Packs all that is hot. */
  async pack(): Promise<void> {
    await this.clock.advance(OLD_MS);
    await this.log.compactAll(new AbortController().signal);
  }

  async read(
    job: string,
    direction: Direction = "forward",
    substrings: readonly string[] = [],
    range: TimeRange = ALL,
  ): Promise<string[]> {
    const texts: string[] = [];
    const matchers = [{ name: "job", type: "=" as const, value: job }];
    const source = new LineSource(this.log);
    const streams = await source.select(matchers, range, direction, { substrings });
    for (const { entries, frontUs } of streams) {
      for await (const batch of entries) {
        for (const { line, timeUs } of batch) {
          const isBefore = direction === "forward" ? timeUs < frontUs : timeUs > frontUs;
          if (isBefore) throw new Error("a line that comes before the front of its stream");
          texts.push(line);
        }
      }
    }
    return texts;
  }

  jobs(range: TimeRange = ALL): string[] {
    const labels: readonly Labels[] = new LineSource(this.log).streams([], range);
    return labels.map((one) => labelValue(one, "job")).sort();
  }

  total(metric: string): number {
    return metricTotal(this.metrics, metric);
  }

  /** How many keys begin with the letter. */
  keys(letter: string): number {
    const first = letter.charCodeAt(0);
    const range = { gte: Uint8Array.of(first), lt: Uint8Array.of(first + 1) };
    return this.disk.keysOf(range).length;
  }
}
