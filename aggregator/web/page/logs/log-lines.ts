import { type Severity, severityOf } from "./severities.ts";

/** One line as it is shown. */
export type LogLine = {
  /** Unix nanoseconds: a text of 19 digits, which compare as numbers do. */
  readonly time: string;
  readonly timeMs: number;
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: Severity;
};

/** The streams of Loki's API, of a query and of a tail. */
export type Streams = readonly {
  readonly stream: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [string, string])[];
}[];

/** Oldest first; those of one time and stream too, whichever way they were asked for. */
export function linesOf(streams: Streams, direction: "forward" | "backward"): LogLine[] {
  const lines = streams.flatMap(({ stream, values }) => {
    const severity = severityOf(stream["detected_level"]);
    const inOrder = direction === "forward" ? values : values.toReversed();
    return inOrder.map(([time, text]): LogLine => {
      return { time, timeMs: Number(time.slice(0, -6)), text, labels: stream, severity };
    });
  });
  return lines.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}

/**
 * Lines and those of a page that begins or ends with the same time as they do: a line that is in both
 * is there once. Both oldest first, as is the result.
 */
export function joined(
  lines: readonly LogLine[],
  page: readonly LogLine[],
  side: "older" | "newer",
): readonly LogLine[] {
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) return page;
  const isOlder = side === "older";
  const edge = isOlder ? first.time : last.time;
  const known = new Map<string, number>();
  for (const line of lines) {
    if (line.time === edge) known.set(keyOf(line), (known.get(keyOf(line)) ?? 0) + 1);
  }
  const others = page.filter((line) => {
    if (line.time !== edge) return isOlder ? line.time < edge : line.time > edge;
    const count = known.get(keyOf(line)) ?? 0;
    known.set(keyOf(line), count - 1);
    return count <= 0;
  });
  return isOlder ? [...others, ...lines] : [...lines, ...others];
}

/** What a tail begins with takes the place of what is there from its first line on. */
export function begunAnew(
  lines: readonly LogLine[],
  begin: readonly LogLine[],
): readonly LogLine[] {
  const from = begin[0]?.time;
  if (from === undefined) return lines;
  const end = lines.findIndex(({ time }) => time >= from);
  return [...(end === -1 ? lines : lines.slice(0, end)), ...begin];
}

/** With lines that have come in; one may be older than the last. The oldest beyond `most` are left out. */
export function withNewer(
  lines: readonly LogLine[],
  newer: readonly LogLine[],
  most: number,
): readonly LogLine[] {
  const last = lines.at(-1)?.time ?? "";
  const all = [...lines, ...newer];
  if ((newer[0]?.time ?? "") < last) {
    all.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  }
  return all.length > most ? all.slice(all.length - most) : all;
}

/** A nanosecond more. */
export function afterTime(time: string): string {
  return String(BigInt(time) + 1n);
}

function keyOf({ text, labels }: LogLine): string {
  return `${JSON.stringify(labels)}\n${text}`;
}

/** Where a line is from, in few words. */
export function sourceOf(labels: Readonly<Record<string, string>>): string {
  const what = ["container", "service", "unit", "service_name", "app", "job"]
    .map((name) => labels[name])
    .find((value) => value !== undefined && value !== "" && value !== "unknown_service");
  const file = labels["filename"]?.split("/").at(-1);
  return [labels["instance"], what ?? file].filter((part) => part !== undefined).join(" · ");
}
