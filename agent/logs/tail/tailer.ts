/**
 * Finds log files and follows them without losing a line. A look, once a second, asks for each path
 * whether its file grew or is another one (`path-follower.ts`); then those that are behind are read
 * in turns, so that one busy file does not starve the others.
 *
 * What was read goes to the sink in batches, each with the positions up to which its lines reach
 * (`position.ts`): both are durable together or not at all, so after a crash reading goes on with the
 * first line that is not in the sink. While the sink waits for room nothing is read.
 */
import { OperationalError } from "../../../shared/errors.ts";
import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import type { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FailureStreak } from "../../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import { unlessAborted } from "../../../shared/time/unless-aborted.ts";
import type { Beginning } from "./chain-files.ts";
import { DirectoryTimes } from "./directory-times.ts";
import type { FileLag } from "./file-lag.ts";
import { FileFinder, type Found } from "./find-files.ts";
import { LineBatch } from "./line-batch.ts";
import type { ReadTime } from "./open-file.ts";
import type { OpenFiles } from "./open-files.ts";
import { type FollowLimits, PathFollower, READ_ROOM_MIN } from "./path-follower.ts";
import type { Cursor, FileSource, LineSink, LogFiles } from "./ports.ts";
import { Positions } from "./positions.ts";
import { baseOfRotated, isCompressedName } from "./rotated-names.ts";
import { Siblings } from "./siblings.ts";
import { TailReport } from "./tail-report.ts";

export type TailDeps = {
  readonly files: LogFiles;
  readonly sink: LineSink;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

export type TailOptions = FollowLimits & {
  readonly lookEveryMs: number;
  /** Bytes that are read of a file before it is the turn of the next. */
  readonly turnBytesMax: number;
  /** Paths of a source; further ones are left out and counted. */
  readonly pathsMax: number;
  /** A file that has been behind for so long without being read is stalled. */
  readonly stalledAfterMs: number;
  /**
   * Where files are read from that are there when a source is followed for the first time. A file
   * that appears later is always read from its start.
   */
  readonly firstStart: "start" | "end";
};

/**
 * A new agent on an old machine starts at the end: who begins to watch wants what happens from now
 * on, and months of history would hold up the lines of today for hours.
 */
export const TAIL_DEFAULTS: TailOptions = {
  lookEveryMs: 1000,
  turnBytesMax: 1024 * 1024,
  pathsMax: 2000,
  quietMs: 10_000,
  flushAfterMs: 5000,
  stalledAfterMs: 30_000,
  firstStart: "end",
};

const SINK_RETRY_MS = 1000;
const WATCH_EVERY_MS = 10_000;
/** The kernel's time of a file is that of its last clock tick. */
const MTIME_BEHIND_MS = 20;

type FollowedSource = {
  readonly source: FileSource;
  readonly finder: FileFinder;
  /** Unix milliseconds; -1 before the first. */
  foundAtMs: number;
  found: Found | null;
};

export class Tailer {
  readonly #deps: TailDeps;
  readonly #options: TailOptions;
  readonly #sources: readonly FollowedSource[];
  readonly #positions: Positions;
  readonly #report: TailReport;
  readonly #siblings: Siblings;
  readonly #times: DirectoryTimes;
  readonly #sinkFailures: FailureStreak;
  readonly #batch = new LineBatch();
  readonly #followers = new Map<string, PathFollower>();
  readonly #owners = new Map<string, OpenFiles>();
  readonly #aliveUntilMs: number;
  /** Files are read to their end whose paths are not found any more. */
  #hasUnwanted = false;

  /**
   * @param cursors all that the sink holds
   * @throws OperationalError CONFIG when a pattern is invalid
   */
  constructor(
    deps: TailDeps,
    sources: readonly FileSource[],
    options: TailOptions,
    cursors: Iterable<Cursor>,
  ) {
    this.#deps = deps;
    this.#options = options;
    const report = new TailReport(deps.logger, deps.metrics);
    this.#report = report;
    this.#sinkFailures = new FailureStreak(deps.logger, "cannot store log lines");
    this.#positions = new Positions(cursors, (error) => report.cursorDamaged(error));
    this.#aliveUntilMs = this.#positions.newestMtimeMs;
    const isFollowed = (path: string) => this.#followers.has(path);
    const onFault = (error: OperationalError) => report.fault(error, error.message);
    this.#times = new DirectoryTimes(deps.files);
    this.#siblings = new Siblings(deps.files, isFollowed, onFault);
    this.#sources = sources.map((source) => {
      const finder = new FileFinder(deps.files, source, options.pathsMax, onFault);
      return { source, finder, foundAtMs: -1, found: null };
    });
  }

  /** Until the signal is aborted; then the files are closed, and nothing is being written. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    await this.#find(this.#time());
    await this.#measure(); // 0 would be wrong after a restart
    const watch = this.#watch(signal);
    while (!signal.aborted) {
      const startMs = clock.monotonicMs();
      await this.look(signal);
      const leftMs = this.#options.lookEveryMs - (clock.monotonicMs() - startMs);
      await sleepUnlessAborted(clock, Math.max(0, leftMs), signal);
    }
    await watch;
    this.close();
  }

  /** One look at everything; reads what there is to read until the next look is due. */
  async look(signal?: AbortSignal): Promise<void> {
    const time = this.#time();
    this.#times.begin();
    await this.#find(time);
    const active: PathFollower[] = [];
    for (const follower of this.#followers.values()) {
      if (!follower.glance(time)) continue;
      await follower.look(this.#time()); // many may take long
      active.push(follower);
    }
    const untilMs = time.monotonicMs + this.#options.lookEveryMs;
    for (let behind = active; signal?.aborted !== true; ) {
      behind = behind.filter((follower) => follower.isBehind);
      if (behind.length === 0 || this.#deps.clock.monotonicMs() >= untilMs) break;
      if (!(await this.#readTurns(behind, signal))) break;
    }
    for (const follower of active) follower.settle(this.#time());
    await this.#commit(signal);
  }

  /** How far each file is behind that is. */
  async lags(): Promise<readonly FileLag[]> {
    const time = this.#time();
    const lags: FileLag[] = [];
    for (const follower of this.#followers.values()) {
      const lag = await follower.lag(time);
      if (lag.bytes > 0) lags.push(lag);
    }
    return lags;
  }

  close(): void {
    for (const follower of this.#followers.values()) follower.close();
    this.#followers.clear();
  }

  #time(): ReadTime {
    const { clock } = this.#deps;
    return { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }

  /** False when nothing was read. */
  async #readTurns(behind: readonly PathFollower[], signal?: AbortSignal): Promise<boolean> {
    let hasRead = false;
    for (const follower of behind) {
      let left = this.#options.turnBytesMax;
      while (left > 0 && follower.isBehind) {
        if (this.#batch.room < READ_ROOM_MIN) await this.#commit(signal);
        if (signal?.aborted === true) return false;
        const count = await follower.read(left, this.#time());
        if (count === 0) break;
        hasRead = true;
        left -= count;
      }
    }
    return hasRead;
  }

  async #commit(signal?: AbortSignal): Promise<void> {
    if (isAborted(signal)) return; // what is in the batch may be in the sink
    const { lines } = this.#batch;
    if (lines.length > 0 || this.#positions.hasUnwritten) {
      const cursors = this.#positions.takeUnwritten();
      while (!(await this.#append(cursors, signal))) {
        if (signal === undefined) await this.#deps.clock.sleep(SINK_RETRY_MS);
        else await sleepUnlessAborted(this.#deps.clock, SINK_RETRY_MS, signal);
        if (isAborted(signal)) return; // the process reads it again
      }
      if (isAborted(signal)) return; // its bytes may still be the sink's
      this.#report.sent(lines.length);
    }
    this.#batch.clear();
  }

  async #append(cursors: readonly Cursor[], signal?: AbortSignal): Promise<boolean> {
    try {
      const appended = this.#deps.sink.append(this.#batch.lines, cursors);
      // One that is left waiting for room is there as a whole or not at all, as after a crash.
      await (signal === undefined ? appended : unlessAborted(appended, signal));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#sinkFailures.failed(error);
      return false;
    }
    this.#sinkFailures.succeeded();
    return true;
  }

  async #find(time: ReadTime): Promise<void> {
    let isSame = !this.#hasUnwanted;
    for (const one of this.#sources) {
      const found = await one.finder.find(time.nowMs);
      isSame &&= found === one.found;
      one.found = found;
    }
    if (!isSame) this.#follow();
    for (const one of this.#sources) one.foundAtMs = time.nowMs;
    const leftOut = this.#sources.reduce((sum, { found }) => sum + (found?.leftOut ?? 0), 0);
    this.#report.counts({ files: this.#owners.size, leftOut });
  }

  /** Follows what was found, and no longer what was not. */
  #follow(): void {
    const wanted = new Set<string>();
    for (const one of this.#sources) {
      const beginning = this.#beginning(one);
      const found = one.found?.paths ?? [];
      const paths = new Set(found);
      for (const path of found) {
        if (wanted.has(path) || this.#isRotatedForm(path, paths)) continue;
        wanted.add(path);
        if (!this.#followers.has(path)) this.#followPath(one.source, path, beginning);
      }
      if (one.foundAtMs < 0) this.#positions.addSource(one.source.name);
    }
    this.#hasUnwanted = false;
    for (const [path, { openCount }] of this.#followers) {
      if (wanted.has(path)) continue;
      if (openCount === 0) this.#followers.delete(path);
      else this.#hasUnwanted = true;
    }
  }

  #beginning({ source, foundAtMs }: FollowedSource): Beginning {
    if (foundAtMs >= 0) return { at: "start", writtenAfterMs: foundAtMs - MTIME_BEHIND_MS };
    if (this.#positions.knowsSource(source.name)) {
      return { at: "start", writtenAfterMs: this.#aliveUntilMs };
    }
    return { at: this.#options.firstStart, writtenAfterMs: Number.POSITIVE_INFINITY };
  }

  #followPath(source: FileSource, path: string, beginning: Beginning): void {
    const deps = {
      files: this.#deps.files,
      batch: this.#batch,
      positions: this.#positions,
      siblings: this.#siblings,
      report: this.#report,
      source,
      limits: this.#options,
      owners: this.#owners,
      times: this.#times,
    };
    this.#followers.set(path, new PathFollower(deps, path, beginning));
  }

  /** It is read as a part of the log that it was rotated from, and never by itself. */
  #isRotatedForm(path: string, found: ReadonlySet<string>): boolean {
    if (isCompressedName(path)) return true;
    const base = baseOfRotated(path);
    if (base === null || base.endsWith("/")) return false;
    return found.has(base) || this.#positions.ofPath(base).length > 0;
  }

  /** By itself, so that it goes on when reading does not. */
  async #watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleepUnlessAborted(this.#deps.clock, WATCH_EVERY_MS, signal);
      if (signal.aborted) return;
      await this.#measure();
    }
  }

  async #measure(): Promise<void> {
    let [bytes, seconds, stalledFiles] = [0, 0, 0];
    for (const lag of await this.lags()) {
      bytes += lag.bytes;
      seconds = Math.max(seconds, lag.seconds);
      if (lag.unreadSeconds * 1000 >= this.#options.stalledAfterMs) stalledFiles += 1;
    }
    this.#report.lags({ bytes, seconds, stalledFiles });
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
