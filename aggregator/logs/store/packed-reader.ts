import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import { ByteReader } from "../../../shared/wire/bytes.ts";
import { type BlockIndex, placesOf, tokenHash } from "./block-index.ts";
import type { BlockParts, BlockRows } from "./block-rows.ts";
import {
  addSections,
  type Column,
  type ColumnNode,
  openColumn,
  readColumnNode,
  readText,
} from "./column-decoder.ts";
import {
  holdsToken,
  mayHoldToken,
  narrowed,
  type SoughtToken,
  sectionsWith,
  type TimeBounds,
} from "./column-search.ts";
import { readIntegers } from "./integers.ts";
import { readMetadata } from "./metadata.ts";
import { unseal } from "./section.ts";
import { bucketAdmits, bucketOf } from "./token-filter.ts";
import { needleTokens } from "./tokens.ts";

/** A template of the layout; `words` null: the lines that have none, one column. */
type TemplateNode = {
  readonly words: readonly (string | null)[] | null;
  readonly count: number;
  readonly columns: readonly ColumnNode[];
};

/**
 * The lines of a packed block that may have all needles, null when it has none. A block is given up
 * as soon as one token of a needle can be in no line: first by its index, then by the filter,
 * then by the templates, and at last by the columns that might have the rarest token.
 * @param needles texts with one code unit a byte
 * @throws OperationalError PARSE when the block is damaged
 */
export async function readPacked(
  index: BlockIndex,
  parts: BlockParts,
  needles: readonly string[],
): Promise<BlockRows | null> {
  const tokens = await findTokens(index, parts, needles);
  if (tokens === null) return null;
  let templates = readLayout(unseal(await parts.layout(), "block layout"), index.lineCount);
  const sections = new Map<number, Uint8Array>();
  let candidates = templates.map((one) => tokens.every((token) => mayHold(one, token)));
  const rarest = tokens[0];
  if (rarest !== undefined) {
    const asked = new Set<number>();
    for (const [i, one] of templates.entries()) {
      if (candidates[i] === true && !hasWord(one, rarest.token)) {
        for (const column of one.columns) sectionsWith(column, rarest, asked);
      }
    }
    await loadSections(parts, asked, sections);
    const places = templates.map((one, i) =>
      candidates[i] === true ? placesIn(one, rarest, sections, index) : [],
    );
    candidates = places.map((one) => one === null || one.length > 0);
    templates = templates.map((one, i) => narrow(one, places[i] ?? null, rarest, sections, index));
  }
  if (!candidates.includes(true)) return null;
  const needed = new Set<number>();
  for (const [i, { columns }] of templates.entries()) {
    if (candidates[i] === true) for (const column of columns) addSections(column, needed);
  }
  await loadSections(parts, needed, sections);
  const rows = readRows(unseal(await parts.rows(), "block rows"), index.lineCount, templates);
  return openRows(rows, templates, candidates, sections);
}

/** Tokens of all needles with the sections that may have them, the longest first; null: one is nowhere. */
async function findTokens(
  index: BlockIndex,
  parts: BlockParts,
  needles: readonly string[],
): Promise<SoughtToken[] | null> {
  const tokens = needles.flatMap(needleTokens).sort((a, b) => b.text.length - a.text.length);
  const sought: SoughtToken[] = [];
  for (const needle of tokens) {
    const { token, isInLayout, sections, filtered } = placesOf(index, needle);
    if (!isInLayout && sections.length === 0 && filtered.length === 0) return null;
    const isInFilter = filtered.length > 0 && (await filterAdmits(index, parts, token));
    const found = new Set(isInFilter ? [...sections, ...filtered] : sections);
    if (!isInLayout && found.size === 0) return null;
    sought.push({ token, sections: found });
  }
  return sought;
}

async function filterAdmits(
  { bucketCount }: BlockIndex,
  parts: BlockParts,
  token: string,
): Promise<boolean> {
  if (bucketCount === 0) return false;
  const hash = tokenHash(token);
  return bucketAdmits(await parts.bucket(bucketOf(hash, bucketCount)), hash);
}

function mayHold(template: TemplateNode, token: SoughtToken): boolean {
  return hasWord(template, token.token) || template.columns.some((one) => mayHoldToken(one, token));
}

/** Columns that have the token; null: it is a word of all lines. */
function placesIn(
  template: TemplateNode,
  token: SoughtToken,
  sections: ReadonlyMap<number, Uint8Array>,
  times: TimeBounds,
): readonly ColumnNode[] | null {
  if (hasWord(template, token.token)) return null;
  return template.columns.filter((one) => holdsToken(one, token, sections, times));
}

/** Where one column alone has the token, only its shapes that have it are wanted. */
function narrow(
  template: TemplateNode,
  places: readonly ColumnNode[] | null,
  token: SoughtToken,
  sections: ReadonlyMap<number, Uint8Array>,
  times: TimeBounds,
): TemplateNode {
  if (places?.length !== 1) return template;
  const columns = template.columns.map((one) =>
    one === places[0] ? narrowed(one, token, sections, times) : one,
  );
  return { ...template, columns };
}

function hasWord({ words }: TemplateNode, token: string): boolean {
  return words?.some((word) => word?.includes(token)) ?? false;
}

async function loadSections(
  parts: BlockParts,
  numbers: ReadonlySet<number>,
  into: Map<number, Uint8Array>,
): Promise<void> {
  const missing = [...numbers].filter((number) => !into.has(number));
  if (missing.length === 0) return;
  const sealed = await parts.sections(missing);
  for (const [i, number] of missing.entries()) {
    into.set(number, unseal(sealed[i] ?? new Uint8Array(), "block section"));
  }
}

function readLayout(bytes: Uint8Array, lineCount: number): TemplateNode[] {
  const reader = new ByteReader(bytes, "block layout");
  const templates: TemplateNode[] = [];
  let lines = 0;
  for (let left = reader.count(2); left > 0; left -= 1) {
    const wordCount = reader.varint();
    const count = reader.varint();
    lines += count;
    if (lines > lineCount || wordCount > reader.remaining) throw tooMany();
    const words: (string | null)[] = [];
    for (let at = 0; at < wordCount; at += 1) {
      words.push(reader.byte() === 0 ? readText(reader) : null);
    }
    const columns: ColumnNode[] = [];
    for (const word of words) if (word === null) columns.push(readColumnNode(reader, count));
    templates.push({ words, count, columns });
  }
  const count = reader.varint();
  if (lines + count !== lineCount) throw tooMany();
  const columns = count === 0 ? [] : [readColumnNode(reader, count)];
  templates.push({ words: null, count, columns });
  reader.end();
  return templates;
}

function tooMany(): OperationalError {
  return new OperationalError("PARSE", "block layout does not have the lines of its block");
}

type Rows = {
  readonly timesUs: Float64Array;
  readonly templateOf: Float64Array;
  /** By line its place among the lines of its template. */
  readonly rankOf: Int32Array;
  /** By template its lines, ascending. */
  readonly rowsOf: readonly Int32Array[];
  readonly metadata: readonly Labels[];
  readonly metadataOf: Float64Array;
};

function readRows(bytes: Uint8Array, lineCount: number, templates: readonly TemplateNode[]): Rows {
  const reader = new ByteReader(bytes, "block rows");
  const timesUs = readIntegers(reader, lineCount);
  const templateOf = readIntegers(reader, lineCount);
  const metadata = readMetadata(reader);
  const grouped = readIntegers(reader, lineCount);
  reader.end();
  const rankOf = new Int32Array(lineCount);
  const rowsOf = templates.map(({ count }) => new Int32Array(count));
  const seen = new Int32Array(templates.length);
  for (let row = 0; row < lineCount; row += 1) {
    const template = templateOf[row] ?? 0;
    const rank = seen[template];
    const rows = rowsOf[template];
    if (rank === undefined || rows === undefined || rank >= rows.length) throw tooMany();
    rankOf[row] = rank;
    rows[rank] = row;
    seen[template] = rank + 1;
  }
  const metadataOf = new Float64Array(lineCount);
  let at = 0;
  for (const rows of rowsOf) {
    for (const row of rows) {
      metadataOf[row] = grouped[at] ?? 0;
      at += 1;
    }
  }
  return { timesUs, templateOf, rankOf, rowsOf, metadata, metadataOf };
}

/** Columns of a template are opened when its first line is asked for. */
function openRows(
  rows: Rows,
  templates: readonly TemplateNode[],
  candidates: readonly boolean[],
  sections: ReadonlyMap<number, Uint8Array>,
): BlockRows {
  const { timesUs, templateOf, rankOf, rowsOf, metadata, metadataOf } = rows;
  const opened: (Column | null)[] = templates.map(() => null);
  const open = (number: number): Column => {
    const template = templates[number] as TemplateNode;
    const times = timesOf(timesUs, rowsOf[number] as Int32Array);
    const columns = template.columns.map((node) => openColumn(node, sections, times));
    return template.words === null ? (columns[0] as Column) : joinWords(template.words, columns);
  };
  return {
    timesUs,
    textOf: (row) => {
      const number = templateOf[row] as number;
      if (candidates[number] !== true) return null;
      let column = opened[number] ?? null;
      if (column === null) {
        column = open(number);
        opened[number] = column;
      }
      return column(rankOf[row] as number);
    },
    metadataOf: (row) => metadata[metadataOf[row] ?? 0] ?? [],
  };
}

function timesOf(timesUs: Float64Array, rows: Int32Array): Float64Array {
  const times = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i += 1) times[i] = timesUs[rows[i] as number] as number;
  return times;
}

/** Constant words that stand side by side are one text. */
function joinWords(words: readonly (string | null)[], columns: readonly Column[]): Column {
  const between: string[] = [""];
  for (const [i, word] of words.entries()) {
    const space = i === 0 ? "" : " ";
    between.push(`${between.pop() ?? ""}${space}${word ?? ""}`);
    if (word === null) between.push("");
  }
  return (rank) => {
    let text = between[0] as string;
    for (let i = 0; i < columns.length; i += 1) {
      const word = (columns[i] as Column)(rank);
      if (word === null) return null;
      text += word + (between[i + 1] as string);
    }
    return text;
  };
}
