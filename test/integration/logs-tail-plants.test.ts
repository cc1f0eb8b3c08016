import { expect, test } from "vitest";
import { FileContent } from "../../agent/logs/tail/file-content.ts";
import { OpenFile } from "../../agent/logs/tail/open-file.ts";
import { OpenFiles } from "../../agent/logs/tail/open-files.ts";
import { PathFollower } from "../../agent/logs/tail/path-follower.ts";
import { Positions } from "../../agent/logs/tail/positions.ts";
import { Siblings } from "../../agent/logs/tail/siblings.ts";
import { TailReport } from "../../agent/logs/tail/tail-report.ts";
import { replaced } from "../simulation/replaced.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { TailWorld, type WorldKind } from "../support/tail-world.ts";

const SEEDS = 10;
const LOOKS = 60;

/** Bugs of a tailer; each has to be found by a world that is without fault otherwise. */
const PLANTS: Record<string, () => () => void> = {
  "the cursor is at what was read, not at what is in lines": () =>
    replaced(OpenFile.prototype, "position", (position, file, ...args) => {
      return { ...position(...args), offset: file.readOffset };
    }),
  "cursors are a batch late": () => {
    let last: ReturnType<Positions["takeUnwritten"]> = [];
    return replaced(Positions.prototype, "takeUnwritten", (take) => {
      const now = last;
      last = take();
      return now;
    });
  },
  "a renamed file is closed at once": () =>
    replaced(PathFollower.prototype, "settle", (settle, _follower, time) =>
      settle({ ...time, monotonicMs: time.monotonicMs + 1e9 }),
    ),
  "half a line is finished at each look": () =>
    replaced(OpenFile.prototype, "flush", (flush, _file, nowMs) => flush(nowMs, true)),
  "a file is known by its inode alone": () =>
    replaced(Siblings.prototype, "compare", async (compare, _siblings, ...args) => {
      const file = await compare(...args);
      for (const { position } of args[3]) {
        const isThere = position.inode === file?.inode;
        if (isThere) (file.kinship as Map<number, string>).set(position.id, "same");
      }
      return file;
    }),
  "a file is known by its head alone": () =>
    replaced(FileContent.prototype, "kinship", async (kinship, _content, position, ...args) => {
      return await kinship({ ...position, marks: [] }, ...args);
    }),
  "copies are not known": () =>
    replaced(Siblings.prototype, "compare", async (compare, _siblings, ...args) => {
      const file = await compare(...args);
      for (const { position } of args[3]) {
        const isThere = position.inode === file?.inode;
        if (!isThere) (file?.kinship as Map<number, string>)?.set(position.id, "other");
      }
      return file;
    }),
  "what was read is read again when it is compressed": () =>
    replaced(Siblings.prototype, "find", async (find, _siblings, ...args) => {
      const files = await find(...args);
      return files.map((file) => (file.isCompressed ? { ...file, kinship: new Map() } : file));
    }),
  "rotated files are not looked for": () => replaced(Siblings.prototype, "find", async () => []),
  "compressed files are not looked at": () =>
    replaced(Siblings.prototype, "find", async (find, _siblings, ...args) => {
      return (await find(...args)).filter(({ isCompressed }) => !isCompressed);
    }),
  "of several rotations the last is followed": () =>
    replaced(Siblings.prototype, "find", async (find, _siblings, ...args) => {
      return (await find(...args)).slice(0, 1);
    }),
  "a copy that is being made is read as a file of its own": () =>
    replaced(Siblings.prototype, "beginsWith", () => false),
  "the copy of a truncated file is read from its start": () =>
    replaced(OpenFiles.prototype, "move", (move, _files, file, ...args) => {
      file.readOffset = 0;
      move(file, ...args);
    }),
  "a truncated file is forgotten": () =>
    replaced(OpenFiles.prototype, "move", (_move, files, file) => files.drop(file)),
  "files stay open": () => replaced(MemoryFiles.prototype, "close", () => {}),
};

/** These show only where lines are lost that nobody could have saved. */
const PLANTS_OF_WINDOWS: typeof PLANTS = {
  "what is lost is not counted": () => replaced(TailReport.prototype, "lost", () => {}),
  "the window of a loss is not known": () =>
    replaced(TailReport.prototype, "lost", (lost, _report, loss) => {
      lost({ ...loss, fromMs: loss.untilMs });
    }),
  "a copy that ends before the offset is a new file": () =>
    replaced(FileContent.prototype, "kinship", async (kinship, _content, ...args) => {
      const found = await kinship(...args);
      return found === "shorter" ? "other" : found;
    }),
};

async function firstViolation(kind: WorldKind): Promise<string | null> {
  // The seeds of the test without a bug.
  for (let seed = 10; seed < 10 + SEEDS; seed += 1) {
    const world = new TailWorld(seed, kind);
    const found = await world.run(LOOKS).catch((error) => [String(error)]);
    if (found[0] !== undefined) return `seed ${seed}: ${found[0].slice(0, 100)}`;
  }
  return null;
}

const ALL = [
  ...Object.entries(PLANTS).map(([name, plant]) => ({ name, plant, kind: "saveable" as const })),
  ...Object.entries(PLANTS_OF_WINDOWS).map(([name, plant]) => {
    return { name, plant, kind: "windows" as const };
  }),
];

test.each(ALL)("the planted bug is found: $name", async ({ name, plant, kind }) => {
  const restore = plant();
  try {
    const violation = await firstViolation(kind);
    console.log(`${name}: ${violation}`);
    expect(violation).not.toBeNull();
  } finally {
    restore();
  }
});
