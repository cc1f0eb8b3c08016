import { expect, test } from "vitest";
import { Pieces } from "../../../agent/logs/journal/pieces.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";

const { signal } = new AbortController();
const bytes = (text: string) => Buffer.from(text);

async function* output(...pieces: readonly (Uint8Array | Promise<Uint8Array> | Error)[]) {
  for (const piece of pieces) {
    if (piece instanceof Error) throw piece;
    yield await piece;
  }
}

test("pieces come in their order, then the end", async () => {
  const pieces = new Pieces(new FakeClock(), output(bytes("a"), bytes("b")));
  await expect(pieces.take(10, signal)).resolves.toEqual(bytes("a"));
  await expect(pieces.take(10, signal)).resolves.toEqual(bytes("b"));
  await expect(pieces.take(10, signal)).resolves.toBe(null);
});

test("one that comes late is there at the next call, and a failure, too", async () => {
  const clock = new FakeClock();
  let print = (_: Uint8Array) => {};
  const late = new Promise<Uint8Array>((resolve) => {
    print = resolve;
  });
  const pieces = new Pieces(clock, output(late, new Error("it was killed")));
  const first = pieces.take(10, signal);
  await clock.advance(10);
  await expect(first).resolves.toBe("none");
  print(bytes("late"));
  await settle();
  await expect(pieces.take(10, signal)).resolves.toEqual(bytes("late"));
  await expect(pieces.take(10, signal)).rejects.toThrow("it was killed");
});

test("nobody waits longer than the signal", async () => {
  const stop = new AbortController();
  const pieces = new Pieces(new FakeClock(), output(new Promise<Uint8Array>(() => {})));
  const waiting = pieces.take(10, stop.signal);
  stop.abort();
  await expect(waiting).resolves.toBe("none");
});
