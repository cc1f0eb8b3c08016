import { describe, expect, test } from "vitest";
import { ProcessGroups } from "../../../agent/collect/processes/process-groups.ts";

const LIMITS = { topMax: 2, lingerRuns: 3, shownMax: 4, groupsMax: 10 };

type Use = readonly [command: string, cpuTime: number, pages: number];

/** A run in which each command has one process; what changed and what is shown after it. */
function run(groups: ProcessGroups, uses: readonly Use[]): { changed: string[]; shown: string[] } {
  groups.begin();
  for (const [command, cpuTime, pages] of uses) {
    groups.count(groups.groupOf(command, ""), cpuTime, pages, 1);
  }
  const changed: string[] = [];
  groups.rank(({ command, isShown }) => changed.push(`${isShown ? "+" : "-"}${command}`));
  return { changed, shown: [...groups.shown()].map(({ command }) => command).sort() };
}

describe("groups of processes", () => {
  test("those are shown that use most CPU time, and those that have most memory", () => {
    const groups = new ProcessGroups(LIMITS);
    const { shown } = run(groups, [
      ["idle", 0, 1],
      ["busy", 50, 1],
      ["busier", 60, 2],
      ["little", 5, 3],
      ["large", 0, 100],
      ["larger", 0, 200],
    ]);
    expect(shown).toEqual(["busier", "busy", "large", "larger"]);
  });

  test("one that falls behind stays for some runs, so it does not flap", () => {
    const groups = new ProcessGroups({ ...LIMITS, topMax: 1 });
    const story: string[][] = [];
    for (const winner of ["a", "b", "a", "b", "b", "b", "b"]) {
      const uses: Use[] = ["a", "b"].map((command) => [command, command === winner ? 9 : 1, 0]);
      story.push(run(groups, uses).changed);
    }
    expect(story).toEqual([["+a"], ["+b"], [], [], [], ["-a"], []]);
  });

  test("no more are shown than allowed, and the latest stay", () => {
    const groups = new ProcessGroups(LIMITS);
    const all = ["a", "b", "c", "d", "e", "f"];
    const uses = (first: string, second: string): Use[] =>
      all.map((command) => [command, command === first || command === second ? 9 : 1, 0]);
    run(groups, uses("a", "b"));
    run(groups, uses("c", "d"));
    const { shown, changed } = run(groups, uses("e", "f"));
    expect(shown).toEqual(["c", "d", "e", "f"]);
    expect(changed.sort()).toEqual(["+e", "+f", "-a", "-b"]);
  });

  test("CPU time of what ended stays, also over a time without a process", () => {
    const groups = new ProcessGroups(LIMITS);
    run(groups, [["cron", 7, 1]]);
    expect(run(groups, []).changed).toEqual(["-cron"]);
    expect(run(groups, [["cron", 2, 1]]).changed).toEqual(["+cron"]);
    expect(groups.groupOf("cron", "").cpuTime).toBe(9);
  });

  test("what was long without a process is forgotten", () => {
    const groups = new ProcessGroups(LIMITS);
    run(groups, [["cron", 7, 1]]);
    for (let i = 0; i < LIMITS.lingerRuns; i += 1) run(groups, []);
    expect(groups.size).toBe(0);
  });

  test("commands without end do not fill the memory", () => {
    const groups = new ProcessGroups(LIMITS);
    for (let i = 0; i < 100; i += 1) {
      run(
        groups,
        Array.from({ length: 5 }, (_, n) => [`x${i}-${n}`, 1, 1]),
      );
      expect(groups.size).toBeLessThanOrEqual(LIMITS.groupsMax + 5);
    }
  });

  test("the same command in another container is another group, whatever they are called", () => {
    const groups = new ProcessGroups(LIMITS);
    groups.begin();
    const pairs = [
      ["ab", "c"],
      ["b", "ca"],
      ["b", "c\na"],
      ["b", ""],
      ["0 b", ""],
    ] as const;
    expect(new Set(pairs.map(([command, name]) => groups.groupOf(command, name))).size).toBe(5);
  });
});
