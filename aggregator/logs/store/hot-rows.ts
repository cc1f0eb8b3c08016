import { type Labels, NO_LABELS, withLabel } from "../../../shared/model/labels.ts";
import type { BlockLine } from "../../../shared/wire/line-block.ts";
import type { BlockRows } from "./block-rows.ts";

const CUT = ["cut", "true"] as const;
const ONLY_CUT: Labels = CUT;

/** What is known of a line besides its text: what its sender said, and that its end was cut off. */
export function metadataOf({ isCut, metadata }: BlockLine): Labels {
  if (metadata === undefined) return isCut ? ONLY_CUT : NO_LABELS;
  return isCut ? withLabel(metadata, ...CUT) : metadata;
}

/** One code unit a byte. */
export function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** The lines of one source of a block, in order of time; null when they have not all needles. */
export function hotRows(lines: readonly BlockLine[], needles: readonly string[]): BlockRows | null {
  if (!needles.every((needle) => haveText(lines, needle))) return null;
  const sorted = isSorted(lines) ? lines : [...lines].sort((a, b) => a.timeUs - b.timeUs);
  return {
    timesUs: Float64Array.from(sorted, ({ timeUs }) => timeUs),
    textOf: (row) => bytesText((sorted[row] as BlockLine).bytes),
    metadataOf: (row) => metadataOf(sorted[row] as BlockLine),
  };
}

/** They lie one behind the other in memory, so all are looked through at once. */
function haveText(lines: readonly BlockLine[], needle: string): boolean {
  const [first, last] = [lines[0]?.bytes, lines.at(-1)?.bytes];
  if (first === undefined || last === undefined) return false;
  const end = last.byteOffset + last.length;
  const all = Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
  return all.includes(needle, 0, "latin1");
}

function isSorted(lines: readonly BlockLine[]): boolean {
  for (let i = 1; i < lines.length; i += 1) {
    if ((lines[i]?.timeUs ?? 0) < (lines[i - 1]?.timeUs ?? 0)) return false;
  }
  return true;
}
