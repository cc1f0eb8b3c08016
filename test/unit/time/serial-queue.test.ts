import fc from "fast-check";
import { expect, test } from "vitest";
import { SerialQueue } from "../../../shared/time/serial-queue.ts";
import { settle } from "../../support/fake-clock.ts";

test("jobs run one after another, in the order of the calls, whatever fails", async () => {
  const job = fc.record({ steps: fc.nat({ max: 4 }), fails: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(job), async (jobs) => {
      const queue = new SerialQueue();
      const marks: string[] = [];
      const results = jobs.map(({ steps, fails }, i) =>
        queue.run(async () => {
          marks.push(`${i} starts`);
          for (let step = 0; step < steps; step += 1) await Promise.resolve();
          marks.push(`${i} ends`);
          if (fails) throw new Error(`${i}`);
          return i;
        }),
      );
      const settled = await Promise.allSettled(results);
      expect(marks).toEqual(jobs.flatMap((_, i) => [`${i} starts`, `${i} ends`]));
      expect(settled.map(({ status }) => status === "rejected")).toEqual(
        jobs.map(({ fails }) => fails),
      );
    }),
  );
});

test("a job that throws before its first await rejects, and the next one runs", async () => {
  const queue = new SerialQueue();
  const bad = queue.run(() => {
    throw new Error("bad");
  });
  const good = queue.run(() => 7);
  await expect(bad).rejects.toThrow("bad");
  expect(await good).toBe(7);
});

test("settled waits for the jobs of the calls before it, also for those that fail", async () => {
  const queue = new SerialQueue();
  let fail = () => {};
  const job = queue.run(
    () =>
      new Promise<void>((_, reject) => {
        fail = () => reject(new Error("late"));
      }),
  );
  let isSettled = false;
  const settled = queue.settled().then(() => {
    isSettled = true;
  });
  await settle();
  expect(isSettled).toBe(false);
  fail();
  await expect(job).rejects.toThrow("late");
  await settled;
});
