import { describe, expect, test } from "vitest";
import {
  decodeStatvfs,
  type Space,
  StatfsQueue,
  spaceOf,
} from "../../../agent/collect/kit/statfs.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const ANSWER = spaceOf(4096n, [2n ** 52n, 20n, 10n, 7n, 5n]);

/** Mount points that begin with /dead never answer; those with /gone fail. */
function bed(callsMax: number) {
  const asked: string[] = [];
  const clock = new FakeClock();
  const ask = (mountPoint: string): Promise<Space> => {
    asked.push(mountPoint);
    if (mountPoint.startsWith("/dead")) return new Promise(() => undefined);
    if (mountPoint.startsWith("/gone")) return Promise.reject(new Error("ENOENT"));
    return Promise.resolve(ANSWER);
  };
  const queue = new StatfsQueue(ask, callsMax, clock);
  /** Which were answered after so long; null: it is not over yet. */
  const answersOf = async (mountPoints: readonly string[], afterMs: number) => {
    let answers: Map<string, Space | null> | null = null;
    void queue.askAll(mountPoints).then((all) => {
      answers = all;
    });
    await clock.advance(afterMs);
    return answers as Map<string, Space | null> | null;
  };
  return { asked, answersOf };
}

describe("asking file systems", () => {
  test("gives their answers in bytes, and null for one that fails", async () => {
    const { answersOf } = bed(1);
    const answers = await answersOf(["/", "/gone"], 0);
    const values = [2 ** 64, 20 * 4096, 10 * 4096, 7, 5];
    expect([...(answers?.get("/") ?? [])]).toEqual(values);
    expect(answers?.get("/gone")).toBeNull();
  });

  test("one that hangs is an error after its time-out, is not asked twice, and lets others past", async () => {
    const { asked, answersOf } = bed(2);
    expect(await answersOf(["/dead", "/nfs"], 4999)).toBeNull();
    expect(asked).toEqual(["/dead"]);
    for (const afterMs of [5000, 0]) {
      const answers = await answersOf(["/dead", "/nfs"], afterMs);
      expect([answers?.get("/dead"), answers?.get("/nfs")]).toEqual([null, ANSWER]);
    }
    expect(asked.filter((mountPoint) => mountPoint === "/dead")).toHaveLength(1);
  });

  test("never more calls hang than the queue may have; the rest become errors", async () => {
    const { asked, answersOf } = bed(2);
    const points = ["/dead1", "/dead2", "/dead3", "/nfs"];
    for (let i = 0; i < 3; i += 1) {
      const answers = await answersOf(points, 10_000);
      expect(points.map((point) => answers?.get(point))).toEqual([null, null, null, null]);
    }
    expect(asked).toEqual(["/dead1", "/dead2"]);
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
