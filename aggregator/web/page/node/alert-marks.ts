import type { PromSeries } from "./prom-answer.ts";

/** An alert that fired, on the time axis; Unix milliseconds. */
export type AlertMark = {
  readonly name: string;
  readonly isCritical: boolean;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Where `ALERTS` of a node has values without a gap, an alert fired. */
export function alertMarks(series: readonly PromSeries[], stepMs: number): AlertMark[] {
  const marks: AlertMark[] = [];
  for (const { metric, values } of series) {
    const name = metric["alertname"] ?? "";
    const isCritical = metric["severity"] === "critical";
    let from: number | null = null;
    values.forEach(([timeS], i) => {
      from ??= timeS * 1000;
      const nextS = values[i + 1]?.[0];
      if (nextS !== undefined && nextS * 1000 - timeS * 1000 <= stepMs * 1.5) return;
      marks.push({ name, isCritical, fromMs: from, toMs: timeS * 1000 });
      from = null;
    });
  }
  return marks.sort((a, b) => a.fromMs - b.fromMs);
}
