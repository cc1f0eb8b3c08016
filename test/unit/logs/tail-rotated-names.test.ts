import fc from "fast-check";
import { expect, test } from "vitest";
import {
  baseOfRotated,
  basesOfRotated,
  compareRotation,
  isCompressedName,
  rotatedName,
} from "../../../agent/logs/tail/rotated-names.ts";

test.each([
  ["x.log.1", "x.log", { scheme: "count", count: 1 }, "none"],
  ["x.log.12.gz", "x.log", { scheme: "count", count: 12 }, "gzip"],
  ["x.log.2.zst", "x.log", { scheme: "count", count: 2 }, "other"],
  ["x.log-20260102", "x.log", { scheme: "date", text: "-20260102" }, "none"],
  ["x.log.2026-01-02-13", "x.log", { scheme: "date", text: ".2026-01-02-13" }, "none"],
  [
    "x.log-20260102-1767312000.gz",
    "x.log",
    { scheme: "date", text: "-20260102-1767312000" },
    "gzip",
  ],
  ["x.log.old", "x.log", { scheme: "word" }, "none"],
  ["x.1.log", "x.log", { scheme: "count", count: 1 }, "none"],
  ["x-20260102.log", "x.log", { scheme: "date", text: "-20260102" }, "none"],
] as const)("%s is a rotated form of %s", (name, base, order, compression) => {
  expect(rotatedName(name, base)).toMatchObject({ order, compression });
  expect(basesOfRotated(name)).toContain(base);
});

test.each([
  ["x.log", "x.log"],
  ["x.log.gz", "x.log"],
  ["x.log.txt", "x.log"],
  ["y.log.1", "x.log"],
  ["xx.log", "x.log"],
  ["x.log.1.tmp", "x.log"],
  ["x.log.1\n", "x.log"],
  ["x.log\n.1", "x.log"],
  ["x.log.", "x.log"],
  ["", "x.log"],
])("%j is no rotated form of %s", (name, base) => {
  expect(rotatedName(name, base)).toBeNull();
});

test.each([
  ["/v/x.log.1", "/v/x.log"],
  ["/v/x.log-20260102.gz", "/v/x.log"],
  ["/v/x.log.old", "/v/x.log"],
  ["/v/x.log", null],
  ["/v/worker-1.log", null],
])("%s is of %s", (name, base) => {
  expect(baseOfRotated(name)).toBe(base);
});

test.each([
  ["x.log.2", "x.log.1", -1],
  ["x.log.10", "x.log.9", -1],
  ["x.log-20260101", "x.log-20260102", -1],
  ["x.log.1", "x.log.1", 0],
  ["x.log.1", "x.log-20260102", 0],
  ["x.log.old", "x.log.bak", 0],
])("%s against %s: %i", (a, b, sign) => {
  const [first, second] = [rotatedName(a, "x.log"), rotatedName(b, "x.log")];
  if (first === null || second === null) throw new Error("not rotated");
  expect(Math.sign(compareRotation(first.order, second.order))).toBe(sign);
  expect(Math.sign(compareRotation(second.order, first.order))).toBe(0 - sign);
});

test("what is rotated of a base has that base, and is compressed when it says so", () => {
  const base = fc.stringMatching(/^[a-z][a-z\n]{0,5}\.log$/);
  const suffix = fc.constantFrom(".1", ".25", "-20260102", ".old", "_2026-01-02");
  fc.assert(
    fc.property(base, suffix, fc.constantFrom("", ".gz", ".xz"), (name, end, compression) => {
      const rotated = name + end + compression;
      expect(rotatedName(rotated, name)).not.toBeNull();
      expect(baseOfRotated(rotated)).toBe(name);
      expect(basesOfRotated(rotated)).toContain(name);
      expect(isCompressedName(rotated)).toBe(compression !== "");
    }),
  );
});

test("100,000 names of one directory are told apart in a fraction of a second", () => {
  const before = process.cpuUsage();
  let count = 0;
  for (let n = 0; n < 100_000; n += 1) {
    if (rotatedName(`${"a1-.".repeat(50)}${n}.log.${n % 7}`, "x.log") !== null) count += 1;
    if (basesOfRotated(`app${n}.log`).length > 0) count += 1;
  }
  const { user } = process.cpuUsage(before);
  expect(count).toBe(0);
  expect(user / 1e6).toBeLessThan(2);
});
