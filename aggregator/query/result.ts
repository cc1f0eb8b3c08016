import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";

/** Times are Unix milliseconds. `warnings` are remarks for whoever wrote the query. */
export type QueryResult = (
  | { readonly type: "scalar"; readonly timeMs: number; readonly value: number }
  | { readonly type: "string"; readonly timeMs: number; readonly value: string }
  | { readonly type: "vector"; readonly timeMs: number; readonly samples: readonly VectorSample[] }
  | { readonly type: "matrix"; readonly series: readonly SeriesColumns[] }
) & { readonly warnings: readonly string[] };
