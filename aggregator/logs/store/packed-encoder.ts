import type { Labels } from "../../../shared/model/labels.ts";
import { ByteWriter } from "../../../shared/wire/bytes.ts";
import { type SectionStamp, writeBlockIndex } from "./block-index.ts";
import { BlockWriter, type RawSection } from "./block-writer.ts";
import { pick, writeColumn } from "./column-encoder.ts";
import { writeIntegers } from "./integers.ts";
import { writeMetadata } from "./metadata.ts";
import { seal, type Work } from "./section.ts";
import type { Origin } from "./streams.ts";
import { findTemplates, type Templates } from "./templates.ts";
import { buildFilter } from "./token-filter.ts";

/** Lines of one stream in order of time. Each text has one code unit a byte of its line. */
export type BlockLines = {
  readonly timesUs: Float64Array;
  readonly texts: readonly string[];
  /** By line its place in `metadata`. */
  readonly metadataOf: Float64Array;
  readonly metadata: readonly Labels[];
};

/** The parts of a block, each a value of its own in the store. */
export type PackedBlock = {
  readonly index: Uint8Array;
  readonly textBytes: number;
  readonly lineCount: number;
  readonly firstUs: number;
  readonly lastUs: number;
  /** Of the filter; without a checksum: a wrong bit is caught by none, but it hides nothing else. */
  readonly buckets: readonly Uint8Array[];
  readonly layout: Uint8Array;
  /** Times, metadata and templates of the lines. */
  readonly rows: Uint8Array;
  readonly sections: readonly Uint8Array[];
};

/** A section's tokens are in the filter when it has at least so many bytes for each of them. */
const FILTER_WORTH_BYTES = 3;

/** @param origin where the first line was received */
export async function packBlock(
  lines: BlockLines,
  origin: Origin,
  work: Work,
): Promise<PackedBlock> {
  const found = await findTemplates(lines.texts, work.pause);
  const out = new BlockWriter(work.pause);
  await writeLayout(out, found, lines);
  const raw = out.sections();
  const sections: Uint8Array[] = [];
  for (const { bytes } of raw) sections.push(await seal(bytes, work));
  const layout = await seal(out.layout.written(), work);
  const rows = await seal(rowsOf(found, lines), work);
  const { stamps, buckets } = filterOf(raw, sections);
  const { timesUs } = lines;
  const range = {
    lineCount: timesUs.length,
    firstUs: timesUs[0] ?? 0,
    lastUs: timesUs.at(-1) ?? 0,
    textBytes: lines.texts.reduce((sum, { length }) => sum + length, 0),
  };
  const parts = [...buckets, layout, rows, ...sections];
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  const head = { ...range, bytes, origin, bucketCount: buckets.length, sections: stamps };
  const index = writeBlockIndex(head, out.signature);
  return { ...range, index, buckets, layout, rows, sections };
}

/** The stamp of each section, and a filter of the tokens of those that are worth it. */
function filterOf(
  raw: readonly RawSection[],
  sealed: readonly Uint8Array[],
): { readonly stamps: SectionStamp[]; readonly buckets: Uint8Array[] } {
  const hashes = new Set<number>();
  const stamps = raw.map((section, i) => {
    const { hex, others } = section.summary;
    const isFiltered = isWorthFilter(section, sealed[i]?.length ?? 0);
    if (isFiltered) for (const hash of section.summary.hashes) hashes.add(hash);
    return { hex, others, isFiltered };
  });
  return { stamps, buckets: buildFilter(hashes) };
}

function isWorthFilter({ isShared, summary }: RawSection, bytes: number): boolean {
  return isShared || bytes >= summary.hashes.size * FILTER_WORTH_BYTES;
}

/** Per template its words and rows, then its columns; at last the lines that have none. */
async function writeLayout(
  out: BlockWriter,
  { templates, others }: Templates,
  lines: BlockLines,
): Promise<void> {
  out.layout.varint(templates.length);
  for (const { words, rows, columns } of templates) {
    out.layout.varint(words.length);
    out.layout.varint(rows.length);
    for (const word of words) {
      out.layout.byte(word === null ? 1 : 0);
      if (word !== null) out.text(word);
    }
    const timesUs = pick(lines.timesUs, rows);
    for (const column of columns) await writeColumn(out, column, timesUs);
  }
  out.layout.varint(others.length);
  if (others.length === 0) return;
  const rest = others.map((row) => lines.texts[row] ?? "");
  await writeColumn(out, rest, pick(lines.timesUs, others));
}

function rowsOf({ templates, others }: Templates, lines: BlockLines): Uint8Array {
  const writer = new ByteWriter(1 << 16);
  writeIntegers(writer, lines.timesUs);
  const numbers = new Float64Array(lines.texts.length).fill(templates.length);
  const byTemplate: number[] = [];
  for (const [number, { rows }] of templates.entries()) {
    for (const row of rows) {
      numbers[row] = number;
      byTemplate.push(row);
    }
  }
  writeIntegers(writer, numbers);
  writeMetadata(writer, lines.metadata);
  // In order of the templates: mostly, lines of one template have the same.
  for (const row of others) byTemplate.push(row);
  writeIntegers(writer, pick(lines.metadataOf, byTemplate));
  return writer.written();
}
