import { expect, test } from "vitest";
import { DEFAULT_LOGQL_OPTIONS } from "../../../aggregator/logql/engine.ts";
import { DEFAULT_LINE_LOG_OPTIONS, LineLog } from "../../../aggregator/logs/line-log.ts";
import { logsPort } from "../../../aggregator/queries.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { encodeBlock } from "../../../shared/wire/line-block.ts";
import { FAKE_START_MS, FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryStore } from "../../support/memory-store.ts";

async function startFollowing() {
  const clock = new FakeClock();
  const deps = {
    store: new MemoryStore(),
    clock,
    logger: new MemoryLogger(),
    metrics: new Metrics(),
  };
  const log = new LineLog(deps, { ...DEFAULT_LINE_LOG_OPTIONS, packAfterMs: 0 });
  let count = 0;
  const add = async (text: string) => {
    count += 1;
    const line = { timeUs: FAKE_START_MS * 1000 + count, bytes: Buffer.from(text), isCut: false };
    const sources = [{ labels: labelsOf({ app: "a" }), lines: [line] }];
    const bytes = encodeBlock(seqOf(1, count), FAKE_START_MS, sources);
    const done = log.commit([{ kind: "block", node: "n", streamId: "s", bytes }], {});
    await clock.advance(10);
    await done;
  };
  await add("one");
  const query = logsPort(log, DEFAULT_LOGQL_OPTIONS, "stored").compile('{app="a"}');
  if (query.kind !== "lines") throw new Error("not a query of lines");
  const request = { startUs: 0, endUs: Number.MAX_SAFE_INTEGER, limit: 10 };
  const gone = new AbortController();
  const lines = query.follow(request, gone.signal)[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value?.map(({ line }: { line: string }) => line);
  return { log, add, next, gone };
}

test("who follows has the lines that are there, then those that come, however late it asks", async () => {
  const { add, next, gone } = await startFollowing();
  expect(await next()).toEqual(["one"]);
  await add("two");
  await add("three");
  expect(await next()).toEqual(["two", "three"]);
  const waiting = next();
  await add("four");
  expect(await waiting).toEqual(["four"]);
  const last = next();
  gone.abort(new Error("gone"));
  await expect(last).rejects.toThrow("gone");
});

test("who is so far behind that its lines are packed is told, and misses none unawares", async () => {
  const { log, add, next } = await startFollowing();
  expect(await next()).toEqual(["one"]);
  await add("two");
  await log.compactAll(new AbortController().signal);
  await add("three");
  await expect(next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
});
