import { newShapeCounts } from "../../agent/logs/shape/shape-counts.ts";
import {
  JOIN_DEFAULTS,
  LINE_BYTES_MAX,
  type ShapeOptions,
} from "../../agent/logs/shape/shape-options.ts";
import { createShaper } from "../../agent/logs/shape/shaper.ts";
import type { Cursor, FileSource, LineSink, SourcedLines } from "../../agent/logs/tail/ports.ts";
import type { Loss } from "../../agent/logs/tail/tail-report.ts";
import { TAIL_DEFAULTS, Tailer } from "../../agent/logs/tail/tailer.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { Metrics } from "../../shared/telemetry/metrics.ts";
import { splitLines } from "./line-splitter.ts";
import { MemoryFiles } from "./memory-files.ts";
import { MemoryLogger } from "./memory-logger.ts";
import { pairUp } from "./pair-up.ts";
import { SeededRandom } from "./random.ts";

const DIRECTORY = "/var/log/app";
/** Rotated files that are kept of a log. */
const KEPT = 8;
const STYLES = [
  "rename",
  "delayed-gzip",
  "gzip",
  "copytruncate",
  "copytruncate-gzip",
  "dates",
] as const;
/** In "windows" programs write between the copy and the truncation. */
export type WorldKind = "saveable" | "windows";
type Style = (typeof STYLES)[number];

const SHAPE: ShapeOptions = {
  lineBytesMax: LINE_BYTES_MAX,
  encoding: null,
  join: JOIN_DEFAULTS,
  masker: null,
  counts: newShapeCounts(),
};

const START_MS = 1_767_700_800_000;

class Crash extends Error {}

type Written = {
  readonly generation: number;
  readonly start: number;
  readonly end: number;
  /** When its last byte was written, as the kernel has it. */
  atMs: number;
};
type Truncated = { readonly generation: number; readonly size: number; readonly atMs: number };

/** A program with a log, and what rotates it. */
class Writer {
  readonly path: string;
  readonly style: Style;
  readonly lines = new Map<number, Written>();
  readonly #files: MemoryFiles;
  readonly #random: SeededRandom;
  readonly #kind: WorldKind;
  readonly #hasBanner: boolean;
  #generation = 0;
  #hold: ReturnType<MemoryFiles["hold"]>;
  #partial = "";
  #partialBefore = "";
  /** It writes to a file that was renamed. */
  #isStale = false;
  #copied = false;
  readonly truncations: Truncated[] = [];
  #staleSinceMs = 0;
  #compressing: string | null = null;
  #rotations = 0;
  isDelivered: (seq: number) => boolean = () => false;
  trace: (text: string) => void = () => {};
  /** Which generation each rotated file holds. */
  readonly #generationAt = new Map<string, number>();

  constructor(files: MemoryFiles, random: SeededRandom, kind: WorldKind, style: Style, n: number) {
    this.path = `${DIRECTORY}/${style}-${"abc"[n]}.log`;
    this.style = style;
    this.#files = files;
    this.#random = random;
    this.#kind = kind;
    this.#hasBanner = random.chance(0.3);
    files.create(this.path);
    this.#hold = files.hold(this.path);
    this.#banner();
    this.#write();
    this.goOn(0);
    this.goOn(0);
  }

  act(): void {
    if (this.#copied && (this.#kind === "saveable" || this.#random.chance(0.6))) this.#truncate();
    else if (this.#partial !== "" || this.#random.chance(0.7)) this.#write();
    else if (this.#compressing !== null) this.#finishCompressing();
    else if (this.#isStale) this.reopen();
    else if (this.#random.chance(0.6)) this.#rotate();
    else this.#compress();
  }

  /** Lets what was begun come to its end. */
  finish(): void {
    if (this.#copied) this.#truncate();
    if (this.#partial !== "") this.#write();
    if (this.#isStale) this.reopen();
    if (this.#compressing !== null) this.#finishCompressing();
  }

  /** No program leaves a line half written, or writes to a file that was renamed, for long. */
  goOn(nowMs: number): void {
    if (this.#partial === "" || this.#partial !== this.#partialBefore) {
      this.#partialBefore = this.#partial;
    } else this.#write();
    if (!this.#isStale) this.#staleSinceMs = nowMs;
    else if (nowMs - this.#staleSinceMs > TAIL_DEFAULTS.quietMs / 2) {
      if (this.#partial !== "") this.#write();
      this.reopen();
    }
  }

  reopen(): void {
    this.trace(`leaves ${this.#generation} at ${this.#hold.size()}`);
    this.#hold.release();
    this.#hold = this.#files.hold(this.path);
    this.#isStale = false;
    this.#generation += 1;
    this.#banner();
  }

  /**
   * All files of a program may begin alike: for longer than the head that is compared where files are
   * renamed. Of copies of such files it is not always possible to say which is which.
   */
  #banner(): void {
    if (!this.#hasBanner) return;
    const length = this.style.startsWith("copytruncate") ? 300 : 1200;
    const banner = `# ${this.style} ${"=".repeat(length)}\n`;
    this.#hold.append(banner + this.#line(this.#hold.size() + banner.length));
  }

  #line(start: number): string {
    const seq = this.lines.size;
    const pad = "x".repeat(this.#random.int(0, this.#random.chance(0.1) ? 900 : 30));
    const line = `${this.#generation} ${seq} ${pad}\n`;
    const [generation, end] = [this.#generation, start + line.length];
    this.lines.set(seq, { generation, start, end, atMs: this.#files.stampMs() });
    return line;
  }

  #write(): void {
    if (this.#partial !== "") {
      this.#hold.append(this.#partial);
      this.#partial = "";
      const last = this.lines.get(this.lines.size - 1);
      if (last !== undefined) last.atMs = this.#files.stampMs();
      return;
    }
    for (let n = this.#random.int(1, 6); n > 0; n -= 1) {
      const line = this.#line(this.#hold.size());
      if (n === 1 && !this.#copied && this.#random.chance(0.2)) {
        const cut = this.#random.int(1, line.length - 1);
        this.#hold.append(line.slice(0, cut));
        this.#partial = line.slice(cut);
      } else this.#hold.append(line);
    }
  }

  #rotate(): void {
    if (this.#copied || !this.#makeRoom()) return;
    this.trace(`rotates ${this.#generation} at ${this.#hold.size()}`);
    const to = this.#rotatedPath(1);
    this.#generationAt.set(to, this.#generation);
    if (this.style.startsWith("copytruncate")) {
      this.#files.create(to, this.#files.contentOf(this.path));
      this.#copied = true;
      return;
    }
    this.#files.rename(this.path, to);
    this.#files.create(this.path);
    this.#isStale = true;
    if (this.#random.chance(0.5)) this.reopen();
    if (this.style === "gzip" && !this.#isStale) this.#compress();
  }

  #truncate(): void {
    this.#copied = false;
    this.trace(`truncates ${this.#generation} at ${this.#hold.size()}`);
    const atMs = this.#files.stampMs();
    this.truncations.push({ generation: this.#generation, size: this.#hold.size(), atMs });
    this.#files.truncate(this.path);
    this.#generation += 1;
    this.#banner();
  }

  /** Shifts the files that are there; false when one would go that is not read yet. */
  #makeRoom(): boolean {
    const paths = this.#rotatedPaths();
    const oldest = paths[KEPT - 1];
    if (oldest !== undefined) {
      const generation = this.#generationAt.get(oldest.replace(/\.gz$/, ""));
      for (const [seq, line] of this.lines) {
        if (line.generation === generation && !this.isDelivered(seq)) return false;
      }
      this.#files.unlink(oldest);
    }
    this.#rotations += 1;
    if (this.style === "dates") return true;
    for (let n = KEPT - 1; n >= 1; n -= 1) {
      const [from, to] = [this.#rotatedPath(n), this.#rotatedPath(n + 1)];
      for (const ending of ["", ".gz"]) {
        if (this.#files.has(from + ending)) this.#files.rename(from + ending, to + ending);
      }
      this.#generationAt.set(to, this.#generationAt.get(from) ?? -1);
    }
    return true;
  }

  /** Newest first. */
  #rotatedPaths(): string[] {
    const last = this.style === "dates" ? this.#rotations : KEPT;
    const numbers = Array.from({ length: last + 1 }, (_, n) => n);
    if (this.style === "dates") numbers.reverse();
    return numbers
      .flatMap((n) => [this.#pathOf(n), `${this.#pathOf(n)}.gz`])
      .filter((path) => this.#files.has(path));
  }

  #rotatedPath(n: number): string {
    return this.style === "dates" ? this.#pathOf(this.#rotations) : this.#pathOf(n);
  }

  #pathOf(n: number): string {
    return this.style === "dates"
      ? `${this.path}-2026${String(n).padStart(4, "0")}`
      : `${this.path}.${n}`;
  }

  #compress(): void {
    if (this.#isStale || this.#copied || !this.style.includes("gzip")) return;
    const nth = this.style === "delayed-gzip" ? 2 : 1;
    const path = this.#rotatedPath(nth);
    if (!this.#files.has(path)) return;
    this.trace(`compresses ${path}`);
    this.#files.gzipTo(path, `${path}.gz`);
    const whole = this.#files.contentOf(`${path}.gz`);
    this.#files.create(`${path}.gz`, whole.subarray(0, this.#random.int(0, whole.length)));
    this.#compressing = path;
  }

  #finishCompressing(): void {
    const path = this.#compressing ?? "";
    this.#compressing = null;
    this.trace(`compressed ${path}`);
    this.#files.gzipTo(path, `${path}.gz`);
    this.#files.unlink(path);
  }
}

/** Machine, programs, tailer and sink in one process; the seed decides what happens. */
export class TailWorld {
  readonly #random: SeededRandom;
  readonly #kind: WorldKind;
  /** Lines wait in the shaper for those that may belong to them. */
  readonly #isJoined: boolean;
  readonly #files: MemoryFiles;
  readonly #writers: readonly Writer[];
  readonly #logger = new MemoryLogger();
  readonly #stored: { path: string; text: string }[] = [];
  readonly #delivered = new Map<string, Set<number>>();
  readonly #cursors = new Map<string, Uint8Array>();
  #nowMs = START_MS;
  #tailer: Tailer;
  #canCrash = true;
  #isQuiet = false;
  crashes = 0;

  constructor(seed: number | string, kind: WorldKind) {
    this.#random = new SeededRandom(`tail ${kind} ${seed}`);
    this.#isJoined = this.#random.chance(0.5);
    this.#kind = kind;
    this.#files = new MemoryFiles(() => this.#nowMs);
    const styles = kind === "windows" ? STYLES.filter((s) => s.startsWith("copy")) : STYLES;
    this.#writers = [0, 1, 2].map((n) => {
      const random = this.#random.fork(`writer ${n}`);
      return new Writer(this.#files, random, kind, random.pick(styles), n);
    });
    for (const writer of this.#writers) {
      const delivered = new Set<number>();
      this.#delivered.set(writer.path, delivered);
      writer.trace = (text) => this.#note(`${writer.path.slice(-5)} ${text}`);
      writer.isDelivered = (seq) => delivered.has(seq);
    }
    this.#files.beforeCall = () => this.#happen();
    this.#tailer = this.#start();
  }

  /** What does not hold after a run; empty when all is well. */
  async run(looks: number): Promise<string[]> {
    for (let n = 0; n < looks; n += 1) await this.#lookOrCrash();
    this.#canCrash = false;
    this.#isQuiet = true;
    for (const writer of this.#writers) writer.finish();
    for (let n = 0; n < 15; n += 1) await this.#lookOrCrash();
    return this.#violations();
  }

  async #lookOrCrash(): Promise<void> {
    this.#nowMs += this.#random.int(1, this.#isQuiet ? 5000 : 1500);
    this.#note("look");
    for (const writer of this.#writers) writer.goOn(this.#nowMs);
    try {
      await this.#tailer.look();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.crashes += 1;
      this.#note("crash");
      this.#files.closeAll();
      this.#files.beforeCall = () => {};
      const downFor = this.#random.int(0, this.#random.chance(0.3) ? 120 : 10);
      for (let n = 0; n < downFor; n += 1) {
        this.#nowMs += this.#random.int(0, 2000);
        this.#act();
      }
      this.#files.beforeCall = () => this.#happen();
      this.#tailer = this.#start();
    }
  }

  /** What happened, for whoever looks into a seed. */
  readonly trace: string[] = [];

  #note(text: string): void {
    this.trace.push(`${this.#nowMs - START_MS} ${text}`);
  }

  #happen(): void {
    if (this.#isQuiet || this.#stored.length === 0) return;
    if (this.#canCrash && this.#random.chance(0.0015)) throw new Crash();
    if (this.#random.chance(0.05)) this.#act();
  }

  #act(): void {
    this.#random.pick(this.#writers).act();
  }

  #start(): Tailer {
    const clock: Clock = {
      nowMs: () => this.#nowMs,
      monotonicMs: () => this.#nowMs,
      sleep: async () => {},
    };
    const source: FileSource = {
      name: "app",
      include: [`${DIRECTORY}/*`],
      exclude: [],
      labels: (path): Labels => ["filename", path],
      createShaper: (startOffset, emit) =>
        this.#isJoined
          ? createShaper("plain", SHAPE, startOffset, emit)
          : splitLines(startOffset, emit),
    };
    const cursors: Cursor[] = [...this.#cursors].map(([key, value]) => ({ key, value }));
    const options = { ...TAIL_DEFAULTS, firstStart: "start" as const };
    const logger = this.#logger;
    const deps = { files: this.#files, sink: this.#sink(), clock, logger, metrics: new Metrics() };
    return new Tailer(deps, [source], { ...options, turnBytesMax: 2000 }, cursors);
  }

  #sink(): LineSink {
    return {
      append: async (lines, cursors) => {
        const isCrash = this.#canCrash && this.#stored.length > 0 && this.#random.chance(0.06);
        if (isCrash && this.#random.chance(0.5)) throw new Crash();
        this.#store(lines, cursors);
        if (isCrash) throw new Crash();
      },
    };
  }

  #store(lines: SourcedLines, cursors: readonly Cursor[]): void {
    for (const { labels, bytes } of lines) {
      this.#note(`${labels[1]} > ${Buffer.from(bytes).toString().slice(0, 12)}`);
      const [path, text] = [labels[1] ?? "", Buffer.from(bytes).toString()];
      this.#stored.push({ path, text });
      if (!text.startsWith("#")) this.#delivered.get(path)?.add(Number(text.split(" ")[1]));
    }
    for (const { key, value } of cursors) {
      this.#note(
        `${lines.length} lines, ${key} ${value === null ? "" : Buffer.from(value).toString()}`,
      );
      if (value === null) this.#cursors.delete(key);
      else this.#cursors.set(key, Buffer.from(value));
    }
  }

  #violations(): string[] {
    const found = this.#writers.flatMap((writer) => this.#violationsOf(writer));
    const errors = this.#logger.lines.filter(({ level }) => level === "error");
    const files = [...this.#cursors.keys()].filter((key) => key.startsWith("file/")).length;
    if (files > 3 * (KEPT + 3)) found.push(`${files} cursors are kept`);
    if (this.#files.openCount > 3) found.push(`${this.#files.openCount} files are open`);
    return [...found, ...errors.map(({ message }) => message)];
  }

  #violationsOf({ path, style, lines, truncations }: Writer): string[] {
    const found: string[] = [];
    const seen = new Set<number>();
    let last = -1;
    for (const { path: from, text } of this.#stored) {
      if (from !== path || text.startsWith("#")) continue;
      const [generation = -1, seq = -1] = text.split(" ").map(Number);
      if (lines.get(seq)?.generation !== generation) found.push(`${style}: no such line: ${text}`);
      if (seen.has(seq)) found.push(`${style}: line ${seq} comes twice`);
      seen.add(seq);
      if (last > seq) found.push(`${style}: line ${seq} comes too late`);
      last = seq;
    }
    const missing = [...lines].filter(([seq]) => !seen.has(seq));
    const losses = this.#lossesOf(path);
    const unexplained =
      this.#kind === "saveable"
        ? [
            ...missing
              .slice(0, 1)
              .map(
                ([seq, line]) =>
                  `${missing.length} lines are missing, first ${seq} of ${line.generation} at ${line.start}`,
              ),
            ...losses
              .map(({ bytesSeen, fromOffset }) =>
                bytesSeen > 0 ? `lost ${bytesSeen} at ${fromOffset}` : "",
              )
              .filter((t) => t !== ""),
          ]
        : unexplainedIn(
            missing.map(([, line]) => line),
            [...lines.values()],
            truncations,
            losses,
          );
    return [...found, ...unexplained.map((text) => `${style}: ${text}`)];
  }

  #lossesOf(path: string): Loss[] {
    return this.#logger.lines.flatMap(({ fields }) => {
      const loss = fields as Loss;
      return loss.path === path && loss.fromOffset !== undefined ? [loss] : [];
    });
  }
}

/**
 * Of a file that was truncated lines may be missing: those of one loss, which are all from its place
 * to the end of the file. They are in the bytes that it counts, or were written in its window.
 */
function unexplainedIn(
  missing: readonly Written[],
  lines: readonly Written[],
  truncations: readonly Truncated[],
  losses: readonly Loss[],
): string[] {
  const found: string[] = [];
  // A crash may have it reported again, of a later time.
  const once = new Map(losses.map((loss) => [`${loss.fromOffset} ${loss.fromMs}`, loss]));
  const mostFirst = [...once.values()].sort((a, b) => b.bytesSeen - a.bytesSeen);
  const lacksLines = ({ generation }: Truncated) =>
    missing.some((line) => line.generation === generation);
  const [lacking, whole] = [
    truncations.filter(lacksLines),
    truncations.filter((one) => !lacksLines(one)),
  ];
  const explained = pairUp([...lacking, ...whole], mostFirst, (one, loss) => {
    return isExplainedBy(one, lines, missing, loss);
  });
  const withLoss = new Set(explained.values());
  for (const one of lacking) {
    if (!withLoss.has(one)) found.push(`${one.generation} lacks lines without a loss`);
  }
  const truncated = new Set(truncations.map(({ generation }) => generation));
  const others = missing.filter(({ generation }) => !truncated.has(generation)).length;
  if (others > 0) found.push(`${others} lines are missing of files that were not truncated`);
  for (const loss of once.values()) {
    if (loss.bytesSeen === 0 || explained.has(loss)) continue;
    found.push(`${loss.bytesSeen} bytes at ${loss.fromOffset} are not lost`);
  }
  return found;
}

function isExplainedBy(
  { generation, size, atMs }: Truncated,
  lines: readonly Written[],
  missing: readonly Written[],
  { fromOffset, bytesSeen, fromMs, untilMs }: Loss,
): boolean {
  const isOfIt = (line: Written) => line.generation === generation;
  const from = Math.min(size, ...missing.filter(isOfIt).map(({ start }) => start));
  const [before, after] = [
    lines.findLast((line) => isOfIt(line) && line.start < from),
    lines.filter((line) => isOfIt(line) && line.start >= from),
  ];
  return (
    fromMs <= atMs &&
    atMs <= untilMs &&
    fromOffset <= from &&
    fromOffset > (before?.start ?? -1) &&
    fromOffset + bytesSeen <= size &&
    after.length === missing.filter(isOfIt).length &&
    after.every((line) => line.end <= fromOffset + bytesSeen || line.atMs >= fromMs)
  );
}
