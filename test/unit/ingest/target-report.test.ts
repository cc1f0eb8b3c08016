import { expect, test } from "vitest";
import { NO_TARGETS, withTargets } from "../../../aggregator/fleet/targets-state.ts";
import { checkedTargets } from "../../../aggregator/ingest/target-report.ts";
import type { TargetReport } from "../../../shared/model/target.ts";
import { NEW_TARGET } from "../../support/told-targets.ts";

const TARGET = {
  ...NEW_TARGET,
  labels: [...NEW_TARGET.labels],
  discovered: [...NEW_TARGET.discovered],
  leftOut: [],
  health: "TARGET_HEALTH_UP" as const,
};
const NOTES = {
  dropped: [],
  droppedCounts: [],
  refused: [],
  refusedCount: 0,
  offers: [],
  offersLeftOut: 0,
  targetsLeftOut: 0,
};
const REPORT = { isFirst: false, target: [TARGET], gone: [], notes: null };
const LONG = "x".repeat(5000);
const DROPPED = { job: "app", discovered: [], reason: "" };

test.each([
  ["a URL", { ...REPORT, target: [{ ...TARGET, url: LONG }] }],
  ["a job", { ...REPORT, target: [{ ...TARGET, job: LONG }] }],
  ["an error", { ...REPORT, target: [{ ...TARGET, error: LONG }] }],
  ["labels", { ...REPORT, target: [{ ...TARGET, labels: ["a", LONG] }] }],
  ["discovered labels", { ...REPORT, target: [{ ...TARGET, discovered: ["a", LONG] }] }],
  ["reasons", { ...REPORT, target: [{ ...TARGET, leftOut: [{ reason: "A b", samples: 1 }] }] }],
  ["targets", { ...REPORT, target: Array.from({ length: 501 }, () => TARGET) }],
  ["ids", { ...REPORT, gone: Array.from({ length: 2001 }, (_, id) => id) }],
  ["dropped", { ...REPORT, notes: { ...NOTES, dropped: [{ ...DROPPED, reason: LONG }] } }],
  ["many dropped", { ...REPORT, notes: { ...NOTES, dropped: Array(101).fill(DROPPED) } }],
  ["refused", { ...REPORT, notes: { ...NOTES, refused: [{ subject: LONG, reason: "" }] } }],
])("too much is refused: %s", (_what, message) => {
  expect(() => checkedTargets(message)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});

test("labels are sorted, and of what no label can hold nothing breaks", () => {
  const odd = { ...TARGET, discovered: ["b", "\u0000", "a", "1", "c"] };
  const [target] = checkedTargets({ ...REPORT, target: [odd] }).targets;
  expect(target?.discovered).toEqual(["a", "1", "b", "\u0000"]);
});

test("an agent that keeps no bounds is known by as many targets as any", () => {
  let known = NO_TARGETS;
  for (let first = 0; first < 5000; first += 500) {
    const targets = Array.from({ length: 500 }, (_, i) => ({ ...NEW_TARGET, id: first + i }));
    const report: TargetReport = { isFirst: false, targets, gone: [], notes: null };
    known = withTargets(known, report);
  }
  expect(known.targets.size).toBe(2000);
  const long = { ...NEW_TARGET, error: "x".repeat(500), url: "u".repeat(1000) };
  const targets = Array.from({ length: 2000 }, (_, id) => ({ ...long, id }));
  known = withTargets(known, { isFirst: true, targets, gone: [], notes: null });
  expect(known.length).toBeLessThanOrEqual(2 * 1024 ** 2);
  const all = Array.from({ length: 2000 }, (_, id) => id);
  expect(withTargets(known, { isFirst: false, targets: [], gone: all, notes: null }).length).toBe(
    0,
  );
});
