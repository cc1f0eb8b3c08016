import type { Labels } from "../../shared/model/labels.ts";

/** An alert as a receiver gets it. Times are Unix milliseconds. */
export type NotifiedAlert = {
  readonly status: "firing" | "resolved";
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Null while it fires. */
  readonly endsAtMs: number | null;
  readonly generatorUrl: string;
};

/** Alerts of one group that are sent together: all of the group, changed or not. */
export type Notification = {
  readonly timeMs: number;
  /** Which group it is, as Alertmanager writes it: `{}/{team="a"}:{alertname="x"}`. */
  readonly groupKey: string;
  readonly groupLabels: Labels;
  /** By their labels. */
  readonly alerts: readonly NotifiedAlert[];
};

/** An alert from outside, checked. Null: it is not said. */
export type PostedAlert = {
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number | null;
  readonly endsAtMs: number | null;
  readonly generatorUrl: string;
};

/** An alert that was not yet resolved when it was asked for. Times are Unix milliseconds. */
export type ShownAlert = {
  /** As receivers get them: with the external labels. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** Of one that a rule found: when it would end if the rule fell silent, as Alertmanager has it. */
  readonly endsAtMs: number;
  readonly updatedAtMs: number;
  readonly generatorUrl: string;
  /** 16 hex digits. */
  readonly fingerprint: string;
  readonly receivers: readonly string[];
  readonly state: "unprocessed" | "active" | "suppressed";
  /** Ids of silences. */
  readonly silencedBy: readonly string[];
  /** Fingerprints of alerts. */
  readonly inhibitedBy: readonly string[];
  /** Names of time intervals. */
  readonly mutedBy: readonly string[];
};

export type ShownGroup = {
  readonly labels: Labels;
  readonly receiver: string;
  readonly alerts: readonly ShownAlert[];
};

/** What became of one notification, or where it stands. */
export type Delivery = {
  readonly timeMs: number;
  readonly receiver: string;
  /** Such as `webhook`. */
  readonly integration: string;
  readonly groupKey: string;
  /**
   * `waiting`: it is still being tried. `collapsed`: what it told was over before the receiver took it,
   * and nothing has to be told any more.
   */
  readonly outcome: "waiting" | "delivered" | "rejected" | "expired" | "collapsed";
  /** Alerts. */
  readonly firing: number;
  readonly resolved: number;
  /** Of the receiver, or why there is none. */
  readonly answer: string;
  /** From when it was first due. */
  readonly waitedMs: number;
  readonly attempts: number;
};
