import { expect, test } from "vitest";
import { withDeadline } from "../../../shared/time/deadline.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const never = () => new Promise<never>(() => {});
const late = () => new Error("late");

test("work that ends in time gives its value, ends its signal and leaves no timer", async () => {
  const clock = new FakeClock();
  let end: AbortSignal | null = null;
  const value = await withDeadline({ clock, ms: 1000, late }, async (signal) => {
    end = signal;
    expect(signal.aborted).toBe(false);
    return 7;
  });
  expect(value).toBe(7);
  expect(end).toMatchObject({ aborted: true });
  expect(clock.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
});

test("work that takes longer is told by its signal, and not waited for", async () => {
  const clock = new FakeClock();
  let reason: unknown = null;
  const result = withDeadline({ clock, ms: 1000, late }, (signal) => {
    signal.addEventListener("abort", () => {
      reason = signal.reason;
    });
    return never();
  });
  const outcome = expect(result).rejects.toThrow("late");
  await clock.advance(999);
  expect(reason).toBe(null);
  await clock.advance(1);
  await outcome;
  expect(reason).toEqual(new Error("late"));
});

test("an aborted signal ends the work with its own reason and leaves nothing behind", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const result = withDeadline({ clock, ms: 1000, signal: stop.signal, late }, never);
  stop.abort("stopped");
  await expect(result).rejects.toBe("stopped");
  expect(clock.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
  let hasRun = false;
  const again = withDeadline({ clock, ms: 1000, signal: stop.signal, late }, async () => {
    hasRun = true;
  });
  await expect(again).rejects.toBe("stopped");
  expect(hasRun).toBe(false);
});

test("what the work throws passes through, also before its first await", async () => {
  const clock = new FakeClock();
  const bad = () => {
    throw new Error("bad");
  };
  await expect(withDeadline({ clock, ms: 1000, late }, bad)).rejects.toThrow("bad");
  expect(clock.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
});

test("work that fails after its time is over harms nobody", async () => {
  const clock = new FakeClock();
  const result = withDeadline({ clock, ms: 1000, late }, async () => {
    await clock.sleep(2000);
    throw new Error("bad");
  });
  const outcome = expect(result).rejects.toThrow("late");
  await clock.advance(3000);
  await outcome;
});
