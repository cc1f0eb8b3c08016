/** What is told of the agent's targets, as the protocol has it: bounded, and what is cut is said. */

import { type Labels, labelPairs, labelsFrom } from "../../shared/model/labels.ts";
import type { DroppedTarget as Dropped, TargetOffer as Offer } from "../../shared/model/target.ts";
import type { Target } from "../../shared/wire/generated/telltale/v1/Target.ts";
import type { TargetNotes } from "../../shared/wire/generated/telltale/v1/TargetNotes.ts";
import {
  DROPPED_JOBS_MAX,
  DROPPED_MAX,
  ERROR_LENGTH_MAX,
  JOB_LENGTH_MAX,
  LABELS_LENGTH_MAX,
  LEFT_OUT_REASONS_MAX,
  OFFERS_MAX,
  REFUSED_MAX,
  TEXT_LENGTH_MAX,
  URL_LENGTH_MAX,
} from "../../shared/wire/target-limits.ts";
import type { TargetEntry, TargetList } from "../model/target-book.ts";

/** A target, and the length of its texts. */
export type TargetMessage = { readonly target: Target; readonly length: number };

const HEALTHS = {
  unknown: "TARGET_HEALTH_UNKNOWN",
  up: "TARGET_HEALTH_UP",
  down: "TARGET_HEALTH_DOWN",
} as const;

/** @param own the agent's own labels: as with its series, those that the target has itself stand */
export function targetMessage(entry: TargetEntry, own: Labels): TargetMessage {
  const { id, health, leftOut } = entry;
  const { isProbe, intervalMs, timeoutMs, discovered } = entry.target;
  const labels = labelsFrom([...labelPairs(own), ...labelPairs(entry.target.labels)]);
  const job = entry.target.job.slice(0, JOB_LENGTH_MAX);
  const url = entry.target.url.slice(0, URL_LENGTH_MAX);
  const error = entry.error.slice(0, ERROR_LENGTH_MAX);
  const [ownLabels, discoveredLabels] = [cutLabels(labels), cutLabels(discovered)];
  const target = {
    ...{ id, isProbe, job, url, labels: ownLabels, discovered: discoveredLabels },
    ...{ intervalMs, timeoutMs, health: HEALTHS[health], error },
    leftOut: leftOut.slice(0, LEFT_OUT_REASONS_MAX).map((one) => ({ ...one })),
  };
  const length = lengthOf([job, url, error, ...ownLabels, ...discoveredLabels]);
  const wholeLength = lengthOf([
    ...[entry.target.job, entry.target.url, entry.error],
    ...[...labels, ...discovered],
  ]);
  return { target: { ...target, isCut: length < wholeLength }, length };
}

/** The first labels that there is room for. */
function cutLabels(labels: Labels): string[] {
  let length = 0;
  let end = 0;
  while (end < labels.length) {
    length += lengthOf(labels.slice(end, end + 2));
    if (length > LABELS_LENGTH_MAX) break;
    end += 2;
  }
  return labels.slice(0, end);
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

/** @param targetsLeftOut how many targets there was no room for */
export function notesMessage(lists: Iterable<TargetList>, targetsLeftOut: number): TargetNotes {
  const dropped: Dropped[] = [];
  const counts = new Map<string, number>();
  const refused = [...lists].flatMap((list) => list.refused);
  const offers = [...lists].flatMap((list) => list.offers);
  let offersLeftOut = Math.max(0, offers.length - OFFERS_MAX);
  for (const list of lists) {
    offersLeftOut += list.offersLeftOut;
    for (const [job, { first, count }] of list.dropped) {
      counts.set(job, (counts.get(job) ?? 0) + count);
      const room = DROPPED_MAX - dropped.length;
      dropped.push(...first.slice(0, room).map((one) => ({ job, ...one })));
    }
  }
  return {
    dropped: dropped.map((one) => ({
      job: one.job.slice(0, JOB_LENGTH_MAX),
      discovered: cutLabels(one.discovered),
      reason: one.reason.slice(0, TEXT_LENGTH_MAX),
    })),
    droppedCounts: [...counts].slice(0, DROPPED_JOBS_MAX).map(([job, count]) => {
      return { job: job.slice(0, JOB_LENGTH_MAX), count };
    }),
    refused: refused.slice(0, REFUSED_MAX).map(({ subject, reason }) => ({
      subject: subject.slice(0, TEXT_LENGTH_MAX),
      reason: reason.slice(0, TEXT_LENGTH_MAX),
    })),
    refusedCount: refused.length,
    offers: offers.slice(0, OFFERS_MAX).map(cutOffer),
    offersLeftOut,
    targetsLeftOut,
  };
}

function cutOffer({ port, ...texts }: Offer): Offer {
  const cut = (text: string) => text.slice(0, TEXT_LENGTH_MAX);
  return {
    port,
    address: cut(texts.address),
    program: cut(texts.program),
    container: cut(texts.container),
    unit: cut(texts.unit),
    what: cut(texts.what),
    accept: cut(texts.accept),
  };
}
