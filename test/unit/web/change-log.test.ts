import { expect, test } from "vitest";
import type { NodeStatus } from "../../../aggregator/model/node.ts";
import { parsePromql } from "../../../aggregator/promql/parse.ts";
import { ChangeLog } from "../../../aggregator/web/change-log.ts";
import type { VectorSample } from "../../../shared/model/columns.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SIGNAL = new AbortController().signal;

/** `answers` says what a query that has the text in it gives at a time. */
function bed() {
  const clock = new FakeClock();
  const startMs = clock.nowMs();
  const answers = new Map<string, (timeMs: number) => VectorSample[]>();
  const log = new ChangeLog({
    compile: (text) => {
      parsePromql(text);
      return {
        instant: async (timeMs) => {
          const found = [...answers].find(([part]) => text.includes(part))?.[1];
          return { type: "vector", timeMs, samples: found?.(timeMs) ?? [], warnings: [] };
        },
      };
    },
    nodes: () => [{ name: "n", state: "up", stateSinceMs: 1 } as NodeStatus],
    clock,
  });
  const names = { instance: "n", name: 'c"}', image: "shop:latest" };
  const runsSince = (timeMs: number, name = names.name) => {
    const sample = { labels: labelsOf({ ...names, name }), value: timeMs / 1000 };
    answers.set("container_start_time_seconds", () => [sample]);
  };
  const digests = (before: string, after: string) => {
    const changedMs = clock.nowMs();
    answers.set("telltale_container_info", (timeMs) => {
      const digest = timeMs < changedMs ? before : after;
      return [{ labels: labelsOf({ image_digest: digest }), value: 1 }];
    });
  };
  return { clock, log, startMs, runsSince, digests };
}

test.each([
  ["a", "b", "image"],
  ["a", "a", "restart"],
])(
  "after a restart, with the digest %s before and %s after, it is told as %s",
  async (a, b, kind) => {
    const { clock, log, startMs, runsSince, digests } = bed();
    runsSince(startMs - 60_000);
    await log.look(SIGNAL);
    await clock.advance(15_000);
    digests(a, b);
    runsSince(clock.nowMs());
    await log.look(SIGNAL);
    expect(log.changes().map((one) => one.kind)).toEqual([kind, "start"]);
  },
);

test("the list has an end, and the newest stands first", async () => {
  const { clock, log, runsSince } = bed();
  for (let i = 0; i < 150; i += 1) {
    runsSince(clock.nowMs(), `c${i}`);
    await log.look(SIGNAL);
    await clock.advance(15_000);
  }
  const times = log.changes().map(({ timeMs }) => timeMs);
  expect(times).toHaveLength(100);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(times[0]).toBe(clock.nowMs() - 15_000);
});
