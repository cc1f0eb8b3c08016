/** Where notifications go and when: a routing file in Alertmanager's format, read and checked. */

import type { Matcher } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type { FlappingOptions } from "./dispatch/flapping-state.ts";
import type { Integration } from "./integrations/integration.ts";

/** All of them match; no matchers match everything. */
export type LabelsTest = {
  readonly matchers: readonly Matcher[];
  readonly matches: (labels: Labels) => boolean;
};

/** A node of the route tree. What it inherits is filled in. */
export type Route = {
  /** The matchers from the root to here, as Alertmanager writes them: `{}/{team="a"}`. */
  readonly key: string;
  readonly test: LabelsTest;
  readonly receiver: string;
  /** Alerts with the same values of these labels are a group; null: every label counts (`...`). */
  readonly groupBy: readonly string[] | null;
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  /** An alert that matches goes on to the siblings behind. */
  readonly continues: boolean;
  /** Names of time intervals. */
  readonly muteTimes: readonly string[];
  readonly activeTimes: readonly string[];
  /** Who else hears of what still fires and that nobody has acknowledged; the soonest first. */
  readonly escalations: readonly Escalation[];
  readonly routes: readonly Route[];
};

/** Telltale's own, beside Alertmanager's format. */
type Escalation = { readonly afterMs: number; readonly receiver: string };

export type Receiver = { readonly name: string; readonly integrations: readonly Integration[] };

export type InhibitRule = {
  readonly source: LabelsTest;
  readonly target: LabelsTest;
  readonly equal: readonly string[];
};

/** Whether a time, Unix milliseconds, lies in one of the intervals of a name. */
export type TimeTest = (timeMs: number) => boolean;

/** `resolve_timeout` where it is not said. */
export const RESOLVE_TIMEOUT_MS = 300_000;

export type NotifyConfig = {
  /** As it was read, for people and programs that ask; secrets are left out. */
  readonly text: string;
  readonly root: Route;
  /** By name; every name of a route is there. */
  readonly receivers: ReadonlyMap<string, Receiver>;
  readonly inhibitRules: readonly InhibitRule[];
  /** By name; every name of a route is there. */
  readonly timeIntervals: ReadonlyMap<string, TimeTest>;
  /** An alert that is posted without its end ends so long after. */
  readonly resolveTimeoutMs: number;
  /** Null: every end is told. */
  readonly flapping: FlappingOptions | null;
};
