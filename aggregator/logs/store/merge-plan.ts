import { BLOCK_LINES_MAX } from "./block-index.ts";
import { type Block, compareOrigins, type PackedLines } from "./streams.ts";

/** Blocks of more lines stay as they are. */
const SMALL_LINES = BLOCK_LINES_MAX / 4;
/** Fewer are not worth writing their lines again. */
const BLOCKS_MIN = 4;
const TEXT_BYTES_MAX = 32 * 1024 ** 2;

/**
 * Which small packed blocks of a stream become one: those of one day that follow each other in the
 * order in which their lines were received, so that lines of one time keep it.
 */
export function planMerges(blocks: Iterable<Block>): readonly (readonly PackedLines[])[] {
  const packed = [...blocks].filter((block) => block.kind === "packed");
  packed.sort((a, b) => a.day - b.day || compareOrigins(a, b));
  const groups: PackedLines[][] = [];
  let group: PackedLines[] = [];
  let [lines, bytes] = [0, 0];
  const end = () => {
    if (group.length >= BLOCKS_MIN) groups.push(group);
    group = [];
    [lines, bytes] = [0, 0];
  };
  for (const block of packed) {
    const isFull =
      lines + block.lineCount > BLOCK_LINES_MAX || bytes + block.textBytes > TEXT_BYTES_MAX;
    if (isFull || group[0]?.day !== block.day) end();
    if (block.lineCount > SMALL_LINES) {
      end();
    } else {
      group.push(block);
      lines += block.lineCount;
      bytes += block.textBytes;
    }
  }
  end();
  return groups;
}
