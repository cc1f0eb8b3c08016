/**
 * The logs of this machine, from their bytes to blocks in the queue: files found (containers/) and
 * followed (tail/), the journal read (journal/), made into lines (shape/), and durable in one batch
 * with where reading goes on after them.
 */
import { type Labels, labelsOf } from "../../shared/model/labels.ts";
import type { Clock, Logger, Random } from "../../shared/platform/ports.ts";
import type { Metrics } from "../../shared/telemetry/metrics.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { compilePatterns } from "./compile-patterns.ts";
import { containerLogs } from "./containers/container-sources.ts";
import { JournalReader } from "./journal/journal-reader.ts";
import type { RunJournalctl } from "./journal/journalctl.ts";
import { encodingOf } from "./shape/encoding.ts";
import { JOIN_DEFAULTS, type ShapeOptions } from "./shape/shape-options.ts";
import { createShaper } from "./shape/shaper.ts";
import { ShapeReport } from "./shape-report.ts";
import { expandBraces } from "./tail/glob.ts";
import type { Cursor, FileSource, LogFiles, SourcedLines } from "./tail/ports.ts";
import { TAIL_DEFAULTS, Tailer } from "./tail/tailer.ts";
import { createMasker } from "./text-mask.ts";

/** Files that are read alike. Patterns of text are in re2js' syntax. */
export type LogFileGroup = {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly join: boolean;
  readonly first_line: string | null;
};

type LogReadingOptions = {
  readonly containers: boolean;
  readonly journal: boolean;
  readonly files: readonly LogFileGroup[];
  readonly line_bytes_max: number;
  readonly mask: boolean;
  readonly mask_rules: readonly { readonly name: string; readonly pattern: string }[];
};

/** Where lines go. Calls come one after the other. */
type LineStore = {
  append(lines: SourcedLines, cursors: readonly Cursor[], signal: AbortSignal): Promise<void>;
  cursors(): Promise<ReadonlyMap<string, Uint8Array>>;
};

type LogReadingDeps = {
  readonly files: LogFiles;
  readonly store: LineStore;
  readonly journalctl: RunJournalctl;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/** What every line has that no pattern of files says otherwise of. */
const JOB = "files";

/** @throws OperationalError CONFIG for a pattern of files that is none */
export function requireGoodPatterns(groups: readonly LogFileGroup[]): void {
  for (const { include, exclude } of groups) {
    for (const pattern of [...include, ...exclude]) expandBraces(pattern);
  }
}

/** What is read as it is: nobody says more of it. */
const JOINED = { join: true, first_line: null };

/**
 * Reads until the signal is aborted.
 * @param node its labels, on every line, and where it is read: "/" but in a container
 */
export async function readLogs(
  options: LogReadingOptions,
  node: { readonly labels: Readonly<Record<string, string>>; readonly hostRoot: string },
  deps: LogReadingDeps,
  signal: AbortSignal,
): Promise<void> {
  const { store, metrics } = deps;
  const report = new ShapeReport(metrics);
  const shapes = await shapesOf(options, report);
  const common = { ...node, shape: shapes(JOINED) };
  const needsNames = options.containers || options.journal;
  const containers = needsNames ? await containerLogs(deps, common) : null;
  const own = options.files.map((group) => sourceOf(group, node.labels, shapes(group)));
  const appends = new SerialQueue();
  const sink = {
    append: async (lines: SourcedLines, cursors: readonly Cursor[]) => {
      await appends.run(() => store.append(lines, cursors, signal));
      report.show();
    },
  };
  const known = [...(await store.cursors())].map(([key, value]) => ({ key, value }));
  const reading = { ...deps, sink };
  const sources = [...own, ...(options.containers ? (containers?.sources ?? []) : [])];
  const runs = [new Tailer(reading, sources, TAIL_DEFAULTS, known).run(signal)];
  if (options.journal) {
    const findContainer = (id: string, name: string) => containers?.names.find(id, name) ?? null;
    const journal = new JournalReader({ ...reading, findContainer }, common, known);
    runs.push(journal.run(signal));
  }
  await Promise.all(runs);
}

/** What is done to the lines of a group. */
async function shapesOf(
  { files, line_bytes_max: lineBytesMax, ...masking }: LogReadingOptions,
  { counts }: ShapeReport,
): Promise<(group: Pick<LogFileGroup, "join" | "first_line">) => ShapeOptions> {
  const compiled = await compilePatterns(files.flatMap(({ first_line }) => first_line ?? []));
  const masker = await createMasker(masking, counts);
  return ({ join, first_line }) => {
    const firstLine = compiled.get(first_line ?? "") ?? null;
    const joined = { ...JOIN_DEFAULTS, bytesMax: lineBytesMax, firstLine };
    return { lineBytesMax, encoding: null, join: join ? joined : null, masker, counts };
  };
}

function sourceOf(
  { include, exclude, labels: own }: LogFileGroup,
  labels: Readonly<Record<string, string>>,
  shape: ShapeOptions,
): FileSource {
  return {
    name: include.join(),
    include,
    exclude,
    labels: (filename): Labels => labelsOf({ job: JOB, ...labels, ...own, filename }),
    createShaper: (startOffset, emit, head) => {
      // Only at the beginning does a shaper see itself how the file is written.
      const encoding = startOffset > 0 ? encodingOf(head) : null;
      return createShaper("plain", { ...shape, encoding }, startOffset, emit);
    },
  };
}
