import { sampleText } from "../shared/model/go-number.ts";
import { labelPairs, labelsRecord, labelValue, METRIC_NAME } from "../shared/model/labels.ts";
import type { QueryResponse__Output } from "../shared/wire/generated/telltale/v1/QueryResponse.ts";
import type { ResultSeries__Output } from "../shared/wire/generated/telltale/v1/ResultSeries.ts";
import type { Column } from "./table.ts";
import { printable } from "./terminal.ts";

type Point = readonly [seconds: number, value: string];

/**
 * JSON form of `query` and `range`: the `data` of Prometheus' HTTP API, with `warnings` beside it.
 * Times are Unix seconds, values texts ("NaN", "+Inf").
 * @param timeMs of the query; a string comes without a time of its own
 */
export function queryJson(response: QueryResponse__Output, timeMs: number) {
  const { result, warnings, stringValue } = response;
  switch (response.resultType) {
    case "RESULT_TYPE_SCALAR": {
      const [point] = result.flatMap(pointsOf);
      return { resultType: "scalar", result: point ?? [timeMs / 1000, "NaN"], warnings };
    }
    case "RESULT_TYPE_STRING":
      return { resultType: "string", result: [timeMs / 1000, stringValue], warnings };
    case "RESULT_TYPE_MATRIX": {
      const series = result.map((one) => {
        return { metric: labelsRecord(one.labels), values: pointsOf(one) };
      });
      return { resultType: "matrix", result: series, warnings };
    }
    default: {
      const samples = result.map((one) => {
        const [value = [timeMs / 1000, "NaN"] as const] = pointsOf(one);
        return { metric: labelsRecord(one.labels), value };
      });
      return { resultType: "vector", result: samples, warnings };
    }
  }
}

function pointsOf({ timesMs, values }: ResultSeries__Output): Point[] {
  return timesMs.map((timeMs, i): Point => [timeMs / 1000, sampleText(values[i] ?? Number.NaN)]);
}

/** The columns that name a series, METRIC first. */
export function labelColumns(
  result: readonly ResultSeries__Output[],
): readonly Column<ResultSeries__Output>[] {
  const names = new Set(result.flatMap(({ labels }) => labelPairs(labels).map(([name]) => name)));
  const others = [...names].filter((name) => name !== METRIC_NAME).sort();
  const sorted = names.has(METRIC_NAME) ? [METRIC_NAME, ...others] : others;
  return sorted.map((name) => ({
    title: name === METRIC_NAME ? "METRIC" : name,
    cell: ({ labels }) => labelValue(labels, name),
  }));
}

/** A line each, for standard error: what stands on standard output stays a table. */
export function warningsText(warnings: readonly string[]): string {
  return warnings.map((warning) => `Warning: ${printable(warning)}\n`).join("");
}
