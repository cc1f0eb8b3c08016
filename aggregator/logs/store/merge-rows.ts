import type { Direction } from "../../model/log-lines.ts";
import type { BlockRows } from "./block-rows.ts";
import { type Block, compareOrigins } from "./streams.ts";

/** Opens the lines of a block; null: none of them is wanted, or the block is damaged. */
export type OpenBlock = (block: Block) => Promise<BlockRows | null>;

/** `count` rows of a block that follow each other in the direction, from `row` on. */
export type RowRun = { readonly rows: BlockRows; readonly row: number; readonly count: number };

type Cursor = { readonly block: Block; readonly rows: BlockRows; row: number };

/**
 * The rows of a stream's blocks in order of time; of one time, in the order in which they were
 * written. A block is opened when its first row may be the next one, and let go after its last.
 * Backward, all of it is turned round.
 */
export async function* mergeRows(
  blocks: readonly Block[],
  direction: Direction,
  open: OpenBlock,
): AsyncIterable<RowRun> {
  const order = new RowOrder(direction);
  const waiting = [...blocks].sort((a, b) => order.compareBlocks(b, a));
  const active: Cursor[] = [];
  for (;;) {
    const next = order.first(active);
    const block = waiting.at(-1);
    if (block !== undefined && (next === null || !order.isBeforeBlock(next, block))) {
      waiting.pop();
      const rows = await open(block);
      if (rows === null || rows.timesUs.length === 0) continue;
      active.push({ block, rows, row: order.isForward ? 0 : rows.timesUs.length - 1 });
    } else if (next !== null) {
      yield order.takeRun(next, active, block);
      if (isAtEnd(next)) active.splice(active.indexOf(next), 1);
    } else {
      return;
    }
  }
}

/** What comes first in a direction. */
class RowOrder {
  readonly isForward: boolean;

  constructor(direction: Direction) {
    this.isForward = direction === "forward";
  }

  compareBlocks(a: Block, b: Block): number {
    return this.isForward
      ? a.firstUs - b.firstUs || compareOrigins(a, b)
      : b.lastUs - a.lastUs || compareOrigins(b, a);
  }

  first(active: readonly Cursor[]): Cursor | null {
    let found: Cursor | null = null;
    for (const cursor of active) {
      if (found === null || this.#isBefore(cursor, found)) found = cursor;
    }
    return found;
  }

  /** Whether every row of the block comes later, whatever their times within the block. */
  isBeforeBlock(cursor: Cursor, block: Block): boolean {
    const timeUs = timeOf(cursor);
    return this.isForward ? timeUs < block.firstUs : timeUs > block.lastUs;
  }

  /** Rows of the cursor up to where another one, or the block that waits, may come first. */
  takeRun(cursor: Cursor, active: readonly Cursor[], waiting: Block | undefined): RowRun {
    const { rows, row } = cursor;
    let count = 0;
    do {
      count += 1;
      cursor.row += this.isForward ? 1 : -1;
    } while (!isAtEnd(cursor) && this.#leads(cursor, active, waiting));
    return { rows, row, count };
  }

  #leads(cursor: Cursor, active: readonly Cursor[], waiting: Block | undefined): boolean {
    for (const other of active) if (other !== cursor && this.#isBefore(other, cursor)) return false;
    return waiting === undefined || this.isBeforeBlock(cursor, waiting);
  }

  #isBefore(a: Cursor, b: Cursor): boolean {
    const order = timeOf(a) - timeOf(b) || compareOrigins(a.block, b.block);
    return this.isForward ? order < 0 : order > 0;
  }
}

function isAtEnd({ rows, row }: Cursor): boolean {
  return row < 0 || row >= rows.timesUs.length;
}

function timeOf({ rows, row }: Cursor): number {
  return rows.timesUs[row] ?? 0;
}
