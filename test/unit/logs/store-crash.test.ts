import { expect, test } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { type BedLine, LineLogBed, NOW_US } from "../../support/line-log-bed.ts";
import type { CrashKind } from "../../support/memory-store.ts";
import { SeededRandom } from "../../support/random.ts";

const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;
const DAMAGED = "telltale_logs_damaged_blocks_total";
const OLD_US = NOW_US - 20 * DAY_US;
/** Lines of these are too old from the third day of a run on. */
const OLD = /^old /;

function open(): Promise<LineLogBed> {
  const retention = { ageMs: 10 * DAY_MS, bytesMax: 1e9, streams: [] };
  return new LineLogBed({ retention }).open();
}

function linesOf(seq: number): BedLine[] {
  return Array.from({ length: 10 }, (_, i) => {
    const isOld = seq % 2 === 0 && i < 5;
    const timeUs = (isOld ? OLD_US : NOW_US) + ((i * 7) % 5) * 1e6;
    const text = `${isOld ? "old" : "new"} ${seq}.${i} GET /items/${seq * i}`;
    return { job: i % 3 === 0 ? "db" : "web", timeUs, text };
  });
}

/** Everything that writes: commits, packing, deleting of what was packed, retention. */
async function live(bed: LineLogBed, acked: BedLine[]): Promise<void> {
  const stop = new AbortController().signal;
  const commit = async (seq: number) => {
    await bed.commit(seq, linesOf(seq));
    acked.push(...linesOf(seq));
  };
  for (const seq of [1, 2, 3]) await commit(seq);
  await bed.pack();
  await commit(4);
  await bed.log.dropExpired();
  await bed.clock.advance(DAY_MS);
  await bed.log.compactDue(stop);
  for (const seq of [5, 6, 7]) {
    await commit(seq);
    await bed.pack(); // at the last one small blocks become one
  }
  await bed.clock.advance(DAY_MS);
  await bed.log.compactDue(stop);
  await bed.log.dropExpired();
}

/** All that was acknowledged, each line once, and of what was on its way all or nothing. */
async function expectWhole(bed: LineLogBed, acked: readonly BedLine[]): Promise<void> {
  const own = acked.map(({ text }) => text).filter((text) => !OLD.test(text));
  const all = [...(await bed.read("web")), ...(await bed.read("db"))];
  const found = all.filter((text) => !OLD.test(text)).sort();
  const onItsWay = linesOf(acked.length / 10 + 1).map(({ text }) => text);
  const more = onItsWay.filter((text) => !OLD.test(text));
  const expected = found.length > own.length ? [...own, ...more] : own;
  expect(found).toEqual(expected.sort());
  expect(new Set(all).size).toBe(all.length);
  expect(bed.total(DAMAGED)).toBe(0);
}

test.each<CrashKind>(["kill", "power-cut"])(
  "has each acknowledged line once after a crash at any write: %s",
  async (kind) => {
    const random = new SeededRandom(11).next;
    let crashes = 0;
    for (let at = 1; ; at += 1) {
      const bed = await open();
      const acked: BedLine[] = [];
      let step = 0;
      let isCrashed = false;
      bed.onWriteStep = () => {
        step += 1;
        if (step !== at) return;
        isCrashed = true;
        bed.disk.crash(random, kind);
      };
      const living = live(bed, acked).then(() => true);
      const isDone = () => Promise.race([living, settle().then(() => false)]);
      while (!isCrashed && !(await isDone()));
      if (!isCrashed) break;
      crashes += 1;
      bed.onWriteStep = () => {};
      await bed.open();
      await expectWhole(bed, acked);
      // It goes on as if nothing had been: what is left of the crash is no hindrance.
      await bed.pack();
      await expectWhole(bed, acked);
      await bed.clock.advance(DAY_MS);
      await bed.log.dropExpired();
      await bed.log.compactDue(new AbortController().signal);
      await expectWhole(bed, acked);
      await bed.crash(kind);
      await expectWhole(bed, acked);
      expect([bed.keys("d"), bed.keys("r"), bed.keys("b") - bed.keys("i")]).toEqual([0, 0, 0]);
    }
    expect(crashes).toBeGreaterThan(40);
  },
  30_000,
);
