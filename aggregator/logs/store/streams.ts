import type { Matcher } from "../../../shared/model/columns.ts";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { type Labels, labelsKey, labelValue } from "../../../shared/model/labels.ts";
import { compileMatcher } from "../../matching/matcher.ts";
import type { StoredBlock } from "../stored-block.ts";
import type { BlockName } from "./keys.ts";

/** Lines of one log stream that lie together. Times are Unix microseconds, both inclusive. */
type Lines = {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly lineCount: number;
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

/** The log streams, and where their lines are. */
export class Streams {
  readonly #byLabels = new Map<string, Stream>();
  #lastRef = 0;

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
    for (const [index, { labels, lineCount, minUs, maxUs }] of block.sources.entries()) {
      if (lineCount === 0) continue;
      const lines = { firstUs: minUs, lastUs: maxUs, lineCount, origin };
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
    const compiled = matchers.map(compileMatcher);
    return [...this.#byLabels.values()].filter(({ labels }) =>
      compiled.every(({ name, test }) => test(labelValue(labels, name))),
    );
  }
}

/** Those that may have lines at startUs <= time < endUs. */
export function blocksIn(blocks: Iterable<Block>, startUs: number, endUs: number): Block[] {
  return [...blocks].filter(({ firstUs, lastUs }) => firstUs < endUs && lastUs >= startUs);
}
