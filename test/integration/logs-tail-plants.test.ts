import { expect, test } from "vitest";
import { OpenFile } from "../../agent/logs/tail/open-file.ts";
import { OpenFiles } from "../../agent/logs/tail/open-files.ts";
import { PathFollower } from "../../agent/logs/tail/path-follower.ts";
import { Positions } from "../../agent/logs/tail/positions.ts";
import { Siblings } from "../../agent/logs/tail/siblings.ts";
import { replaced } from "../simulation/replaced.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { TailWorld } from "../support/tail-world.ts";

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
  "a file is known by its inode alone": () =>
    replaced(Siblings.prototype, "compare", async (compare, _siblings, file, sightings) => {
      const kinships = await compare(file, sightings);
      const { device, inode } = file;
      for (const { position } of sightings) {
        if (position.inode === inode && position.device === device) {
          (kinships as Map<number, string> | null)?.set(position.id, "same");
        }
      }
      return kinships;
    }),
  "copies are not known": () =>
    replaced(Siblings.prototype, "compare", async (compare, _siblings, file, sightings) => {
      const kinships = await compare(file, sightings);
      for (const { position } of sightings) {
        if (position.inode !== file.inode) {
          (kinships as Map<number, string> | null)?.set(position.id, "other");
        }
      }
      return kinships;
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
  "renames meanwhile are not noticed": () => replaced(Siblings.prototype, "names", async () => ""),
  "the copy of a truncated file is read from its start": () =>
    replaced(OpenFiles.prototype, "move", (move, _files, file, ...args) => {
      file.readOffset = 0;
      move(file, ...args);
    }),
  "a truncated file is forgotten": () =>
    replaced(OpenFiles.prototype, "move", (_move, files, file) => files.drop(file)),
  "files stay open": () => replaced(MemoryFiles.prototype, "close", () => {}),
};

async function firstViolation(): Promise<string | null> {
  // The seeds of the test without a bug.
  for (let seed = 10; seed < 10 + SEEDS; seed += 1) {
    const world = new TailWorld(seed, "saveable");
    const found = await world.run(LOOKS).catch((error) => [String(error)]);
    if (found[0] !== undefined) return `seed ${seed}: ${found[0].slice(0, 100)}`;
  }
  return null;
}

test.each(Object.keys(PLANTS))("the planted bug is found: %s", async (name) => {
  const restore = PLANTS[name]?.();
  try {
    const violation = await firstViolation();
    console.log(`${name}: ${violation}`);
    expect(violation).not.toBeNull();
  } finally {
    restore?.();
  }
});
