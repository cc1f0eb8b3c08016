import type { SeriesSpec } from "../collector.ts";
import { ABSENT, asciiText } from "./byte-scanner.ts";
import type { ParseValues } from "./file-collector.ts";
import { numberIn } from "./small-file.ts";

/** A line's first word, how many numbers of it are skipped, and the series of those that follow. */
export type Line = readonly [word: string, skipped: number, ...specs: SeriesSpec[]];

const LINES_MAX = 256;
const WORDS_MAX = 256;

/** For a file of lines that are told by their first word (rpc/nfsd, xfs' stats); others are skipped. */
export function lineParser(lines: readonly Line[]): ParseValues {
  return (scan, values) => {
    const found = new Map<string, readonly string[]>();
    for (const line of asciiText(scan.bytes, scan.length).split("\n", LINES_MAX)) {
      const [word = "", ...numbers] = line.split(" ", WORDS_MAX);
      found.set(word, numbers);
    }
    let value = 0;
    for (const [word, skipped, ...specs] of lines) {
      const numbers = found.get(word) ?? [];
      for (const index of specs.keys()) {
        const number = numbers[skipped + index];
        values[value] = numberIn(number ?? null);
        if (number !== undefined && values[value] === ABSENT) scan.malformed += 1;
        value += 1;
      }
    }
  };
}
