import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { ProcessFinder } from "../../agent/collect/cgroup/first-process.ts";
import { type CollectContext, Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/held-file.ts";
import { ReadingLane } from "../../agent/collect/reading-lane.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A host of one cgroup and these processes, by number: when they started, in ticks. */
function find(procs: string, starts: Readonly<Record<string, number>>) {
  const root = mkdtempSync(join(tmpdir(), "telltale-first-"));
  ends.push(() => rmSync(root, { recursive: true }));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("proc/stat", "cpu  1 2 3 4\nbtime 1000\n");
  write("cgroup/cgroup.procs", procs);
  for (const [pid, ticks] of Object.entries(starts)) {
    write(`proc/${pid}/stat`, `${pid} (a) b) S ${"0 ".repeat(18)}${ticks} 0 0\n`);
    write(`proc/${pid}/cgroup`, `0::/of-${pid}\n`);
  }
  const sink = new RecordingSink();
  const context: CollectContext = {
    hostRoot: root,
    buffer: new ReadBuffer(),
    sink,
    faults: new Faults(sink),
    lane: new ReadingLane(),
    clock: nodeClock,
  };
  return new ProcessFinder(context).find(join(root, "cgroup"));
}

test("the oldest process is the first, also when its number is the highest", () => {
  const first = find("15\n25434\n", { 15: 99_000, 25434: 500 });
  expect(first).toMatchObject({ pid: "25434", startedAt: 100_500 });
  expect(first?.membership.get("")).toBe("/of-25434");
});

test("a process that ended meanwhile, or of another name space, is not the first", () => {
  expect(find("0\n15\n16\n", { 16: 500 })).toMatchObject({ pid: "16", startedAt: 100_500 });
  expect(find("0\n", {})).toBeNull();
  expect(find("", {})).toBeNull();
});

test("of a long list both ends are looked at, and never a number that was cut off", () => {
  const many = Array.from({ length: 100 }, (_, n) => `${200 + n}`);
  expect(find(`${many.join("\n")}\n`, { 250: 1, 299: 7, 200: 9 })).toMatchObject({ pid: "299" });
  // The last of these is cut after its first digit.
  const cut = `${"1000000\n".repeat(2047)}100000\n45678\n`;
  expect(find(cut, { 1000000: 9, 4: 1 })).toMatchObject({ pid: "1000000" });
});
