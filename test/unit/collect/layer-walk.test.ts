import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DEPTH_MAX,
  ENTRIES_MAX,
  type LayerDisk,
  type LayerFile,
  LayerWalk,
  type OpenDirectory,
} from "../../../agent/collect/containers/layer-walk.ts";

type Tree = { [name: string]: Tree | number };

/** A tree in memory: a number is a file of so many bytes; directories take one byte each. */
class TreeDisk implements LayerDisk {
  readonly files = new Map<string, LayerFile>();
  readonly names = new Map<string, string[]>();
  readonly denied = new Set<string>();
  stats = 0;
  openCount = 0;
  #inode = 1;

  constructor(tree: Tree) {
    this.#add("/layer", tree);
  }

  change(path: string, change: Partial<LayerFile>): void {
    const file = this.files.get(path);
    if (file === undefined) throw new Error(`no ${path}`);
    this.files.set(path, { ...file, ...change });
  }

  async open(path: string): Promise<OpenDirectory | "denied" | null> {
    if (this.denied.has(path)) return "denied";
    const file = this.files.get(path);
    const names = [...(this.names.get(path) ?? [])];
    if (file === undefined || !this.names.has(path)) return null;
    this.openCount += 1;
    return {
      ...file,
      nextName: async () => names.shift() ?? null,
      stat: async (name) => {
        this.stats += 1;
        return this.files.get(`${path}/${name}`) ?? null;
      },
      close: async () => {
        this.openCount -= 1;
      },
    };
  }

  #add(path: string, entry: Tree | number): void {
    const isDirectory = typeof entry !== "number";
    const bytes = isDirectory ? 1 : entry;
    this.#inode += 1;
    const inode = this.#inode;
    this.files.set(path, { isDirectory, device: 7, inode, links: 1, bytes });
    if (isDirectory) {
      this.names.set(path, Object.keys(entry));
      for (const [name, child] of Object.entries(entry)) this.#add(`${path}/${name}`, child);
    }
  }
}

async function walkThrough(disk: TreeDisk, questions = 1_000_000): Promise<LayerWalk> {
  const walk = new LayerWalk(disk, "/layer");
  for (let i = 0; walk.state === "going"; i += 1) {
    expect(i).toBeLessThan(200_000);
    await walk.advance(questions);
  }
  expect(disk.openCount).toBe(0);
  return walk;
}

function nested(depth: number): Tree {
  return depth === 0 ? { file: 100 } : { d: nested(depth - 1) };
}

describe("the size of a layer", () => {
  test("is that of its files and directories", async () => {
    const disk = new TreeDisk({ etc: { hosts: 10, deep: { er: 20 } }, empty: {}, log: 300 });
    expect(await walkThrough(disk)).toMatchObject({ state: "done", bytes: 1 + 330 + 3 });
  });

  test("has a file with several names once", async () => {
    const disk = new TreeDisk({ a: 1000, sub: { b: 1000 }, c: 5 });
    disk.change("/layer/a", { links: 2, inode: 99 });
    disk.change("/layer/sub/b", { links: 2, inode: 99 });
    expect(await walkThrough(disk)).toMatchObject({ bytes: 1 + 1 + 1005 });
  });

  test("has nothing of another device, though it is mounted in it", async () => {
    const disk = new TreeDisk({ mnt: { big: 1_000_000 }, own: 5 });
    disk.change("/layer/mnt", { device: 8 });
    expect(await walkThrough(disk)).toMatchObject({ state: "done", bytes: 6 });
    expect(disk.stats).toBe(2);
  });

  test.each<[string, (disk: TreeDisk) => void]>([
    ["another directory", (disk) => disk.change("/layer/dir", { inode: 4711 })],
    ["a link", (disk) => disk.names.delete("/layer/dir")],
  ])(
    "has nothing of %s that came to a directory's place after it was found",
    async (_, replace) => {
      const disk = new TreeDisk({ dir: { big: 1_000_000 }, own: 5 });
      const walk = new LayerWalk(disk, "/layer");
      await walk.advance(7); // the layer itself and both names
      replace(disk);
      await walk.advance(1000);
      expect(walk).toMatchObject({ state: "done", bytes: 1 + 1 + 5 });
      expect(disk.openCount).toBe(0);
    },
  );

  test("lacks a file that is gone before it is looked at", async () => {
    const disk = new TreeDisk({ a: 10, b: 20 });
    disk.files.delete("/layer/a");
    expect(await walkThrough(disk)).toMatchObject({ state: "done", bytes: 21 });
  });
});

describe("the bounds of a walk", () => {
  test.each([
    [DEPTH_MAX, "done"],
    [DEPTH_MAX + 1, "too large"],
  ])("%i directories in one another: %s", async (depth, state) => {
    expect((await walkThrough(new TreeDisk(nested(depth)))).state).toBe(state);
  });

  test.each([
    [ENTRIES_MAX, "done"],
    [ENTRIES_MAX + 1, "too large"],
  ])("%i files: %s", async (count, state) => {
    const files = Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, 1]));
    const disk = new TreeDisk(files);
    expect((await walkThrough(disk)).state).toBe(state);
    expect(disk.stats).toBeLessThanOrEqual(ENTRIES_MAX);
  });

  test("names of 255 bytes that make a path longer than the kernel takes", async () => {
    let tree: Tree = { file: 1 };
    for (let i = 0; i < DEPTH_MAX; i += 1) tree = { ["x".repeat(255)]: tree };
    expect((await walkThrough(new TreeDisk(tree))).state).toBe("too large");
  });

  test("a layer that is not there, and one that is closed to the agent", async () => {
    const disk = new TreeDisk({ a: {} });
    disk.denied.add("/layer/a");
    expect((await walkThrough(disk)).state).toBe("denied");
    disk.names.delete("/layer");
    expect((await walkThrough(disk)).state).toBe("gone");
  });

  test("no more questions at once than asked for, but for those of one directory", async () => {
    const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 1]));
    const disk = new TreeDisk(files);
    const walk = new LayerWalk(disk, "/layer");
    while (walk.state === "going") {
      const before = disk.stats;
      const asked = await walk.advance(20);
      expect(asked).toBeLessThan(20 + 5);
      expect(disk.stats - before).toBeLessThanOrEqual(asked);
    }
    expect(walk.bytes).toBe(501);
  });
});

const TREE = fc.letrec<{ tree: Tree; entry: Tree | number }>((tie) => ({
  tree: fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), tie("entry"), { maxKeys: 5 }),
  entry: fc.oneof({ depthSize: "small" }, fc.nat(1000), tie("tree")),
})).tree;

function sizeOf(entry: Tree | number): number {
  if (typeof entry === "number") return entry;
  return Object.values(entry).reduce((sum: number, child) => sum + sizeOf(child), 1);
}

test("a walk in steps of any size finds what is there", async () => {
  await fc.assert(
    fc.asyncProperty(TREE, fc.integer({ min: 1, max: 30 }), async (tree, questions) => {
      const walk = await walkThrough(new TreeDisk(tree), questions);
      expect(walk).toMatchObject({ state: "done", bytes: sizeOf(tree) });
    }),
    { numRuns: 60 },
  );
});
