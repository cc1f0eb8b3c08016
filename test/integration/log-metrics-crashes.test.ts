import fc from "fast-check";
import { expect, test } from "vitest";
import { blockOf, LogHub, request, STREAM_ID } from "../support/log-hub.ts";

/** What happens to an aggregator, and the blocks that come meanwhile. */
const STEP = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("store"), count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("sync fails", "full"), count: fc.constant(2) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("kill", "power-cut"), count: fc.constant(2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("turn"), count: fc.constant(0) }) },
);

test("whatever crashes or fails when, totals are those of the lines that are stored", async () => {
  const scenario = fc.record({
    steps: fc.array(STEP, { maxLength: 40, size: "max" }),
    chances: fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ steps, chances }) => {
      const random = () => chances.next().value ?? 0;
      const hub = new LogHub();
      await hub.open(random);
      for (const { kind, count } of steps) {
        await takeStep(hub, kind, count, random);
        if (kind !== "store") await expectTotalsOfLines(hub);
      }
      await takeStep(hub, "store", 1, random);
      expect(await expectTotalsOfLines(hub)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

/** From where the log stands on, as an agent does. Of a crash nobody hears. */
async function takeStep(hub: LogHub, kind: string, count: number, random: () => number) {
  if (kind === "turn") {
    await hub.watch.turn();
    return;
  }
  const next = hub.log.position("n1", STREAM_ID).lastSeq % 2 ** 32;
  const items = Array.from({ length: count }, (_, i) => {
    const n = next + i + 1;
    const lines = [request(`/p${n % 3}`, n % 5 === 0 ? 500 : 200), `paid m${n % 4} ${n}`];
    return { kind: "block", node: "n1", streamId: STREAM_ID, bytes: blockOf(n, lines) } as const;
  });
  hub.disk.doesSyncFail = kind === "sync fails";
  hub.disk.isFull = kind === "full";
  const committed = hub.log.commit(items, {}).catch(expectStorage);
  if (kind === "kill" || kind === "power-cut") {
    await hub.clock.advance(random() < 0.3 ? 10 : 3);
    hub.disk.crash(random, kind);
    await hub.open(random);
    return;
  }
  await hub.clock.advance(10);
  await committed;
  hub.disk.doesSyncFail = hub.disk.isFull = false;
}

function expectStorage(error: unknown) {
  expect(error).toMatchObject({ code: "STORAGE" });
}

/** False when the store is down until its next write. */
async function expectTotalsOfLines(hub: LogHub): Promise<boolean> {
  let requests = 0;
  let cents = 0;
  const bySet = new Map<string, number>();
  for (const block of hub.log.blocks) {
    const read = await hub.log.read(block).catch(() => null);
    if (read === null) return false;
    for (const { bytes } of read.sources.flatMap(({ lines }) => lines)) {
      const text = Buffer.from(bytes).toString();
      const [, by = "", amount = "0"] = /paid (\w+) (\d+)/.exec(text) ?? [];
      if (by === "") requests += 1;
      else if (bySet.has(by) || bySet.size < 3) {
        bySet.set(by, (bySet.get(by) ?? 0) + Number(amount));
        cents += Number(amount);
      }
    }
  }
  expect([hub.total("http_requests_total"), hub.total("paid_cents_total")]).toEqual([
    requests,
    cents,
  ]);
  expect(hub.total("http_request_duration_seconds_count")).toBe(requests);
  return true;
}
