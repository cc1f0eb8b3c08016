import { describe, expect, test } from "vitest";
import {
  type NodeAccounts,
  unaccounted,
  withGap,
  withRanges,
  withReport,
  withStored,
} from "../../../aggregator/fleet/accounts-state.ts";
import type { DroppedRange } from "../../../shared/model/accounts.ts";

type Told = {
  readonly stored: number;
  readonly waiting?: number;
  readonly dropped?: number;
  readonly settledSeq?: number;
};

function report(
  before: NodeAccounts | null,
  framesStored: number | null,
  { stored, waiting = 0, dropped = 0, settledSeq = 100 }: Told,
  options: { readonly streamId?: string; readonly isNewHere?: boolean } = {},
): NodeAccounts {
  const told = {
    made: stored + waiting + dropped,
    stored,
    waiting,
    dropped: [{ reason: "buffer_full", frames: dropped, samples: dropped * 300 }],
    settledSeq,
  };
  const { streamId = "a", isNewHere = false } = options;
  const accounts = withReport(before, { streamId, reported: told, framesStored, isNewHere }, 5);
  if (accounts === null) throw new Error("there are no accounts");
  return accounts;
}

function range(id: number, fromSeq: number, toSeq: number): DroppedRange {
  const frames = toSeq - fromSeq + 1;
  return { id, fromSeq, toSeq, fromMs: 0, toMs: 0, reason: "buffer_full", frames, samples: 0 };
}

describe("an agent's accounts", () => {
  test("hold where everything it counts as stored is stored", () => {
    let accounts = report(null, 0, { stored: 0, waiting: 7 });
    accounts = report(accounts, 7, { stored: 7, waiting: 1 });
    accounts = report(accounts, 9, { stored: 9, waiting: 2, dropped: 4 });
    expect(unaccounted(accounts)).toBe(0);
    expect(accounts.made).toBe(accounts.stored + accounts.waiting + 4);
  });

  test("hold where frames that were settled elsewhere are sent again to be read from", () => {
    let accounts = report(null, 0, { stored: 50, waiting: 2, settledSeq: 50 });
    for (let seq = 41; seq <= 52; seq += 1) accounts = withStored(accounts, seq);
    accounts = report(accounts, 12, { stored: 52, settledSeq: 52 });
    expect({ stored: accounts.stored, rest: unaccounted(accounts) }).toEqual({
      stored: 52,
      rest: 0,
    });
  });

  test("do not hold where frames are stored by its word only", () => {
    const accounts = report(report(null, 0, { stored: 0 }), 5, { stored: 8, waiting: 1 });
    expect(unaccounted(accounts)).toBe(3);
    expect(accounts.made).toBe(accounts.stored + accounts.waiting + unaccounted(accounts));
  });

  test("do not hold where more is stored than was made", () => {
    expect(unaccounted(report(report(null, 0, { stored: 0 }), 8, { stored: 5 }))).toBe(3);
  });

  test("begin with what was settled before the stream was known here", () => {
    const accounts = report(report(null, 0, { stored: 1000 }), 5, { stored: 1005 });
    expect({ stored: accounts.stored, rest: unaccounted(accounts) }).toEqual({
      stored: 1005,
      rest: 0,
    });
  });

  test("do not begin anew with a connection that comes back with less", () => {
    const before = report(report(null, 0, { stored: 0 }), 50, { stored: 50 });
    expect(unaccounted(report(before, 40, { stored: 50 }))).toBe(10);
    expect(unaccounted(report(before, 40, { stored: 50 }, { isNewHere: true }))).toBe(0);
  });

  test("are as before where the ack that they are as of is not known any more", () => {
    const before = report(null, 3, { stored: 3 });
    expect(report(before, null, { stored: 9 })).toBe(before);
  });

  test("hold where frames had arrived that the agent gave up, and a later loss still shows", () => {
    let accounts = report(report(null, 0, { stored: 0, waiting: 10 }), 10, {
      stored: 4,
      dropped: 6,
    });
    expect(unaccounted(accounts)).toBe(0);
    accounts = report(accounts, 12, { stored: 8, dropped: 6 });
    expect(unaccounted(accounts)).toBe(2);
  });

  test("of another stream id are others", () => {
    const before = report(report(null, 0, { stored: 0 }), 5, { stored: 8 });
    expect(unaccounted(report(before, 0, { stored: 8 }, { streamId: "b" }))).toBe(0);
  });
});

describe("a gap in a stream", () => {
  const accounts = report(null, 0, { stored: 0, settledSeq: 10 });

  test("is unaccounted for until ranges tell of all of it", () => {
    let some = withGap(accounts, { fromSeq: 20, toSeq: 29 });
    expect(unaccounted(some)).toBe(10);
    some = withRanges(some, [range(1, 22, 25)]);
    expect(unaccounted(some)).toBe(6);
    some = withRanges(some, [range(1, 22, 25), range(2, 11, 21), range(3, 26, 40)]);
    expect(unaccounted(some)).toBe(0);
    expect(some.ranges.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  test("is none where its range was told before", () => {
    const told = withRanges(accounts, [range(1, 15, 40)]);
    expect(unaccounted(withGap(told, { fromSeq: 20, toSeq: 29 }))).toBe(0);
  });

  test("is nobody's before the stream was known here", () => {
    expect(unaccounted(withGap(accounts, { fromSeq: 1, toSeq: 10 }))).toBe(0);
    expect(unaccounted(withGap(accounts, { fromSeq: 1, toSeq: 12 }))).toBe(2);
  });

  test("and a deficit of the same frames count once", () => {
    const lost = report(withGap(accounts, { fromSeq: 20, toSeq: 29 }), 0, { stored: 10 });
    expect(unaccounted(lost)).toBe(10);
  });
});
