import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { BodyBuffer, pour } from "../../../agent/model/body-buffer.ts";
import { type BodyLease, BodyRoom } from "../../../agent/model/body-room.ts";

const MEBIBYTE = 1024 ** 2;

/** Takes the steps of a body of that size, and says whether it may have it. */
async function growTo(lease: BodyLease, bytes: number): Promise<void> {
  while (lease.bytes < bytes) await lease.grow();
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

test("bodies up to a mebibyte need no room, and of the largest there is one at a time", async () => {
  const room = new BodyRoom();
  const leases = Array.from({ length: 20 }, () => room.lease());
  expect(leases.every(({ bytes }) => bytes === MEBIBYTE)).toBe(true);
  const [first, second] = [room.lease(), room.lease()];
  await growTo(first, 64 * MEBIBYTE);
  const waiting = growTo(second, 64 * MEBIBYTE);
  expect(await isSettled(waiting)).toBe(false);
  expect(second.isWaiting).toBe(true);
  first[Symbol.dispose]();
  await waiting;
  expect(second.isWaiting).toBe(false);
});

test("of bodies up to 8 MiB there are four at a time, in the order of their coming", async () => {
  const room = new BodyRoom();
  const held = Array.from({ length: 4 }, () => room.lease());
  for (const lease of held) await lease.grow();
  const [fifth, sixth] = [room.lease(), room.lease()];
  const grown: string[] = [];
  const waiting = [
    fifth.grow().then(() => grown.push("fifth")),
    sixth.grow().then(() => grown.push("sixth")),
  ];
  for (const lease of held) lease[Symbol.dispose]();
  await Promise.all(waiting);
  expect(grown).toEqual(["fifth", "sixth"]);
});

test("a lease that ends while it waits is refused, and is not given what comes free", async () => {
  const room = new BodyRoom();
  const [first, gone, last] = [room.lease(), room.lease(), room.lease()];
  await growTo(first, 64 * MEBIBYTE);
  const refused = growTo(gone, 64 * MEBIBYTE);
  refused.catch(() => {});
  expect(await isSettled(refused)).toBe(false);
  const waiting = growTo(last, 64 * MEBIBYTE);
  gone[Symbol.dispose]();
  await expect(refused).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(gone.grow()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await waiting;
  expect(await isSettled(growTo(room.lease(), 64 * MEBIBYTE))).toBe(false);
});

test("no body has more than the last step", async () => {
  const lease = new BodyRoom().lease();
  await growTo(lease, 64 * MEBIBYTE);
  await expect(lease.grow()).rejects.toMatchObject({ code: "LIMIT" });
});

function pouring(lease: BodyLease, bytesMax: number) {
  const stream = new PassThrough({ highWaterMark: 64 * 1024 });
  const body = new BodyBuffer({ bytesMax, expected: 0, lease });
  const poured = pour(
    stream,
    body,
    () => new Error("full"),
    () => {},
  );
  poured.catch(() => {});
  return { stream, body, poured };
}

test("a body that waits for room leaves the rest with its sender, and then is whole", async () => {
  const room = new BodyRoom();
  const held = room.lease();
  await growTo(held, 64 * MEBIBYTE);
  const { stream, body, poured } = pouring(room.lease(), 64 * MEBIBYTE);
  const sent = Buffer.alloc(9 * MEBIBYTE, "0123456789");
  let at = 0;
  const send = () => {
    while (at < sent.length) {
      at += 10_007;
      if (!stream.write(sent.subarray(at - 10_007, at))) return void stream.once("drain", send);
    }
    stream.end();
  };
  send();
  while (!stream.isPaused()) await new Promise((resolve) => setImmediate(resolve));
  expect(await isSettled(poured)).toBe(false);
  expect(body.length).toBeLessThanOrEqual(8 * MEBIBYTE);
  expect(at).toBeLessThan(8 * MEBIBYTE + 200_000);
  held[Symbol.dispose]();
  await poured;
  expect(body.bytes.equals(sent)).toBe(true);
});

test("a body ends at its bound", async () => {
  const { stream, body, poured } = pouring(new BodyRoom().lease(), 10);
  stream.write("0123456");
  stream.end("789abc");
  await expect(poured).rejects.toThrow("full");
  expect(body.bytes.toString()).toBe("0123456789");
});
