import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { costOf, type LineStream, type StoredBlock } from "../stored-block.ts";

/** What is packed at once, and in memory while it is: text, and lines, which cost as much. */
const TEXT_BYTES_MAX = 32 * 1024 ** 2;
const LINES_MAX = 262_144;

/**
 * Which hot blocks are packed together: those of one agent's stream that follow each other. The
 * streams with the most bytes come first, until the rest is not too much.
 * @param blocks of each stream in order
 * @param leaveBytes of hot blocks that may stay
 */
export function planCompaction(
  blocks: readonly StoredBlock[],
  leaveBytes: number,
): readonly (readonly StoredBlock[])[] {
  const byStream = new Map<LineStream, { bytes: number; blocks: StoredBlock[] }>();
  let left = 0;
  for (const block of blocks) {
    const one = getOrInsert(byStream, block.stream, () => ({ bytes: 0, blocks: [] }));
    one.bytes += costOf(block);
    one.blocks.push(block);
    left += costOf(block);
  }
  const groups: (readonly StoredBlock[])[] = [];
  for (const one of [...byStream.values()].sort((a, b) => b.bytes - a.bytes)) {
    if (left <= leaveBytes) break;
    groups.push(...groupsOf(one.blocks));
    left -= one.bytes;
  }
  return groups;
}

function* groupsOf(blocks: readonly StoredBlock[]): Iterable<readonly StoredBlock[]> {
  let group: StoredBlock[] = [];
  let [bytes, lines] = [0, 0];
  for (const block of blocks) {
    const [ownBytes, ownLines] = [sumOf(block, "textBytes"), sumOf(block, "lineCount")];
    const isFull = bytes + ownBytes > TEXT_BYTES_MAX || lines + ownLines > LINES_MAX;
    if (group.length > 0 && isFull) {
      yield group;
      group = [];
      [bytes, lines] = [0, 0];
    }
    group.push(block);
    bytes += ownBytes;
    lines += ownLines;
  }
  if (group.length > 0) yield group;
}

function sumOf({ sources }: StoredBlock, of: "textBytes" | "lineCount"): number {
  return sources.reduce((sum, one) => sum + one[of], 0);
}
