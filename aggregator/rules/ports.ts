/** What rules need of the other parts; app.ts joins them. Times are Unix milliseconds. */

import type { VectorSample } from "../../shared/model/columns.ts";
import type { RuleAlerts, RuleEvaluation } from "../model/alert.ts";

export type CompiledExpr = {
  /** As it is shown. */
  readonly query: string;
  /** It reads log lines, not series. */
  readonly isOfLines: boolean;
  /** The elements at a time; a scalar is one sample without labels. @throws OperationalError */
  instant(timeMs: number): Promise<readonly VectorSample[]>;
  /**
   * The same expression with all that filters left out: an element here says that its data
   * is there. @throws OperationalError
   */
  presence(timeMs: number): Promise<readonly VectorSample[]>;
};

/** @throws OperationalError QUERY with line and column in the text */
export type CompileFn = (text: string) => CompiledExpr;

/**
 * Stores the samples of one write group at one time: durable and visible when it resolves. What the
 * group wrote the last time and not now is marked stale.
 */
export type WriteFn = (
  group: string,
  timeMs: number,
  samples: readonly VectorSample[],
) => Promise<void>;

/** How far the data is. */
export type DataClock = {
  /** Whether every node that is up has its ticks up to and including this time stored. */
  isComplete(timeMs: number): boolean;
  /** Resolves at the next change; rejects when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void>;
};

/** The durable table of alerts. */
export type AlertTable = {
  /** As the last evaluation that was written left them. */
  alertsOf(ruleId: string): RuleAlerts;
  /**
   * Takes the alerts of these rules in place of those before; durable when it resolves.
   * @throws OperationalError STORAGE; everything is as before then
   */
  write(evaluations: readonly RuleEvaluation[], timeMs: number): Promise<void>;
};
