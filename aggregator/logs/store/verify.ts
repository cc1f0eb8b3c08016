import type { BlockRows } from "./block-rows.ts";
import { hotRows } from "./hot-rows.ts";
import type { StoreParts } from "./parts.ts";
import type { Block, Stream } from "./streams.ts";

/** Reads every line. @returns blocks (of each log stream) and lines that are good */
export async function verifyLines(
  parts: StoreParts,
): Promise<{ readonly blocks: number; readonly lines: number }> {
  let [blocks, lines] = [0, 0];
  for (const stream of [...parts.streams.all()]) {
    for (const block of [...stream.blocks]) {
      const rows = await open(parts, stream, block);
      if (rows === null || rows.timesUs.length === 0) continue;
      for (let row = 0; row < rows.timesUs.length; row += 1) rows.textOf(row);
      blocks += 1;
      lines += rows.timesUs.length;
    }
  }
  return { blocks, lines };
}

async function open(
  { hot, packed }: StoreParts,
  stream: Stream,
  block: Block,
): Promise<BlockRows | null> {
  if (block.kind === "packed") return await packed.open(stream, block, []);
  const content = await hot.read(block.block);
  return hotRows(content?.sources[block.index]?.lines ?? [], []);
}
