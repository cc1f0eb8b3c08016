import { describe, expect, test } from "vitest";
import { type StatfsAnswer, StatfsLane } from "../../../agent/collect/kit/statfs.ts";
import { settle } from "../../support/fake-clock.ts";

const ANSWER: StatfsAnswer = {
  bsize: 4096n,
  blocks: 2n ** 52n,
  bfree: 20n,
  bavail: 10n,
  files: 7n,
  ffree: 5n,
};

/** Mount points that begin with /dead never answer; those with /gone fail. */
function lane(callsMax: number) {
  const asked: string[] = [];
  const ask = (mountPoint: string): Promise<StatfsAnswer> => {
    asked.push(mountPoint);
    if (mountPoint.startsWith("/dead")) return new Promise(() => undefined);
    if (mountPoint.startsWith("/gone")) return Promise.reject(new Error("ENOENT"));
    return Promise.resolve(ANSWER);
  };
  return { asked, lane: new StatfsLane(ask, callsMax) };
}

describe("asking file systems", () => {
  test("answers come after the tick that asked, in bytes, and stay until the next", async () => {
    const { lane: local } = lane(1);
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
    const { asked, lane: remote } = lane(2);
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

  test("never more calls hang than the lane may have; the rest become errors", async () => {
    const { asked, lane: remote } = lane(2);
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
