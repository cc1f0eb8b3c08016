import type { DroppedRange } from "../../shared/model/accounts.ts";
import type { AccountsReport, NodeAccounting } from "../model/node.ts";

type Gap = { readonly fromSeq: number; readonly toSeq: number };

/**
 * What an agent says of its frames, checked against what was stored here. Two things must hold: what
 * it counts as stored is stored, and what is missing in its stream lies in a range that it says it
 * dropped. `offset`: frames that it counted as stored when it was first met, less those of them that
 * came all the same, and less those it gave up and that had arrived.
 */
export type NodeAccounts = Omit<NodeAccounting, "unaccounted"> & {
  readonly streamId: string;
  readonly offset: number;
  /** Frames that it counts as dropped and that are stored. */
  readonly arrived: number;
  /** Frames it counts as stored that are not, or, negative, that are stored and were not made. */
  readonly deficit: number;
  /** Before this one nothing is looked for: it was settled before the stream was known here. */
  readonly floorSeq: number;
  readonly gaps: readonly Gap[];
};

const GAPS_MAX = 64;
const RANGES_MAX = 20;

/** The accounts after a report; the ones before where it cannot be compared. */
export function withReport(
  before: NodeAccounts | null,
  { streamId, reported, framesStored, isNewHere }: AccountsReport,
  nowMs: number,
): NodeAccounts | null {
  if (framesStored === null) return before;
  const { made, stored, waiting, settledSeq } = reported;
  const known = before?.streamId === streamId ? before : null;
  const isFresh = known === null || isNewHere;
  let offset = isFresh ? stored - framesStored : known.offset;
  let arrived = known?.arrived ?? 0;
  const surplus = offset + framesStored - stored;
  const droppedFrames = reported.dropped.reduce((sum, { frames }) => sum + frames, 0);
  if (surplus > 0 && arrived + surplus <= droppedFrames) {
    offset -= surplus;
    arrived += surplus;
  }
  return {
    streamId,
    made,
    waiting,
    stored: offset + framesStored,
    dropped: reported.dropped.map(({ reason, frames }) => ({ reason, frames })),
    toldMs: nowMs,
    offset,
    arrived,
    deficit: stored - offset - framesStored,
    floorSeq: isFresh ? settledSeq : known.floorSeq,
    gaps: isFresh ? [] : known.gaps,
    ranges: known?.ranges ?? [],
  };
}

/**
 * One more is stored. Of what was settled before the agent came here a part may be sent again, so that
 * the rest can be read; its counts do not have that.
 */
export function withStored(accounts: NodeAccounts, seq: number): NodeAccounts {
  if (seq > accounts.floorSeq) return accounts;
  return { ...accounts, offset: accounts.offset - 1 };
}

/** Sequences from `fromSeq` to `toSeq` will not come any more. */
export function withGap(accounts: NodeAccounts, { fromSeq, toSeq }: Gap): NodeAccounts {
  if (toSeq <= accounts.floorSeq) return accounts;
  let gaps: readonly Gap[] = [{ fromSeq: Math.max(fromSeq, accounts.floorSeq + 1), toSeq }];
  for (const range of accounts.ranges) gaps = without(gaps, range);
  return { ...accounts, gaps: [...accounts.gaps, ...gaps].slice(-GAPS_MAX) };
}

/** A range that is reported again counts once. */
export function withRanges(
  accounts: NodeAccounts,
  reported: readonly DroppedRange[],
): NodeAccounts {
  const lastId = accounts.ranges.at(-1)?.id ?? 0;
  const ranges = reported.filter(({ id }) => id > lastId).sort((a, b) => a.id - b.id);
  if (ranges.length === 0) return accounts;
  let { gaps } = accounts;
  for (const range of ranges) gaps = without(gaps, range);
  return { ...accounts, gaps, ranges: [...accounts.ranges, ...ranges].slice(-RANGES_MAX) };
}

/** Frames that nobody can say the whereabouts of, at least. */
export function unaccounted({ deficit, gaps }: NodeAccounts): number {
  const missing = gaps.reduce((sum, { fromSeq, toSeq }) => sum + toSeq - fromSeq + 1, 0);
  return Math.max(Math.abs(deficit), missing);
}

export function accountingOf(accounts: NodeAccounts): NodeAccounting {
  const { made, stored, waiting, dropped, toldMs, ranges } = accounts;
  return { made, stored, waiting, dropped, unaccounted: unaccounted(accounts), toldMs, ranges };
}

function without(gaps: readonly Gap[], { fromSeq, toSeq }: Gap): readonly Gap[] {
  return gaps.flatMap((gap) => {
    if (gap.toSeq < fromSeq || gap.fromSeq > toSeq) return [gap];
    const rest: Gap[] = [];
    if (gap.fromSeq < fromSeq) rest.push({ fromSeq: gap.fromSeq, toSeq: fromSeq - 1 });
    if (gap.toSeq > toSeq) rest.push({ fromSeq: toSeq + 1, toSeq: gap.toSeq });
    return rest;
  });
}
