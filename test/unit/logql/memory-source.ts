import { compileMatchers } from "../../../aggregator/matching/matcher.ts";
import type { LogSource, LogStream } from "../../../aggregator/model/log-lines.ts";
import { type Labels, labelsOf, NO_LABELS } from "../../../shared/model/labels.ts";

type TestLine = {
  readonly timeUs: number;
  readonly line: string;
  readonly metadata?: Labels;
};

export type TestStream = {
  readonly labels: Readonly<Record<string, string>>;
  readonly lines: readonly TestLine[];
};

/**
 * Lines in memory as a store gives them: in order of time, in batches of `batch`. It holds back what
 * the hints allow it to, so that a wrong hint shows in the result. Of the front of every second
 * stream it knows only the range.
 */
export function memorySource(streams: readonly TestStream[], batch = 3): LogSource {
  return {
    async *select(matchers, { startUs, endUs }, direction, { substrings }) {
      const isWanted = compileMatchers(matchers);
      for (const [i, { labels: record, lines }] of streams.entries()) {
        const labels = labelsOf(record);
        if (!isWanted(labels)) continue;
        const entries = lines
          .filter(({ timeUs }) => timeUs >= startUs && timeUs < endUs)
          .filter(({ line }) => substrings.every((text) => line.includes(text)))
          .map(({ timeUs, line, metadata = NO_LABELS }) => ({ timeUs, line, metadata }))
          .sort((a, b) => a.timeUs - b.timeUs);
        if (direction === "backward") entries.reverse();
        const outermostUs = direction === "forward" ? startUs : endUs - 1;
        const frontUs = i % 2 === 1 ? outermostUs : (entries[0]?.timeUs ?? outermostUs);
        yield { labels, frontUs, entries: batches(entries, batch) } satisfies LogStream;
      }
    },
  };
}

async function* batches<T>(items: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let i = 0; i < items.length; i += size) yield items.slice(i, i + size);
}
