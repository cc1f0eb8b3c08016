import { expect, test } from "vitest";
import { unlessAborted } from "../../../shared/time/unless-aborted.ts";

const never = new Promise<void>(() => {});

test("it waits for the work, and fails as the work does", async () => {
  const { signal } = new AbortController();
  await expect(unlessAborted(Promise.resolve(), signal)).resolves.toBeUndefined();
  await expect(unlessAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
});

test("it does not wait longer than the signal, whenever that is aborted", async () => {
  const stop = new AbortController();
  const waiting = unlessAborted(never, stop.signal);
  stop.abort();
  await waiting;
  await unlessAborted(never, stop.signal);
});
