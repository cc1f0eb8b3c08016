/**
 * The overview as it goes to pages and programs: columns, one entry of each for each node or alert,
 * so that a thousand nodes are a few long lists and not a thousand objects. Times are Unix
 * milliseconds, shares go from 0 to 1, null is what is not known.
 */

export const NODE_STATES = ["awaited", "up", "down", "left"] as const;
export type NodeState = (typeof NODE_STATES)[number];

/** Numbers of each node that change all the time. */
export const FIGURES = ["cpu", "memory", "disk", "network", "load"] as const;
export type Figure = (typeof FIGURES)[number];
export type FigureColumn = (number | null)[];

/** Those of which the last hour is kept. */
export const TRACED = ["cpu", "memory", "disk", "network"] as const;
export type Traced = (typeof TRACED)[number];

export const POINTS = 60;
export const POINT_EVERY_MS = 60_000;

/** By name. `network`: bytes a second, both ways. `disk`: of the fullest file system. */
export type NodeColumns = {
  name: string[];
  state: NodeState[];
  sinceMs: number[];
} & Record<Figure, FigureColumn>;

/**
 * `POINTS` values a node, one after another, oldest first. The last of each is of `endMs`, a full
 * minute; 0: there is none yet.
 */
export type Traces = { endMs: number } & Record<Traced, FigureColumn>;

/** Worst first. `total` may be more than there are entries. */
export type AlertColumns = {
  total: number;
  fingerprint: string[];
  labels: Record<string, string>[];
  summary: string[];
  description: string[];
  startsAtMs: number[];
  /** Ids of the silences that match. */
  silencedBy: string[][];
  /** When the last of them ends; 0 without one. */
  silencedUntilMs: number[];
  /** Other alerts that mute it. */
  inhibitors: number[];
  /** "": nobody. */
  acknowledgedBy: string[];
};

/** Those that need a look come first. `total` may be more than there are entries. */
export type ServiceColumns = {
  total: number;
  name: string[];
  requestsPerSecond: FigureColumn;
  errorRatio: FigureColumn;
  /** The 95th of a hundred; of a source without a histogram the mean. */
  latencySeconds: FigureColumn;
  /** That fire. */
  alerts: number[];
};

/** `name` is a container or unit, "" where the node itself is meant; `before`: the image that ran. */
export type Change = {
  readonly timeMs: number;
  readonly kind: "start" | "stop" | "restart" | "image" | "oom" | "boot" | "config";
  readonly node: string;
  readonly name: string;
  readonly image: string;
  readonly before: string;
  /** So often within an hour; `timeMs` is the last time. */
  readonly count: number;
};

export type Overview = {
  /** Of the changes that are in it. */
  seq: number;
  timeMs: number;
  nodes: NodeColumns;
  traces: Traces;
  alerts: AlertColumns;
  services: ServiceColumns;
  /** The last ones, newest first. */
  changes: readonly Change[];
};

/** Entries at these places have these values now. */
export type Changed<T> = { at: number[]; to: T[] };

export type NodeChanges = Partial<{
  [Name in Exclude<keyof NodeColumns, "name">]: Changed<NodeColumns[Name][number]>;
}>;

/** What an overview needs to become the next one; `seq` is the next one's. */
export type OverviewChange = {
  seq: number;
  timeMs: number;
  nodes?: NodeChanges;
  /** One more minute of each node. */
  point?: { endMs: number } & Record<Traced, FigureColumn>;
  /** All of them, where anything about them is different. */
  alerts?: AlertColumns;
  services?: ServiceColumns;
  changes?: readonly Change[];
};
