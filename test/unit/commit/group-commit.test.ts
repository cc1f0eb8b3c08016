import { expect, test } from "vitest";
import { GroupCommit } from "../../../aggregator/commit/group-commit.ts";
import {
  type CommitItem,
  type CommitOutcome,
  itemBytes,
} from "../../../aggregator/model/commit.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

const MIB = 1024 * 1024;

/** A store whose writes wait for `finish`; `written` has the nodes of each write's items. */
class Bed {
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly written: string[] = [];
  readonly commits: GroupCommit;
  /** Ends the write that runs: well, or with what it failed for. */
  finish: (error?: OperationalError) => void = () => {};

  constructor(delayMs = 3) {
    const { clock, logger } = this;
    const write = (items: readonly CommitItem[]) => this.#write(items);
    this.commits = new GroupCommit({ clock, logger, metrics: new Metrics(), write }, { delayMs });
  }

  async end(): Promise<void> {
    this.finish();
    await settle();
  }

  /** What became of the call, once that is known. */
  commit(name: string, owner: object | null = null, bytes = 1): { outcome: string } {
    const stream = { kind: "frame", node: name, streamId: "s" } as const;
    const call = { outcome: "waits" };
    void this.commits
      .commit([{ ...stream, bytes: new Uint8Array(bytes) }], owner)
      .then(
        ([outcome]) => outcome?.kind ?? "nothing",
        (error: OperationalError) => error.code,
      )
      .then((outcome) => Object.assign(call, { outcome }));
    return call;
  }

  async #write(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    this.written.push(items.map(({ node }) => node).join(" "));
    await new Promise<void>((resolve, reject) => {
      this.finish = (error) => (error === undefined ? resolve() : reject(error));
    });
    return items.map(() => ({ kind: "duplicate", seq: 1 }));
  }
}

const diskFull = () => new OperationalError("STORAGE", "disk full");

test("calls of a short while, and those that come while a commit runs, share the next one", async () => {
  const bed = new Bed();
  const first = bed.commit("a");
  await bed.clock.advance(2);
  bed.commit("b");
  expect(bed.written).toEqual([]);
  await bed.clock.advance(1);
  const late = [bed.commit("c"), bed.commit("d")];
  expect(bed.written).toEqual(["a b"]);
  expect(first.outcome).toBe("waits");
  await bed.end();
  expect(first.outcome).toBe("duplicate");
  expect(bed.written).toEqual(["a b", "c d"]);
  await bed.end();
  expect(late.map(({ outcome }) => outcome)).toEqual(["duplicate", "duplicate"]);
});

test("what a session sends in the moment that its commit fails is not taken", async () => {
  const bed = new Bed(0);
  const session = {};
  const lost = bed.commit("a", session);
  const behind = bed.commit("b", session);
  await settle();
  bed.finish(diskFull());
  await Promise.resolve(); // the write has failed, and the session does not know it yet
  let overtaking = { outcome: "" };
  void Promise.resolve().then(() => {
    overtaking = bed.commit("c", session);
  });
  await settle();
  expect([lost, behind].map(({ outcome }) => outcome)).toEqual(["STORAGE", "STORAGE"]);
  expect(overtaking.outcome).toBe("UNAVAILABLE");
  expect(bed.written).toEqual(["a"]);
  const other = bed.commit("d", {});
  await settle();
  await bed.end();
  expect(other.outcome).toBe("duplicate");
  expect(bed.logger.messages("error")).toEqual(["cannot store samples: agents have to wait"]);
});

test("what is withdrawn is not written; what is being written goes on", async () => {
  const bed = new Bed(0);
  const session = {};
  const running = bed.commit("a", session);
  await settle();
  const waiting = bed.commit("b", session);
  const other = bed.commit("c", {});
  bed.commits.withdraw(session);
  await settle();
  expect([running, other].map(({ outcome }) => outcome)).toEqual(["waits", "waits"]);
  expect(waiting.outcome).toBe("UNAVAILABLE");
  await bed.end();
  expect(running.outcome).toBe("duplicate");
  expect(bed.written).toEqual(["a", "c"]);
});

test("there is no room while too many bytes wait, and a commit takes no more than its share", async () => {
  const bed = new Bed(0);
  for (let i = 0; i < 4; i += 1) bed.commit(`${i}`, null, 10 * MIB);
  let hasRoom = false;
  void bed.commits.room().then(() => {
    hasRoom = true;
  });
  await settle();
  expect(bed.commits.load()).toBe(1000);
  expect([bed.written, hasRoom]).toEqual([["0"], false]);
  await bed.end();
  expect([bed.written, hasRoom]).toEqual([["0", "1"], true]);
  expect(bed.commits.load()).toBe(Math.round((1000 * 30) / 32));
});

test("whoever lets others go first waits until what is there is written, and no longer", async () => {
  const bed = new Bed();
  let passed = 0;
  const pass = () => void bed.commits.ended().then(() => (passed += 1));
  pass();
  await settle();
  expect(passed).toBe(1); // nothing is there
  bed.commit("a");
  pass();
  await bed.clock.advance(3);
  bed.commit("b");
  expect([bed.written, passed]).toEqual([["a"], 1]);
  await bed.end();
  expect([bed.written, passed]).toEqual([["a", "b"], 2]);
  await bed.end();
  const session = {};
  bed.commit("c", session);
  bed.commits.withdraw(session);
  pass();
  await bed.clock.advance(3);
  expect([bed.written, passed]).toEqual([["a", "b"], 3]); // it was taken back
});

test("among agents that catch up none waits for an ack as long as would make it give up", async () => {
  const clock = new FakeClock();
  const bytesMax = 2 * MIB;
  const bytesASecond = 4 * MIB;
  const write = async (items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> => {
    const bytes = items.reduce((sum, item) => sum + itemBytes(item), 0);
    await clock.sleep((1000 * bytes) / bytesASecond);
    return items.map(() => ({ kind: "duplicate", seq: 1 }));
  };
  const parts = { clock, logger: new MemoryLogger(), metrics: new Metrics(), write };
  const commits = new GroupCommit(parts, { delayMs: 3, bytesMax });
  const waitedMs: number[] = [];
  let isOver = false;
  const agents = Array.from({ length: 30 }, async (_, n) => {
    const stream = { kind: "block", node: `${n}`, streamId: "s" } as const;
    while (!isOver) {
      const sentMs = clock.monotonicMs();
      const noteWait = () => void waitedMs.push(clock.monotonicMs() - sentMs);
      void commits.commit([{ ...stream, bytes: new Uint8Array(MIB / 4) }], {}).then(noteWait);
      await commits.room();
    }
  });
  for (let second = 0; second < 60; second += 1) await clock.advance(1000);
  isOver = true;
  await clock.advance(10_000);
  await Promise.all(agents);
  expect(waitedMs.length).toBeGreaterThan((60 * bytesASecond) / (MIB / 4) / 1.2);
  expect(Math.max(...waitedMs)).toBeLessThan(5000);
});
