import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { type Labels, labelsRecord } from "../../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import type { Logger } from "../../../shared/platform/ports.ts";
import type { BackgroundSource } from "../background.ts";
import { gauge, type SeriesSpec } from "../collector.ts";
import { backgroundEntry, type CollectorEntry } from "../collector-entry.ts";
import { hostPath } from "../context.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";
import type { Reading } from "../kit/reading.ts";
import { parseTextFormat, type TextFamily, type TextType } from "./text-format.ts";

const DEFAULT_DIRECTORY = "/var/lib/prometheus/node-exporter";
const FILES_MAX = 200;
const FILE_BYTES_MAX = 1024 * 1024;
const SERIES_MAX = 20_000;

const SCRAPE_ERROR = gauge(
  "node_textfile_scrape_error",
  "Whether a text file or the directory could not be read, or was refused.",
);
const MTIME = gauge("node_textfile_mtime_seconds", "When the text file was last written.", 3);

/** Names that only the agent itself may give. */
const RESERVED = /^(?:node_textfile_|node_scrape_collector_|telltale_|container_|machine_|up$)/;

export type TextfileOptions = {
  /** As the host sees it; the default one need not exist. */
  readonly directory?: string | undefined;
  /** Whether a collector of ours gives this metric: a file with such a metric is refused. */
  readonly isTaken?: (metric: string) => boolean;
  readonly logger?: Logger | undefined;
};

/** Metrics that other programs leave in `*.prom` files. */
export function textfileCollector(options: TextfileOptions = {}): CollectorEntry {
  return backgroundEntry("textfile", (context) => textfileSource(hostPath(context, "/"), options));
}

export function textfileSource(root: string, options: TextfileOptions): BackgroundSource {
  const directory = options.directory ?? DEFAULT_DIRECTORY;
  const host = root.replace(/\/$/, "");
  let known: Refusals = new Map();
  return {
    name: "textfile",
    seriesMax: SERIES_MAX,
    read: async (files, reading) => {
      const names = await files.devices(`${host}${directory}`, FILES_MAX);
      if (names === null && options.directory === undefined) return;
      const refused = new Map<string, string>();
      if (names === null) refused.set(directory, "Not there, or may not be read");
      if (files.overLimit > 0) refused.set(directory, `More than ${FILES_MAX} names`);
      const taken = new TakenMetrics(options.isTaken);
      for (const name of names ?? []) {
        if (!name.endsWith(".prom")) continue;
        const path = `${directory}/${name}`;
        const found = await readFile(`${host}${path}`, files);
        const reason = takeFile(found, path, taken, reading);
        if (reason !== null) refused.set(path, reason);
      }
      reading.set(SCRAPE_ERROR, {}, refused.size === 0 ? 0 : 1);
      reportRefusals(refused, known, options.logger);
      known = refused;
    },
  };
}

/** What is wrong with a file or the directory, by path. */
type Refusals = ReadonlyMap<string, string>;

/** Only what is not as it was known. */
function reportRefusals(refused: Refusals, known: Refusals, logger: Logger | undefined): void {
  for (const [file, error] of refused) {
    if (known.get(file) !== error) logger?.warn({ file, error }, "text file refused");
  }
  for (const file of known.keys()) {
    if (!refused.has(file)) logger?.info({ file }, "text file no longer refused");
  }
}

type TextFile = { readonly bytes: Uint8Array; readonly mtimeMs: number };

/** Null: the file is gone since it was listed. A text says why it cannot be read. */
async function readFile(path: string, files: BackgroundFiles): Promise<TextFile | string | null> {
  const { unreadable, overLimit } = files;
  const found = await files.file(path, FILE_BYTES_MAX);
  if (files.unreadable > unreadable) return "May not be read";
  return files.overLimit > overLimit ? `Larger than ${FILE_BYTES_MAX} bytes` : found;
}

/** Returns what is wrong; null: nothing. A file that has a fault anywhere has no series. */
function takeFile(
  file: TextFile | string | null,
  path: string,
  taken: TakenMetrics,
  reading: Reading,
): string | null {
  if (file === null) return null;
  const before = reading.malformed + reading.overflow + reading.duplicates;
  try {
    if (typeof file === "string") throw new OperationalError("UNAVAILABLE", file);
    const families = parseTextFormat(file.bytes);
    taken.add(families);
    for (const family of families) setFamily(family, reading);
    reading.set(MTIME, { file: path }, Math.round(file.mtimeMs));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    reading.malformed += 1;
    return errorMessage(error);
  }
  if (reading.malformed + reading.overflow + reading.duplicates === before) return null;
  return `Series left out: another file has them, or they are over ${SERIES_MAX}`;
}

/** The metrics of our own collectors and of the files read before. */
class TakenMetrics {
  readonly #isOurs: (metric: string) => boolean;
  readonly #types = new Map<string, TextType>();

  constructor(isOurs: (metric: string) => boolean = () => false) {
    this.#isOurs = isOurs;
  }

  /** All of them or none. @throws OperationalError IN_USE */
  add(families: readonly TextFamily[]): void {
    for (const { name, type, samples } of families) {
      const known = this.#types.get(name);
      if (known !== undefined && known !== type) {
        throw new OperationalError(
          "IN_USE",
          `${name} is a ${known} in another file, not a ${type}`,
        );
      }
      for (const metric of new Set([name, ...samples.map((sample) => sample.name)])) {
        if (!RESERVED.test(metric) && !this.#isOurs(metric)) continue;
        throw new OperationalError("IN_USE", `${metric} is a metric of the agent's own`);
      }
    }
    for (const { name, type } of families) this.#types.set(name, type);
  }
}

function setFamily(family: TextFamily, reading: Reading): void {
  const specs = new Map<string, SeriesSpec>();
  for (const { name, labels, value } of family.samples) {
    const spec = specs.get(name) ?? specOf(family, name);
    specs.set(name, spec);
    reading.set(spec, renamed(labels), value);
  }
}

function specOf({ name: family, type, help }: TextFamily, name: string): SeriesSpec {
  const isCounter = type === "counter" || name !== family;
  const text = help === "" ? "From a text file." : help;
  return { name, type: isCounter ? "counter" : "gauge", help: text, scale: DOUBLE_SCALE };
}

/** Labels that say whose series it is are ours: what a file says of them keeps another name. */
function renamed(labels: Labels): Record<string, string> {
  const renamed = labelsRecord(labels);
  for (const name of ["instance", "job"]) {
    const value = renamed[name];
    if (value === undefined) continue;
    delete renamed[name];
    let free = `exported_${name}`;
    while (free in renamed) free = `exported_${free}`;
    renamed[free] = value;
  }
  return renamed;
}
