/** An alert as the dispatcher knows it: from a rule, or posted from outside. Pure. */

import { formatDuration } from "../../../shared/model/duration.ts";
import { type Labels, labelPairs, labelsFrom } from "../../../shared/model/labels.ts";
import type { NotifiedAlert } from "../../model/notification.ts";

/** Times are Unix milliseconds. */
export type KnownAlert = {
  /** `labelsKey` of its labels. */
  readonly key: string;
  /** Digest of the key, 32 hex digits: what records and keys name it by. */
  readonly digest: string;
  /** As receivers get them. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly startsAtMs: number;
  /** It is resolved from then on; null: its rule will say. */
  readonly endsAtMs: number | null;
  readonly endKind: EndKind;
  readonly updatedAtMs: number;
  readonly generatorUrl: string;
  /** How old the data was by which it last changed, where its node caught up with a backlog; else 0. */
  readonly lateMs: number;
  /** What people are told of an alert that begins again and again; else "". */
  readonly flapping: string;
};

/**
 * `open`: no end is known. `over`: its rule ended it, whatever the clock says since. `posted`: whoever
 * posted it said when. `timeout`: so long after it was last posted. `held`: it flaps, and is over unless
 * it begins again by then.
 */
type EndKind = "open" | "over" | "posted" | "timeout" | "held";

export function isResolved({ endsAtMs, endKind }: KnownAlert, nowMs: number): boolean {
  return endKind === "over" || (endsAtMs !== null && endsAtMs <= nowMs);
}

/**
 * What is known after an alert of the same labels was posted, as Alertmanager merges them: where the
 * two overlap, the earlier start and the later of two ends that were said; else the one that came.
 */
export function mergeAlerts(known: KnownAlert, came: KnownAlert, nowMs: number): KnownAlert {
  const knownEnd = known.endsAtMs ?? Number.POSITIVE_INFINITY;
  const cameEnd = came.endsAtMs ?? Number.POSITIVE_INFINITY;
  const overlaps =
    (came.endsAtMs !== null && cameEnd > known.startsAtMs && cameEnd < knownEnd) ||
    (came.startsAtMs > known.startsAtMs && came.startsAtMs < knownEnd);
  if (!overlaps) return came;
  const [older, newer] = came.updatedAtMs < known.updatedAtMs ? [came, known] : [known, came];
  const startsAtMs = Math.min(older.startsAtMs, newer.startsAtMs);
  const olderEnd = older.endsAtMs ?? Number.POSITIVE_INFINITY;
  const newerEnd = newer.endsAtMs ?? Number.POSITIVE_INFINITY;
  if (isResolved(newer, nowMs)) {
    const isLater = isResolved(older, nowMs) && olderEnd > newerEnd;
    return { ...newer, startsAtMs, endsAtMs: isLater ? older.endsAtMs : newer.endsAtMs };
  }
  // Of two that still fire one with an end of its own is stronger than one that only times out.
  const { endsAtMs, endKind } = olderEnd > newerEnd && older.endKind !== "timeout" ? older : newer;
  return { ...newer, startsAtMs, endsAtMs, endKind };
}

/** As a receiver gets it. */
export function notifiedAlert(alert: KnownAlert, nowMs: number): NotifiedAlert {
  const { labels, startsAtMs, generatorUrl } = alert;
  const isOver = isResolved(alert, nowMs);
  return {
    status: isOver ? "resolved" : "firing",
    labels,
    annotations: annotationsOf(alert),
    startsAtMs,
    endsAtMs: isOver ? alert.endsAtMs : null,
    generatorUrl,
  };
}

/** With marks where it was found late and where it flaps. */
export function annotationsOf({ annotations, lateMs, flapping }: KnownAlert): Labels {
  const marks: [string, string][] = [];
  if (lateMs > 0) {
    marks.push(["telltale_late", formatDuration(Math.round(lateMs / 1000) * 1000)]);
  }
  if (flapping !== "") marks.push(["telltale_flapping", flapping]);
  return marks.length === 0 ? annotations : labelsFrom([...labelPairs(annotations), ...marks]);
}
