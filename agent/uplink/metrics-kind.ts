import type { SeriesDefinition } from "../../shared/model/series-definition.ts";

/** Definitions that are read from the buffer, and sent in a message, at a time. */
export const TABLE_SERIES_MAX = 1000;
export const TABLE_BYTES_MAX = 256 * 1024;

const DEFINITION_BYTES = 16; // ids, lengths and tags, generously

/** Cuts definitions into messages of a bounded size; one that alone is larger goes alone. */
export function seriesTables(
  definitions: readonly SeriesDefinition[],
): readonly (readonly SeriesDefinition[])[] {
  const tables: SeriesDefinition[][] = [];
  let table: SeriesDefinition[] = [];
  let bytes = 0;
  for (const definition of definitions) {
    const size = definition.labels.reduce(
      (sum, text) => sum + Buffer.byteLength(text) + 3,
      DEFINITION_BYTES,
    );
    const isFull = table.length >= TABLE_SERIES_MAX || bytes + size > TABLE_BYTES_MAX;
    if (isFull && table.length > 0) {
      tables.push(table);
      table = [];
      bytes = 0;
    }
    table.push(definition);
    bytes += size;
  }
  if (table.length > 0) tables.push(table);
  return tables;
}
