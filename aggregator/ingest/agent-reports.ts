import { OperationalError } from "../../shared/errors.ts";
import type { Accounts, ClockMeasure, DroppedRange } from "../../shared/model/accounts.ts";
import type { Accounting__Output } from "../../shared/wire/generated/telltale/v1/Accounting.ts";
import type { ClockProbe__Output } from "../../shared/wire/generated/telltale/v1/ClockProbe.ts";
import type { Dropped__Output } from "../../shared/wire/generated/telltale/v1/Dropped.ts";
import { DROP_REASONS_MAX, DROPPED_RANGES_MAX } from "./limits.ts";

/** What agents say beside their frames, checked; each function throws OperationalError PROTOCOL. */

const REASON = /^[a-z0-9_]{1,64}$/;
/** Times that a clock can have: to the year 9999. */
const TIME_MAX_MS = 253_402_300_799_999;

export function checkedAccounts(message: Accounting__Output): Accounts {
  const { made, stored, waiting, dropped, settledSeq } = message;
  if (dropped.length > DROP_REASONS_MAX) throw fault(`${dropped.length} reasons of drops`);
  let sum = stored + waiting;
  for (const { reason, frames, samples } of dropped) {
    checkReason(reason);
    checkCount(frames, samples);
    sum += frames;
  }
  checkCount(made, stored, waiting, settledSeq);
  if (sum !== made) throw fault(`${made} frames made, and ${sum} stored, waiting or dropped`);
  return { made, stored, waiting, dropped, settledSeq };
}

export function checkedRanges({ range }: Dropped__Output): readonly DroppedRange[] {
  if (range.length > DROPPED_RANGES_MAX) throw fault(`${range.length} dropped ranges at a time`);
  for (const { id, fromSeq, toSeq, fromMs, toMs, reason, frames, samples } of range) {
    checkReason(reason);
    checkCount(id, fromSeq, toSeq, frames, samples);
    checkTime(fromMs);
    checkTime(toMs);
    if (toSeq < fromSeq) throw fault(`a dropped range from ${fromSeq} to ${toSeq}`);
  }
  return range;
}

/** Null: the agent has not measured yet. */
export function checkedMeasure(probe: ClockProbe__Output): ClockMeasure | null {
  const { aheadUsec, roundTripUsec, isMeasured } = probe;
  if (!isMeasured) return null;
  checkCount(roundTripUsec);
  checkTime(Math.abs(aheadUsec) / 1000);
  return { aheadMs: aheadUsec / 1000, roundTripMs: roundTripUsec / 1000 };
}

function checkReason(reason: string): void {
  if (!REASON.test(reason)) throw fault(`a reason ${JSON.stringify(reason.slice(0, 64))}`);
}

function checkCount(...counts: readonly number[]): void {
  for (const count of counts) {
    if (!Number.isSafeInteger(count) || count < 0) throw fault(`a count of ${count}`);
  }
}

function checkTime(timeMs: number): void {
  if (!(timeMs >= 0 && timeMs <= TIME_MAX_MS)) throw fault(`a time of ${timeMs}`);
}

function fault(what: string): OperationalError {
  return new OperationalError("PROTOCOL", `It reports ${what}`);
}
