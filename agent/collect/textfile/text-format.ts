import { parseGoNumber } from "../../../shared/model/go-number.ts";
import { type Labels, labelPairs, labelsKey, labelValue } from "../../../shared/model/labels.ts";
import { ExpositionReader } from "../../exposition/exposition-reader.ts";

export type TextType = "counter" | "gauge" | "histogram" | "summary" | "untyped";

type TextSample = {
  /** With the suffix, such as `_bucket`, that histograms and summaries have. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
};

export type TextFamily = {
  readonly name: string;
  readonly type: TextType;
  readonly help: string;
  readonly samples: readonly TextSample[];
};

const LIMITS = { samplesMax: 5000, labelsMax: 32, nameBytesMax: 200, valueBytesMax: 1024 };
const HELP_CHARACTERS_MAX = 1024;

const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const SUFFIXES: Readonly<Partial<Record<TextType, readonly string[]>>> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["_sum", "_count"],
};

type OpenFamily = {
  name: string;
  type: TextType | null;
  help: string | null;
  samples: TextSample[];
};

/**
 * The families of a text file, strictly: of a file that has a fault anywhere nothing is taken, and
 * its last line has to be complete, or it was still being written. Timestamps are refused, as
 * node_exporter does.
 * @throws OperationalError PARSE, LIMIT; both with the line's number
 */
export function parseTextFormat(bytes: Uint8Array): TextFamily[] {
  const reader = new ExpositionReader(LIMITS);
  reader.start(bytes, "file");
  const families = new Families(reader);
  for (;;) {
    switch (reader.next()) {
      case "sample":
        families.addSample();
        break;
      case "HELP":
        families.addHelp();
        break;
      case "TYPE":
        families.addType();
        break;
      case "end":
        return families.result();
      case "UNIT":
        break; // only OpenMetrics has it
    }
  }
}

/** Puts each line where the reader stands into its family. */
class Families {
  readonly #reader: ExpositionReader;
  readonly #families = new Map<string, OpenFamily>();
  readonly #seen = new Set<string>();

  constructor(reader: ExpositionReader) {
    this.#reader = reader;
  }

  result(): TextFamily[] {
    return [...this.#families.values()]
      .filter(({ samples }) => samples.length > 0)
      .map(({ type, help, ...rest }) => ({ ...rest, type: type ?? "untyped", help: help ?? "" }));
  }

  addHelp(): void {
    const reader = this.#reader;
    const family = this.#family(reader.name());
    if (family.help !== null) throw reader.fault(`second HELP of ${family.name}`);
    family.help = reader.text().slice(0, HELP_CHARACTERS_MAX);
  }

  addType(): void {
    const reader = this.#reader;
    const family = this.#family(reader.name());
    const type = reader.text().replace(/[ \t]+$/, "");
    if (!isType(type)) throw reader.fault(`unknown type ${JSON.stringify(type.slice(0, 50))}`);
    if (family.type !== null) throw reader.fault(`second TYPE of ${family.name}`);
    if (family.samples.length > 0) throw reader.fault(`TYPE of ${family.name} behind its samples`);
    family.type = type;
  }

  addSample(): void {
    const reader = this.#reader;
    const name = reader.name();
    const labels = reader.labels();
    if (!Number.isNaN(reader.timestampMs)) throw reader.fault(`${name} has a timestamp`);
    const own = labelPairs(labels).find(([label]) => label.startsWith("__"));
    if (own !== undefined) throw reader.fault(`label ${own[0]} is not for files`);
    const family = this.#familyOf(name);
    this.#checkSpecialLabels(family, name, labels);
    const key = `${name} ${labelsKey(labels)}`;
    if (this.#seen.has(key)) throw reader.fault(`${name} has the same labels twice`);
    this.#seen.add(key);
    family.samples.push({ name, labels, value: reader.value });
  }

  #checkSpecialLabels({ name: family, type }: OpenFamily, name: string, labels: Labels): void {
    const isNumber = (label: string) => parseGoNumber(labelValue(labels, label)) !== null;
    if (type === "histogram" && name === family) {
      throw this.#reader.fault(`histogram ${name} has a sample without a suffix`);
    }
    if (type === "histogram" && name === `${family}_bucket` && !isNumber("le")) {
      throw this.#reader.fault(`${name} has no bound`);
    }
    if (type === "summary" && name === family && !isNumber("quantile")) {
      throw this.#reader.fault(`${name} has no quantile`);
    }
  }

  /** A histogram's and a summary's samples have names of their own. */
  #familyOf(name: string): OpenFamily {
    for (const suffix of ["_bucket", "_sum", "_count"]) {
      if (!name.endsWith(suffix)) continue;
      const family = this.#families.get(name.slice(0, -suffix.length));
      if (family?.type && SUFFIXES[family.type]?.includes(suffix)) return family;
    }
    return this.#family(name);
  }

  #family(name: string): OpenFamily {
    let family = this.#families.get(name);
    if (family === undefined) {
      family = { name, type: null, help: null, samples: [] };
      this.#families.set(name, family);
    }
    return family;
  }
}

function isType(text: string): text is TextType {
  return TYPES.has(text);
}
