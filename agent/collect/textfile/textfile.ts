import { OperationalError } from "../../../shared/errors.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { BackgroundCollector, type BackgroundSource, type Reading } from "../background.ts";
import { gauge, type SeriesSpec } from "../collector.ts";
import type { CollectorEntry } from "../collector-entry.ts";
import { hostPath } from "../context.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";
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
  readonly directory?: string;
  /** Whether a collector of ours gives this metric: a file with such a metric is refused. */
  readonly isTaken?: (metric: string) => boolean;
};

/** Metrics that other programs leave in `*.prom` files. */
export function textfileCollector(options: TextfileOptions = {}): CollectorEntry {
  return {
    name: "textfile",
    isOnByDefault: true,
    intervalMs: 0,
    isSheddable: true,
    create: (context) => {
      const root = hostPath(context, "/");
      return new BackgroundCollector(context, textfileSource(root, options));
    },
  };
}

export function textfileSource(root: string, options: TextfileOptions): BackgroundSource {
  const directory = options.directory ?? DEFAULT_DIRECTORY;
  const isTaken = options.isTaken ?? (() => false);
  const host = root.replace(/\/$/, "");
  return {
    name: "textfile",
    seriesMax: SERIES_MAX,
    read: async (files, reading) => {
      const names = await files.devices(`${host}${directory}`, FILES_MAX);
      if (names === null && options.directory === undefined) return;
      const taken = new Map<string, TextType | "ours">();
      let isError = names === null;
      for (const name of names ?? []) {
        if (!name.endsWith(".prom")) continue;
        const path = `${directory}/${name}`;
        const outcome = await readFamilies(`${host}${path}`, files);
        if (outcome === null) continue;
        const isGood = outcome !== "refused" && !collides(outcome.families, taken, isTaken);
        if (isGood) isError = !setFile(outcome, path, reading) || isError;
        else {
          isError = true;
          reading.malformed += 1;
        }
      }
      reading.set(SCRAPE_ERROR, {}, isError ? 1 : 0);
    },
  };
}

type GoodFile = { readonly families: readonly TextFamily[]; readonly mtimeMs: number };

/** null: the file is gone since it was listed. */
async function readFamilies(
  path: string,
  files: BackgroundFiles,
): Promise<GoodFile | "refused" | null> {
  const before = files.unreadable + files.overLimit;
  const found = await files.file(path, FILE_BYTES_MAX);
  if (found === null) return files.unreadable + files.overLimit > before ? "refused" : null;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(found.bytes);
    return { families: parseTextFormat(text), mtimeMs: found.mtimeMs };
  } catch (error) {
    // TypeError: not UTF-8.
    if (error instanceof OperationalError || error instanceof TypeError) return "refused";
    throw error;
  }
}

/** Whether a metric is ours, or has another type in a file before. Else, notes them all. */
function collides(
  families: readonly TextFamily[],
  taken: Map<string, string>,
  isTaken: (metric: string) => boolean,
): boolean {
  for (const { name, type, samples } of families) {
    const known = taken.get(name);
    if (known !== undefined && known !== type) return true;
    const metrics = new Set([name, ...samples.map((sample) => sample.name)]);
    for (const metric of metrics) if (RESERVED.test(metric) || isTaken(metric)) return true;
  }
  for (const { name, type } of families) taken.set(name, type);
  return false;
}

/** False when another file gave one of the series already. */
function setFile({ families, mtimeMs }: GoodFile, path: string, reading: Reading): boolean {
  const before = reading.malformed + reading.overflow + reading.duplicates;
  for (const family of families) {
    const specs = new Map<string, SeriesSpec>();
    for (const { name, labels, value } of family.samples) {
      const spec = specs.get(name) ?? specOf(family, name);
      specs.set(name, spec);
      reading.set(spec, sorted(labels), value);
    }
  }
  reading.set(MTIME, { file: path }, Math.round(mtimeMs));
  return reading.malformed + reading.overflow + reading.duplicates === before;
}

function specOf({ name: family, type, help }: TextFamily, name: string): SeriesSpec {
  const isCounter = type === "counter" || name !== family;
  const text = help === "" ? "From a text file." : help;
  return { name, type: isCounter ? "counter" : "gauge", help: text, scale: DOUBLE_SCALE };
}

/** Labels that say whose series it is are ours: what a file says of them keeps another name. */
function sorted(labels: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const renamed = entries.map(([name, value]) => [
    OWN.has(name) ? `exported_${name}` : name,
    value,
  ]);
  return Object.fromEntries(renamed);
}

const OWN = new Set(["job", "instance"]);
