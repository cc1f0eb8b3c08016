import {
  compareText,
  type Labels,
  labelPairs,
  labelsFrom,
  labelValue,
  NO_LABELS,
} from "../../shared/model/labels.ts";

export const ERROR_LABEL = "__error__";
const ERROR_DETAILS_LABEL = "__error_details__";

/** Values of `__error__`, as in Loki. */
export type StageError =
  | "JSONParserErr"
  | "LabelFilterErr"
  | "LogfmtParserErr"
  | "SampleExtractionErr"
  | "TemplateFormatErr";

/** Longest text of an error's details, in UTF-16 code units: it can hold a part of the line. */
const DETAILS_MAX = 200;

/**
 * The labels of one line on its way through a pipeline: those of its stream, its metadata, and what
 * stages set or deleted. One of these serves all lines of a query, one after another.
 * Of two labels of one name that of the stream counts before the metadata.
 */
export class LineLabels {
  #stream: Labels = NO_LABELS;
  #metadata: Labels = NO_LABELS;
  #unchanged: Labels | null = NO_LABELS; // of stream and metadata together; null: not known yet
  /** What parsers found, by name; a change of the same name counts before it. */
  readonly #extracted = new Map<string, string>();
  /** What other stages set; "" where they deleted. */
  readonly #changes = new Map<string, string>();
  #error = "";
  #details = "";
  /** A condition on `__error__` let the line through although there is an error. */
  isErrorWanted = false;

  /** Begins with the next line. */
  start(stream: Labels, metadata: Labels): void {
    if (stream !== this.#stream || metadata !== this.#metadata) this.#unchanged = null;
    this.#stream = stream;
    this.#metadata = metadata;
    if (this.#extracted.size > 0) this.#extracted.clear();
    if (this.#changes.size > 0) this.#changes.clear();
    this.#error = "";
    this.#details = "";
    this.isErrorWanted = false;
  }

  get error(): string {
    return this.#error;
  }

  get errorDetails(): string {
    return this.#details;
  }

  setError(error: StageError, details: string): void {
    this.#error = error;
    this.#details = wellFormed(details.slice(0, DETAILS_MAX));
  }

  /** "" where the label is absent. */
  get(name: string): string {
    const changed = this.#changes.get(name) ?? this.#extracted.get(name);
    if (changed !== undefined) return changed;
    if (name === ERROR_LABEL) return this.#error;
    if (name === ERROR_DETAILS_LABEL) return this.#details;
    return labelValue(this.#stream, name) || labelValue(this.#metadata, name);
  }

  /**
   * A label that a parser found in the line: where the stream has one of that name it is called
   * `name_extracted`; of a name that is found twice the first value stays.
   */
  extract(found: string, value: string): void {
    const name = labelValue(this.#stream, found) === "" ? found : `${found}_extracted`;
    if (this.#extracted.has(name)) return;
    this.#extracted.set(name, wellFormed(value));
    if (this.#changes.size > 0) this.#changes.delete(name);
  }

  /** An empty value deletes the label. */
  set(name: string, value: string): void {
    this.#changes.set(name, wellFormed(value));
  }

  delete(name: string): void {
    if (name === ERROR_LABEL) this.#error = "";
    if (name === ERROR_LABEL || name === ERROR_DETAILS_LABEL) this.#details = "";
    else this.#changes.set(name, "");
  }

  /** Deletes what is not kept; errors stay. */
  keepOnly(isKept: (name: string, value: string) => boolean): void {
    for (const [name, value] of labelPairs(this.#withoutErrors())) {
      if (!isKept(name, value)) this.delete(name);
    }
  }

  /** All of them; the same array for two lines in a row that differ in nothing. */
  labels(): Labels {
    const labels = this.#withoutErrors();
    if (this.#error === "") return labels;
    return labelsFrom([
      ...labelPairs(labels),
      [ERROR_LABEL, this.#error],
      [ERROR_DETAILS_LABEL, this.#details],
    ]);
  }

  #withoutErrors(): Labels {
    this.#unchanged ??= labelsFrom([...labelPairs(this.#metadata), ...labelPairs(this.#stream)]);
    if (this.#changes.size === 0 && this.#extracted.size === 0) return this.#unchanged;
    if (this.#changes.size === 0) return merged(this.#unchanged, this.#extracted);
    return merged(this.#unchanged, new Map([...this.#extracted, ...this.#changes]));
  }
}

/** `labels` are sorted; what `changes` sets counts, and "" deletes. */
function merged(labels: Labels, changes: ReadonlyMap<string, string>): Labels {
  const names = [...changes.keys()].sort(compareText);
  const result: string[] = [];
  let next = 0;
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] ?? "";
    for (; next < names.length && (names[next] ?? "") < name; next += 1) {
      push(result, names[next] ?? "", changes);
    }
    if (names[next] !== name) result.push(name, labels[i + 1] ?? "");
  }
  for (; next < names.length; next += 1) push(result, names[next] ?? "", changes);
  return result;
}

function push(result: string[], name: string, changes: ReadonlyMap<string, string>): void {
  const value = changes.get(name) ?? "";
  if (value !== "") result.push(name, value);
}

/** NUL separates labels in keys of maps (labels.ts), so no value has one. */
function wellFormed(value: string): string {
  return value.includes("\u0000") ? value.replaceAll("\u0000", "\ufffd") : value;
}
