import fc from "fast-check";
import { expect, test } from "vitest";
import type { SeriesStore } from "../../../aggregator/series/series-store.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { FRAME_GROUPS_MAX } from "../../../shared/wire/frame.ts";
import { FrameOutput } from "../../../shared/wire/frame-output.ts";
import { StoreBed } from "../series/bed.ts";
import { everything } from "../series/model.ts";

const STREAM = { node: "n1", streamId: "00112233445566778899aabbccddeeff" };
const SERIES = Array.from({ length: 12 }, (_, id) => ({
  id,
  group: id % 3,
  scale: id % 5 === 4 ? DOUBLE_SCALE : id % 4,
  labels: labelsOf({ __name__: `m${id}` }),
}));

const id = fc.nat(SERIES.length - 1);
const ids = fc.uniqueArray(id, { maxLength: 8 }).map((list) => list.sort((a, b) => a - b));
const value = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.constantFrom(2 ** 48 - 1, 1 - 2 ** 48, Number.MAX_SAFE_INTEGER, 2 ** 60, -0),
  fc.double(),
);

/** Well-formed, but no agent would send it: groups that are not the series', endings of the dead. */
const frame = fc.record({
  isKeyframe: fc.boolean(),
  skip: fc.constantFrom(0, 0, 0, 0, 1),
  namesTwice: fc.constantFrom(false, false, false, true),
  groups: fc.uniqueArray(
    fc.record({
      group: fc.oneof(fc.nat(3), fc.constant(FRAME_GROUPS_MAX - 1)),
      isRead: fc.boolean(),
      ageMs: fc.constantFrom(0, 0, 0, 700, 5000),
      ended: ids,
      changed: ids,
      values: fc.array(value, { minLength: 8, maxLength: 8 }),
      isDouble: fc.boolean(),
    }),
    { selector: ({ group }) => group, maxLength: 4 },
  ),
});
type Hostile = typeof frame extends fc.Arbitrary<infer Made> ? Made : never;

function encode(hostile: Hostile, seq: number, timeMs: number): Uint8Array {
  const { isKeyframe, groups, namesTwice } = hostile;
  const output = new FrameOutput();
  const named = new Set<number>();
  const fresh = (list: readonly number[]) => {
    const kept = list.filter((one) => namesTwice || !named.has(one));
    for (const one of kept) named.add(one);
    return kept;
  };
  const sorted = [...groups].sort((a, b) => a.group - b.group);
  output.begin({ seq, timeMs, isKeyframe, seriesCount: SERIES.length, groupCount: sorted.length });
  for (const { group, isRead, ageMs, values, isDouble, ...lists } of sorted) {
    const changed = fresh(lists.changed);
    const ended = fresh(lists.ended);
    const counts = { endedCount: ended.length, changedCount: changed.length };
    output.group({ group, isRead, ageMs, ...counts });
    for (const one of ended) output.ended(one);
    output.beginChanged();
    changed.forEach((one, i) => {
      if (isDouble) output.changedDouble(one, values[i] ?? 0);
      else output.changed(one, values[i] ?? 0, 0);
    });
  }
  return output.finish();
}

test("frames that are well-formed and make no sense neither break the store nor what it brings back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 30, size: "max" }), async (all) => {
      const bed = new StoreBed({ chunkMs: 20_000 });
      const before = await everything(await storeOf(bed, all));
      expect(await everything(await bed.reopen())).toEqual(before);
    }),
    { numRuns: 60 },
  );
}, 20_000);

test("a series that is named in a group it is not of changes none of that group", async () => {
  const read = { isRead: true, ageMs: 0 as const, ended: [], isDouble: false };
  const plain = { isKeyframe: false, skip: 0, namesTwice: false } as const;
  const all = [
    { ...plain, isKeyframe: true, groups: [{ ...read, group: 0, changed: [3], values: [1] }] },
    { ...plain, groups: [{ ...read, group: 0, changed: [0], values: [5] }] },
    {
      ...plain,
      groups: [
        { ...read, group: 0, changed: [1], values: [7] },
        { ...read, group: 1, changed: [0], values: [1] },
      ],
    },
  ];
  const store = await storeOf(new StoreBed(), all);
  const values = [...(await everything(store))].map(([, samples]) => [...samples.values()]);
  expect(values).toEqual([[0.001, 0.001, 0.001], [5, 6], [0.7]]);
});

async function storeOf(bed: StoreBed, all: readonly Hostile[]): Promise<SeriesStore> {
  const store = await bed.open();
  await store.commit([{ kind: "series", ...STREAM, epoch: 1, series: SERIES }]);
  let seq = seqOf(1, 0);
  for (const one of all) {
    await bed.clock.advance(10_000);
    seq += 1 + one.skip;
    const bytes = encode(one, seq, bed.clock.nowMs());
    const [outcome] = await store.commit([{ kind: "frame", ...STREAM, bytes }]);
    expect(["stored", "rejected"]).toContain(outcome?.kind);
    await store.cutDue();
  }
  return store;
}
