import { BLOCK_LINES_MAX } from "./block-index.ts";
import type { Block } from "./streams.ts";

/** Hot bytes of one packed block: brotli's first level expands them up to twenty times. */
const HOT_BYTES_MAX = 2 ** 22;

/**
 * Which hot blocks of one stream become a packed one: those that follow each other in time, of one
 * day. A group that is not full waits for more, but at most `waitUs` after its last line.
 * @param blocks in any order
 * @returns groups, each in order of time
 */
export function planCompaction(
  blocks: Iterable<Block>,
  nowUs: number,
  waitUs: number,
): readonly (readonly Block[])[] {
  const hot = [...blocks].filter(({ isPacked }) => !isPacked);
  hot.sort((a, b) => a.day - b.day || a.firstUs - b.firstUs || a.number - b.number);
  const groups: Block[][] = [];
  let group: Block[] = [];
  let [lines, bytes] = [0, 0];
  const isOld = () => group.every(({ lastUs }) => lastUs + waitUs <= nowUs);
  for (const block of hot) {
    const isFull = lines + block.lineCount > BLOCK_LINES_MAX || bytes + block.bytes > HOT_BYTES_MAX;
    if (group.length > 0 && (isFull || group[0]?.day !== block.day)) {
      if (isFull || isOld()) groups.push(group);
      group = [];
      [lines, bytes] = [0, 0];
    }
    group.push(block);
    lines += block.lineCount;
    bytes += block.bytes;
  }
  if (group.length > 0 && isOld()) groups.push(group);
  return groups;
}
