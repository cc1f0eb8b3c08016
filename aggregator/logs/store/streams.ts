import type { Matcher } from "../../../shared/model/columns.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsFrom, labelsKey, labelValue } from "../../../shared/model/labels.ts";
import { compileMatchers } from "../../matching/matcher.ts";
import type { StoredBlock } from "../stored-block.ts";
import type { BlockName } from "./keys.ts";

/** Lines of one log stream that lie together. Times are Unix microseconds, both inclusive. */
type Lines = {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly lineCount: number;
  /** Of the lines' texts. */
  readonly textBytes: number;
  /**
   * Where its first line was received: the number of the agent's stream and the sequence of the
   * block. Lines of one time are read in this order; those of one origin in that of the sources of the
   * block, or of the numbers of packed blocks.
   */
  readonly origin: Origin;
};

export type Origin = { readonly stream: number; readonly seq: number };

/** Those of the source at `index` in a block as its agent sent it. */
type HotLines = Lines & {
  readonly kind: "hot";
  readonly block: StoredBlock;
  readonly index: number;
};

/** A packed block. `bytes`: of all its parts. */
export type PackedLines = Lines & BlockName & { readonly kind: "packed"; readonly bytes: number };

export type Block = HotLines | PackedLines;

/** All lines with the same labels. */
export type Stream = {
  readonly labels: Labels;
  /** Its number in keys, for ever; null: it has no packed block yet. */
  ref: number | null;
  /** In no order. */
  readonly blocks: Set<Block>;
};

export function compareOrigins(a: Block, b: Block): number {
  return a.origin.stream - b.origin.stream || a.origin.seq - b.origin.seq || rankOf(a) - rankOf(b);
}

function rankOf(block: Block): number {
  return block.kind === "packed" ? block.number : block.index;
}

const INSTANCE = "instance";
const OVERFLOW = ["overflow", "true"] as const;

/** Whether lines are under other labels than their own. */
export function isOverflow(labels: Labels): boolean {
  return labelValue(labels, OVERFLOW[0]) === OVERFLOW[1];
}

/** The log streams, and where their lines are. */
export class Streams {
  readonly #countMax: number;
  readonly #byLabels = new Map<string, Stream>();
  #lastRef = 0;

  /** @param countMax lines of further streams go into one for each node */
  constructor(countMax = Number.POSITIVE_INFINITY) {
    this.#countMax = countMax;
  }

  /** The labels under which lines with these are kept: the same ones, or those of their node's rest. */
  admit(labels: Labels): Labels {
    const isThere = this.#byLabels.has(labelsKey(labels));
    if (isThere || this.#byLabels.size < this.#countMax) return this.of(labels).labels;
    return labelsFrom([[INSTANCE, labelValue(labels, INSTANCE)], OVERFLOW]);
  }

  all(): Iterable<Stream> {
    return this.#byLabels.values();
  }

  of(labels: Labels): Stream {
    return getOrInsert(this.#byLabels, labelsKey(labels), () => {
      return { labels, ref: null, blocks: new Set() };
    });
  }

  /** A ref that no stream has or had since the start. */
  takeRef(): number {
    this.#lastRef += 1;
    return this.#lastRef;
  }

  /** A stream that was there before the start. */
  restore(labels: Labels, ref: number): Stream {
    const stream = this.of(labels);
    stream.ref = ref;
    this.#lastRef = Math.max(this.#lastRef, ref);
    return stream;
  }

  addHot(block: StoredBlock): void {
    const origin = { stream: block.stream.number, seq: block.seq };
    for (const [index, source] of block.sources.entries()) {
      const { labels, lineCount, textBytes, minUs, maxUs } = source;
      if (lineCount === 0) continue;
      const lines = { firstUs: minUs, lastUs: maxUs, lineCount, textBytes, origin };
      this.of(labels).blocks.add({ kind: "hot", block, index, ...lines });
    }
  }

  removeHot(gone: ReadonlySet<StoredBlock>): void {
    const touched = new Set<Stream>();
    for (const { sources } of gone) for (const { labels } of sources) touched.add(this.of(labels));
    for (const { blocks } of touched) {
      for (const one of blocks) if (one.kind === "hot" && gone.has(one.block)) blocks.delete(one);
    }
  }

  remove({ labels }: Stream): void {
    this.#byLabels.delete(labelsKey(labels));
  }

  /** @throws OperationalError QUERY for a bad pattern */
  select(matchers: readonly Matcher[]): Stream[] {
    const isWanted = compileMatchers(matchers);
    return [...this.#byLabels.values()].filter(({ labels }) => isWanted(labels));
  }
}

/** Those that may have lines at startUs <= time < endUs. */
export function blocksIn(blocks: Iterable<Block>, startUs: number, endUs: number): Block[] {
  return [...blocks].filter(({ firstUs, lastUs }) => firstUs < endUs && lastUs >= startUs);
}
