import { describe, expect, test } from "vitest";
import {
  decodeStatvfs,
  type Space,
  StatfsQueue,
  spaceOf,
} from "../../../agent/collect/kit/statfs.ts";
import { settle } from "../../support/fake-clock.ts";

const ANSWER = spaceOf(4096n, [2n ** 52n, 20n, 10n, 7n, 5n]);

/** Mount points that begin with /dead never answer; those with /gone fail. */
function queue(callsMax: number) {
  const asked: string[] = [];
  const ask = (mountPoint: string): Promise<Space> => {
    asked.push(mountPoint);
    if (mountPoint.startsWith("/dead")) return new Promise(() => undefined);
    if (mountPoint.startsWith("/gone")) return Promise.reject(new Error("ENOENT"));
    return Promise.resolve(ANSWER);
  };
  return { asked, queue: new StatfsQueue(ask, callsMax) };
}

describe("asking file systems", () => {
  test("answers come after the tick that asked, in bytes, and stay until the next", async () => {
    const { queue: local } = queue(1);
    local.want(["/", "/gone"]);
    local.advance(0);
    expect(local.answerFor("/")).toBeNull();
    await settle();
    const values = [2 ** 64, 20 * 4096, 10 * 4096, 7, 5];
    expect([...(local.answerFor("/")?.values ?? [])]).toEqual(values);
    expect(local.answerFor("/gone")).toMatchObject({ isError: true });
    local.want(["/"]);
    expect(local.answerFor("/gone")).toBeNull();
  });

  test("one that hangs is an error after its time-out, is not asked twice, and lets others past", async () => {
    const { asked, queue: remote } = queue(2);
    remote.want(["/dead", "/nfs"]);
    for (let nowMs = 0; nowMs < 5000; nowMs += 1000) remote.advance(nowMs);
    await settle();
    expect([asked, remote.answerFor("/dead")]).toEqual([["/dead"], null]);
    remote.advance(5000);
    await settle();
    expect(remote.answerFor("/dead")?.isError).toBe(true);
    remote.want(["/dead", "/nfs"]);
    remote.advance(6000);
    await settle();
    expect(remote.answerFor("/nfs")?.isError).toBe(false);
    expect(asked.filter((mountPoint) => mountPoint === "/dead")).toHaveLength(1);
  });

  test("never more calls hang than the queue may have; the rest become errors", async () => {
    const { asked, queue: remote } = queue(2);
    remote.want(["/dead1", "/dead2", "/dead3", "/nfs"]);
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 1000) {
      remote.advance(nowMs);
      await settle();
    }
    expect(asked).toEqual(["/dead1", "/dead2"]);
    for (const point of ["/dead1", "/dead2", "/dead3", "/nfs"]) {
      expect(remote.answerFor(point)?.isError).toBe(true);
    }
  });
});

describe("what statvfs(3) fills in", () => {
  const filled = (fields: readonly bigint[]) => {
    const bytes = Buffer.alloc(112);
    for (const [index, field] of fields.entries()) bytes.writeBigUInt64LE(field, index * 8);
    return [...decodeStatvfs(bytes)];
  };

  test("a file system with blocks of 64 KiB and fragments of 4 KiB is not 16 times too large", () => {
    const values = filled([65_536n, 4096n, 262_144n, 2n, 1n, 9n, 8n]);
    expect(values).toEqual([1_073_741_824, 8192, 4096, 9, 8]);
  });

  test("what the file system does not know is no number of 20 digits", () => {
    const unknown = 2n ** 64n - 1n;
    expect(filled([4096n, 4096n, 10n, 5n, 5n, unknown, unknown])).toEqual([
      40_960, 20_480, 20_480, -1, -1,
    ]);
  });
});
