import type { SeriesColumns, VectorSample } from "../../shared/model/columns.ts";

/** Times are Unix milliseconds. `warnings` and `infos` are remarks for whoever wrote the query. */
export type QueryResult = (
  | { readonly type: "scalar"; readonly timeMs: number; readonly value: number }
  | { readonly type: "string"; readonly timeMs: number; readonly value: string }
  | { readonly type: "vector"; readonly timeMs: number; readonly samples: readonly VectorSample[] }
  | { readonly type: "matrix"; readonly series: readonly SeriesColumns[] }
) & {
  readonly warnings: readonly string[];
  readonly infos?: readonly string[];
  /** Samples read and elements computed, where they were counted. */
  readonly samplesHeld?: number;
};

/**
 * Remarks on a result, in the words of Prometheus: `warnings` say it may be wrong, `infos` that it may
 * not be what was meant. `place` is "PromQL line:column"; it ends the remark.
 */
export class Remarks {
  readonly warnings = new Set<string>();
  readonly infos = new Set<string>();

  warn(place: string, text: string): void {
    this.warnings.add(remarkText("warning", place, text));
  }

  inform(place: string, text: string): void {
    this.infos.add(remarkText("info", place, text));
  }
}

function remarkText(kind: "warning" | "info", place: string, text: string): string {
  const [language = "", at = ""] = place.split(" ");
  return `${language} ${kind}: ${text} (${at})`;
}
