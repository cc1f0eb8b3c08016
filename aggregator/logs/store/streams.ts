import type { Matcher } from "../../../shared/model/columns.ts";
import { compareText, type Labels, labelsKey, labelValue } from "../../../shared/model/labels.ts";
import { compileMatcher } from "../../matching/matcher.ts";
import type { BlockName } from "./keys.ts";

/** A block that is safe on the disk. Times are Unix microseconds, both inclusive. */
export type Block = BlockName & {
  readonly isPacked: boolean;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly lineCount: number;
  readonly bytes: number;
};

/** All lines with the same labels. */
export type Stream = {
  readonly ref: number;
  readonly labels: Labels;
  /** In no order. */
  readonly blocks: Set<Block>;
};

type MatcherSets = readonly (readonly Matcher[])[];

/** The streams and their blocks. */
export class Streams {
  readonly #byRef = new Map<number, Stream>();
  readonly #byLabels = new Map<string, Stream>();
  #lastRef = 0;

  get count(): number {
    return this.#byRef.size;
  }

  all(): Iterable<Stream> {
    return this.#byRef.values();
  }

  byRef(ref: number): Stream | undefined {
    return this.#byRef.get(ref);
  }

  find(labels: Labels): Stream | undefined {
    return this.#byLabels.get(labelsKey(labels));
  }

  /** A ref that no stream has or had since the start. */
  takeRef(): number {
    this.#lastRef += 1;
    return this.#lastRef;
  }

  add(ref: number, labels: Labels): Stream {
    const stream: Stream = { ref, labels, blocks: new Set() };
    this.#lastRef = Math.max(this.#lastRef, ref);
    this.#byRef.set(ref, stream);
    this.#byLabels.set(labelsKey(labels), stream);
    return stream;
  }

  remove({ ref, labels }: Stream): void {
    this.#byRef.delete(ref);
    this.#byLabels.delete(labelsKey(labels));
  }

  /** @throws OperationalError QUERY for a bad pattern */
  select(matchers: readonly Matcher[]): Stream[] {
    const compiled = matchers.map(compileMatcher);
    return [...this.#byRef.values()].filter(({ labels }) =>
      compiled.every(({ name, test }) => test(labelValue(labels, name))),
    );
  }

  /** Label sets of streams that match any of the sets and have lines in the time. */
  labelsIn(sets: MatcherSets, startUs: number, endUs: number): Labels[] {
    const found = new Set<Stream>();
    for (const matchers of sets.length === 0 ? [[]] : sets) {
      for (const stream of this.select(matchers)) {
        if (blocksIn(stream, startUs, endUs).length > 0) found.add(stream);
      }
    }
    return [...found].map(({ labels }) => labels);
  }
}

/** Blocks with lines at startUs <= time < endUs, perhaps. */
export function blocksIn({ blocks }: Stream, startUs: number, endUs: number): Block[] {
  return [...blocks].filter(({ firstUs, lastUs }) => firstUs < endUs && lastUs >= startUs);
}

/** Names of labels, or values of one, sorted. */
export function sortedTexts(texts: Iterable<string>): string[] {
  const found = new Set(texts);
  found.delete("");
  return [...found].sort(compareText);
}
