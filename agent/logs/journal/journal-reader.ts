/**
 * Follows the systemd journal by a child, `journalctl --output=export --follow`: its files are the
 * business of systemd, whose versions differ in them. Lines go to the sink with the cursor of the last
 * entry up to which all lines are in it, both durable together: after a crash reading goes on behind
 * it, so no entry is left out and none comes twice. While the sink waits for room nothing is read, and
 * the child waits as well: the journal itself is the buffer.
 */
import { join } from "node:path/posix";
import { OperationalError } from "../../../shared/errors.ts";
import type { Clock, Logger, Random } from "../../../shared/platform/ports.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";
import { backoffMs } from "../../../shared/time/backoff.ts";
import { eitherSignal } from "../../../shared/time/either-signal.ts";
import { FailureStreak } from "../../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import { unlessAborted } from "../../../shared/time/unless-aborted.ts";
import type { NodeLabels } from "../containers/container-labels.ts";
import { readRegularFile } from "../containers/regular-file.ts";
import type { ShapeOptions } from "../shape/shape-options.ts";
import type { Cursor, LineSink, LogFiles, SourcedLine } from "../tail/ports.ts";
import { EntrySources, type FindContainer, SOURCE_FIELDS } from "./entry-source.ts";
import { ExportParser } from "./export-parser.ts";
import { JournalLines } from "./journal-lines.ts";
import { JournalReport } from "./journal-report.ts";
import type { RunJournalctl } from "./journalctl.ts";
import { Pieces } from "./pieces.ts";

export type JournalDeps = {
  readonly journalctl: RunJournalctl;
  readonly files: LogFiles;
  readonly sink: LineSink;
  readonly findContainer: FindContainer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export type JournalOptions = {
  /** As the agent sees it; its journal is below `var/log/journal` and `run/log/journal`. */
  readonly hostRoot: string;
  readonly shape: ShapeOptions;
  /** Of this node, on every line. */
  readonly labels: NodeLabels;
};

/** Under which the sink keeps the journal's cursor. */
export const JOURNAL_KEY = "journal";

/** Of a journal that was empty when it was first read: all that comes is new. */
const FROM_BEGINNING = "-";
const CURSOR = /^[a-z]=[0-9a-z;=-]{1,500}$/;

const MACHINE_ID_BYTES_MAX = 1024;
/** How often it is looked whether a line was held for long enough. */
const TICK_MS = 250;
const IDLE_TICK_MS = 10_000;
const FLUSH_EVERY_MS = 1000;
const BATCH_BYTES = 256 * 1024;
const BATCH_LINES = 4096;
const SINK_RETRY_MS = 1000;
const RESTART = { firstMs: 1000, maxMs: 60_000 };
/** A child that ran for so long did not fail. */
const HEALTHY_MS = 30_000;

export class JournalReader {
  readonly #deps: JournalDeps;
  readonly #shape: ShapeOptions;
  readonly #hostRoot: string;
  readonly #sources: EntrySources;
  readonly #report: JournalReport;
  readonly #failures: FailureStreak;
  readonly #sinkFailures: FailureStreak;
  /** Behind it reading goes on; null: the journal was never read. */
  #cursor: string | null;
  #lines: SourcedLine[] = [];
  #bytes = 0;
  /** Monotonic. */
  #flushedAtMs = Number.NEGATIVE_INFINITY;

  /** @param cursors all that the sink holds */
  constructor(deps: JournalDeps, options: JournalOptions, cursors: Iterable<Cursor>) {
    const { logger, metrics, findContainer } = deps;
    this.#deps = deps;
    this.#shape = options.shape;
    this.#hostRoot = options.hostRoot;
    this.#sources = new EntrySources(findContainer, options.labels);
    this.#report = new JournalReport(metrics);
    this.#failures = new FailureStreak(logger, "cannot read the systemd journal");
    this.#sinkFailures = new FailureStreak(logger, "cannot store lines of the systemd journal");
    this.#cursor = this.#storedCursor(cursors);
  }

  /** Until the signal is aborted; what is not in the sink by then is read again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.#read(signal);
        if (signal.aborted) return;
        throw new OperationalError("UNAVAILABLE", "journalctl ended");
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        this.#report.fault(error);
        this.#failures.failed(error);
      }
      this.#lines = [];
      this.#bytes = 0;
      const pauseMs = backoffMs(RESTART, this.#failures.failures, random());
      await sleepUnlessAborted(clock, pauseMs, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const stop = new AbortController(); // of the child, also when what it prints cannot be read
    using either = eitherSignal(signal, stop.signal);
    try {
      if (this.#cursor === null) await this.#begin(either.signal);
      if (!signal.aborted) await this.#follow(either.signal);
    } finally {
      stop.abort();
    }
  }

  /** The first time reading begins with what comes from now on. */
  async #begin(signal: AbortSignal): Promise<void> {
    let newest = FROM_BEGINNING;
    const parser = new ExportParser({ messageBytesMax: 0, fields: new Set() }, ({ cursor }) => {
      newest = cursor;
    });
    const args = this.#args("--lines=1", "--output-fields=PRIORITY");
    for await (const bytes of this.#deps.journalctl(args, signal)) parser.push(bytes);
    if (signal.aborted) return;
    await this.#append([], newest, signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    const lines = new JournalLines(this.#shape, (line) => {
      this.#lines.push(line);
      this.#bytes += line.bytes.length;
    });
    const parser = this.#parser(lines);
    const pieces = new Pieces(clock, this.#deps.journalctl(this.#followArgs(), signal));
    let tickedAtMs = startMs;
    for (;;) {
      const piece = await pieces.take(this.#isIdle(lines) ? IDLE_TICK_MS : TICK_MS, signal);
      if (signal.aborted) return await pieces.settled(); // the child is gone then
      if (piece === null) break;
      if (piece !== "none") {
        this.#report.read(piece.length);
        parser.push(piece);
      }
      const monotonicMs = clock.monotonicMs();
      if (monotonicMs - tickedAtMs >= TICK_MS) {
        tickedAtMs = monotonicMs;
        lines.finish(clock.nowMs(), false);
      }
      if (this.#isFlushDue(monotonicMs)) await this.#flush(lines, signal);
      if (monotonicMs - startMs >= HEALTHY_MS) this.#failures.succeeded();
    }
    lines.finish(clock.nowMs(), true);
    await this.#flush(lines, signal);
  }

  /** Nothing is held, and all is stored. */
  #isIdle({ hasPending, cursor }: JournalLines): boolean {
    const isStored = cursor === "" || cursor === this.#cursor;
    return !hasPending && this.#lines.length === 0 && isStored;
  }

  #isFlushDue(monotonicMs: number): boolean {
    const isFull = this.#bytes >= BATCH_BYTES || this.#lines.length >= BATCH_LINES;
    return isFull || monotonicMs - this.#flushedAtMs >= FLUSH_EVERY_MS;
  }

  #parser(lines: JournalLines): ExportParser {
    const { clock } = this.#deps;
    const limits = { messageBytesMax: this.#shape.lineBytesMax, fields: SOURCE_FIELDS };
    return new ExportParser(limits, (entry) => {
      const nowMs = clock.nowMs();
      this.#report.entry();
      if (entry.timeUs !== null) this.#report.lag((nowMs - entry.timeUs / 1000) / 1000);
      lines.take(entry, this.#sources.of(entry), nowMs);
    });
  }

  #followArgs(): readonly string[] {
    const cursor = this.#cursor ?? FROM_BEGINNING;
    const fields = `--output-fields=${["MESSAGE", ...SOURCE_FIELDS].join(",")}`;
    // Without --no-tail it would leave out all but the last ten.
    const from = cursor === FROM_BEGINNING ? [] : [`--after-cursor=${cursor}`];
    return this.#args("--follow", "--no-tail", fields, ...from);
  }

  /**
   * With --merge: otherwise --follow leaves out all before the last boot (systemd 252), whatever the
   * cursor. Journals of other machines that lie here are then left out by the machine's id.
   */
  #args(...own: readonly string[]): readonly string[] {
    const { files } = this.#deps;
    const root = this.#hostRoot;
    const id = readRegularFile(files, join(root, "etc/machine-id"), MACHINE_ID_BYTES_MAX)?.trim();
    return [
      ...["--output=export", "--all", "--quiet", "--no-pager", "--merge", ...own],
      ...(root === "/" ? [] : [`--root=${root}`]),
      ...(id !== undefined && /^[0-9a-f]{32}$/.test(id) ? [`_MACHINE_ID=${id}`] : []),
    ];
  }

  async #flush({ cursor }: JournalLines, signal: AbortSignal): Promise<void> {
    const isMoved = cursor !== "" && cursor !== this.#cursor;
    if (this.#lines.length === 0 && !isMoved) return;
    await this.#append(this.#lines, cursor, signal);
    this.#lines = [];
    this.#bytes = 0;
    this.#flushedAtMs = this.#deps.clock.monotonicMs();
  }

  /** Again and again until it is durable, or the signal is aborted. */
  async #append(lines: readonly SourcedLine[], cursor: string, signal: AbortSignal): Promise<void> {
    const cursors = cursor === "" ? [] : [{ key: JOURNAL_KEY, value: Buffer.from(cursor) }];
    while (!signal.aborted) {
      try {
        await unlessAborted(this.#deps.sink.append(lines, cursors), signal);
        if (signal.aborted) return; // it is there or not, as after a crash
        this.#sinkFailures.succeeded();
        this.#report.sent(lines.length);
        if (cursor !== "") this.#cursor = cursor;
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof OperationalError)) throw error;
        this.#sinkFailures.failed(error);
      }
      await sleepUnlessAborted(this.#deps.clock, SINK_RETRY_MS, signal);
    }
  }

  #storedCursor(cursors: Iterable<Cursor>): string | null {
    for (const { key, value } of cursors) {
      if (key !== JOURNAL_KEY || value === null) continue;
      const text = Buffer.from(value).toString();
      if (text === FROM_BEGINNING || CURSOR.test(text)) return text;
      this.#report.fault({ code: "PARSE" });
      this.#deps.logger.error({}, "cursor of the systemd journal is damaged: read from now on");
    }
    return null;
  }
}
