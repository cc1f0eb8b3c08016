import { lchownSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diskFiles } from "../../agent/logs/tail/disk-files.ts";
import { directoryForTest } from "../support/directory-for-test.ts";

const USER = 1000;
const isRoot = process.getuid?.() === 0;

/** A link of one user to a file of another; whether it is opened. */
function isFollowed(linkOwner: number, fileOwner: number): boolean {
  const directory = directoryForTest();
  const [file, link] = [join(directory, "file"), join(directory, "link")];
  writeFileSync(file, "secret");
  symlinkSync(file, link);
  lchownSync(file, fileOwner, fileOwner);
  lchownSync(link, linkOwner, linkOwner);
  const files = diskFiles();
  const descriptor = files.open(link);
  if (descriptor === null) return false;
  files.close(descriptor);
  return true;
}

describe.skipIf(!isRoot)(`links to log files${isRoot ? "" : " (skipped: needs root)"}`, () => {
  test("they are followed when they are root's or of the file's owner", () => {
    expect(isFollowed(0, 0)).toBe(true);
    expect(isFollowed(0, USER)).toBe(true);
    expect(isFollowed(USER, USER)).toBe(true);
  });

  test("a user's link leads to nobody else's file", () => {
    expect(() => isFollowed(USER, 0)).toThrow("it is a link of user 1000 to a file of user 0");
    expect(() => isFollowed(USER, USER + 1)).toThrow(/Cannot read .*link/);
  });

  test("a link to nothing, or to itself, is a file that is missing", () => {
    const directory = directoryForTest();
    symlinkSync(join(directory, "nothing"), join(directory, "link"));
    symlinkSync(join(directory, "self"), join(directory, "self"));
    const files = diskFiles();
    expect([files.open(join(directory, "link")), files.open(join(directory, "self"))]).toEqual([
      null,
      null,
    ]);
  });
});
