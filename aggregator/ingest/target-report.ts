import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import type { KnownTarget, TargetNotes, TargetReport } from "../../shared/model/target.ts";
import type { Target__Output } from "../../shared/wire/generated/telltale/v1/Target.ts";
import type { TargetNotes__Output } from "../../shared/wire/generated/telltale/v1/TargetNotes.ts";
import type { TargetReport__Output } from "../../shared/wire/generated/telltale/v1/TargetReport.ts";
import {
  DROPPED_JOBS_MAX,
  DROPPED_MAX,
  ERROR_LENGTH_MAX,
  JOB_LENGTH_MAX,
  LABELS_LENGTH_MAX,
  LEFT_OUT_REASONS_MAX,
  OFFERS_MAX,
  REFUSED_MAX,
  TARGETS_MAX,
  TARGETS_OF_MESSAGE_MAX,
  TEXT_LENGTH_MAX,
  URL_LENGTH_MAX,
} from "../../shared/wire/target-limits.ts";

const REASON = /^[a-z0-9_]{1,64}$/;
const HEALTHS = {
  TARGET_HEALTH_UNSPECIFIED: "unknown",
  TARGET_HEALTH_UNKNOWN: "unknown",
  TARGET_HEALTH_UP: "up",
  TARGET_HEALTH_DOWN: "down",
} as const;

/** What an agent says of its targets, checked. @throws OperationalError PROTOCOL */
export function checkedTargets(message: TargetReport__Output): TargetReport {
  const { isFirst, target, gone, notes } = message;
  checkCount("targets", target, TARGETS_OF_MESSAGE_MAX);
  checkCount("targets that are gone", gone, TARGETS_MAX);
  return {
    isFirst,
    targets: target.map(checkedTarget),
    gone,
    notes: notes && checkedNotes(notes),
  };
}

function checkedTarget(target: Target__Output): KnownTarget {
  const { job, url, error, leftOut, health, intervalMs, timeoutMs } = target;
  checkLength("job of a target", job, JOB_LENGTH_MAX);
  checkLength("URL of a target", url, URL_LENGTH_MAX);
  checkLength("error of a target", error, ERROR_LENGTH_MAX);
  checkCount("reasons", leftOut, LEFT_OUT_REASONS_MAX);
  for (const { reason, samples } of leftOut) {
    if (!REASON.test(reason)) throw fault(`a reason ${JSON.stringify(reason.slice(0, 64))}`);
    if (!Number.isSafeInteger(samples)) throw fault(`${samples} samples`);
  }
  const labels = checkedLabels(target.labels);
  const discovered = checkedLabels(target.discovered);
  const { id, isProbe, isCut } = target;
  const texts = { job, url, labels, discovered, error };
  return { id, isProbe, ...texts, intervalMs, timeoutMs, health: HEALTHS[health], leftOut, isCut };
}

function checkedNotes(notes: TargetNotes__Output): TargetNotes {
  const { dropped, droppedCounts, refused, offers } = notes;
  checkCount("dropped targets", dropped, DROPPED_MAX);
  checkCount("jobs with dropped targets", droppedCounts, DROPPED_JOBS_MAX);
  checkCount("refused targets", refused, REFUSED_MAX);
  checkCount("offers", offers, OFFERS_MAX);
  for (const { job, reason } of dropped) {
    checkLength("job of a dropped target", job, JOB_LENGTH_MAX);
    checkLength("reason of a dropped target", reason, TEXT_LENGTH_MAX);
  }
  for (const { job } of droppedCounts) checkLength("job", job, JOB_LENGTH_MAX);
  for (const one of [...refused, ...offers]) {
    for (const text of Object.values(one)) {
      if (typeof text === "string") checkLength("text", text, TEXT_LENGTH_MAX);
    }
  }
  return {
    ...notes,
    dropped: dropped.map((one) => ({ ...one, discovered: checkedLabels(one.discovered) })),
  };
}

function checkedLabels(labels: readonly string[]): Labels {
  const length = labels.reduce((sum, text) => sum + text.length, 0);
  if (length > LABELS_LENGTH_MAX) throw fault(`labels of a target of ${length} characters`);
  return labelsFrom(labelPairs(labels));
}

function checkCount(what: string, list: readonly unknown[], most: number): void {
  if (list.length > most) throw fault(`${list.length} ${what} at a time`);
}

function checkLength(what: string, text: string, most: number): void {
  if (text.length > most) throw fault(`a ${what} of ${text.length} characters`);
}

function fault(what: string): OperationalError {
  return new OperationalError("PROTOCOL", `It reports ${what}`);
}
