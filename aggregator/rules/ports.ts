/** What rules need of the other parts; app.ts joins them. Times are Unix milliseconds. */

import type { VectorSample } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";

export type CompiledExpr = {
  /** As it is shown. */
  readonly query: string;
  /** The elements at a time; a scalar is one sample without labels. @throws OperationalError */
  instant(timeMs: number): Promise<readonly VectorSample[]>;
  /**
   * The same expression with its filtering comparisons left out: an element here says that its data
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
  /**
   * How old the newest data of a node is, in milliseconds, where it catches up with a backlog; 0 where
   * it keeps pace or is silent. Of the node that is furthest behind for an empty name.
   */
  latenessMs(node: string): number;
};

/** An alert began or ceased to fire. */
export type AlertChange = {
  readonly status: "firing" | "resolved";
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Null while it fires. */
  readonly endsAtMs: number | null;
  readonly generatorUrl: string;
};

export type NotifyFn = {
  /** What must be stored so that the changes are delivered; the caller adds it to its own batch. */
  operations(changes: readonly AlertChange[], timeMs: number): readonly BatchOperation[];
  /** The batch is on the disk. */
  wake(): void;
};

export type RuleHealth = "unknown" | "ok" | "err";

export type AlertSnapshot = {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly state: "pending" | "firing";
  readonly activeAtMs: number;
  /** Since when only keep_firing_for holds it; null: the condition holds. */
  readonly keepFiringSinceMs: number | null;
  readonly value: number;
  /** It stands because its data stopped. */
  readonly isNoData: boolean;
};

type RuleStanding = {
  readonly name: string;
  readonly query: string;
  readonly labels: Labels;
  readonly health: RuleHealth;
  readonly lastError: string;
  /** 0: not yet. */
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
};

export type RuleSnapshot =
  | (RuleStanding & { readonly type: "recording" })
  | (RuleStanding & {
      readonly type: "alerting";
      readonly state: "inactive" | "pending" | "firing";
      readonly forMs: number;
      readonly keepFiringForMs: number;
      readonly noData: "keep" | "fire" | "resolve";
      readonly annotations: Labels;
      readonly alerts: readonly AlertSnapshot[];
    });

export type RuleGroupSnapshot = {
  readonly name: string;
  readonly file: string;
  readonly intervalMs: number;
  readonly limit: number;
  readonly lastEvaluationMs: number;
  readonly evaluationSeconds: number;
  readonly rules: readonly RuleSnapshot[];
};
