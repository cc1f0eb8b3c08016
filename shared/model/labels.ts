/**
 * A label set: name, value, name, value, …; sorted by name in code unit order, no name twice, no
 * empty value. Flat, because an aggregator holds hundreds of thousands of them; never an object,
 * because a label may be called `__proto__`. The metric name is the label `__name__`.
 */
export type Labels = readonly string[];

export const METRIC_NAME = "__name__";
/** The label that says which node, or which target, a series is of. */
export const INSTANCE = "instance";
export const NO_LABELS: Labels = [];

/** Sorts, leaves out empty values; of a name given twice the last value stands. */
export function labelsFrom(pairs: Iterable<readonly [string, string]>): Labels {
  const byName = new Map<string, string>();
  for (const [name, value] of pairs) byName.set(name, value);
  const names = [...byName.keys()].filter((name) => byName.get(name) !== "");
  names.sort(compareText);
  return names.flatMap((name) => [name, byName.get(name) ?? ""]);
}

/** Labels from an object literal of our own; texts from outside go through `labelsFrom`. */
export function labelsOf(record: Readonly<Record<string, string>>): Labels {
  return labelsFrom(Object.entries(record));
}

export function labelPairs(labels: Labels): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push([labels[i] ?? "", labels[i + 1] ?? ""]);
  return pairs;
}

/** The value, or "" where the label is absent: PromQL does not tell the two apart. */
export function labelValue(labels: Labels, name: string): string {
  for (let i = 0; i < labels.length; i += 2) if (labels[i] === name) return labels[i + 1] ?? "";
  return "";
}

/** With `name` set to `value`; an empty value removes it. */
export function withLabel(labels: Labels, name: string, value: string): Labels {
  return labelsFrom([...labelPairs(labels), [name, value]]);
}

export function keepLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return filterLabels(labels, (name) => names.has(name));
}

export function dropLabels(labels: Labels, names: ReadonlySet<string>): Labels {
  return filterLabels(labels, (name) => !names.has(name));
}

function filterLabels(labels: Labels, isKept: (name: string) => boolean): Labels {
  const kept: string[] = [];
  for (let i = 0; i < labels.length; i += 2) {
    const name = labels[i] ?? "";
    if (isKept(name)) kept.push(name, labels[i + 1] ?? "");
  }
  return kept;
}

/** One text per label set, for maps; labels with the separator in them are refused at the door. */
export function labelsKey(labels: Labels): string {
  return labels.join("\u0000");
}

/** Not of half a surrogate pair, which cannot be stored, and without the separator of `labelsKey`. */
export function isLabelText(text: string): boolean {
  return !text.includes("\u0000") && !/\p{Surrogate}/u.test(text);
}

/** Sorted as Prometheus sorts a result: pairwise, the shorter set first where one is a prefix. */
export function compareLabels(a: Labels, b: Labels): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const order = compareText(a[i] ?? "", b[i] ?? "");
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** An object without a prototype, so that a label called `__proto__` is only a label. */
export function labelsRecord(labels: Labels): Record<string, string> {
  const record: Record<string, string> = Object.create(null);
  for (let i = 0; i < labels.length; i += 2) record[labels[i] ?? ""] = labels[i + 1] ?? "";
  return record;
}

/** `name{a="b"}` as Prometheus prints a series. */
export function formatLabels(labels: Labels): string {
  const name = labelValue(labels, METRIC_NAME);
  const rest = labelPairs(labels).filter(([key]) => key !== METRIC_NAME);
  if (rest.length === 0 && name !== "") return name;
  return `${name}{${rest.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(", ")}}`;
}

/** Code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
