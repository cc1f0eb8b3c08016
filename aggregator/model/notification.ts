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
  /** "": nobody has acknowledged it. */
  readonly acknowledgedBy: string;
  readonly acknowledgeComment: string;
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

/** What an integration answered to a test. */
export type TestAnswer = {
  /** Such as `webhook[0]`. */
  readonly integration: string;
  /** `failed`: a notification would be tried again. */
  readonly outcome: "delivered" | "rejected" | "failed";
  /** Of the receiver, or why there is none. */
  readonly answer: string;
  readonly tookMs: number;
};

/** Where an alert would go, and what would be sent. */
export type Preview = {
  /** As receivers get them. */
  readonly labels: Labels;
  readonly routes: readonly PreviewRoute[];
  readonly messages: readonly PreviewMessage[];
};

export type PreviewRoute = {
  readonly key: string;
  readonly receiver: string;
  /** Such as `webhook[0]`. */
  readonly integrations: readonly string[];
  readonly groupLabels: Labels;
  readonly groupWaitMs: number;
  readonly groupIntervalMs: number;
  readonly repeatIntervalMs: number;
  /** Names of the time intervals by which it is mute now. */
  readonly mutedBy: readonly string[];
  readonly escalations: readonly { readonly afterMs: number; readonly receiver: string }[];
};

/** A request that would be made, or a mail; without secrets. */
export type PreviewMessage = {
  readonly integration: string;
  readonly method: "GET" | "POST" | "PUT" | "MAIL";
  readonly host: string;
  readonly contentType: string;
  readonly body: string;
  /** Why there is no message; else "". */
  readonly fault: string;
};
