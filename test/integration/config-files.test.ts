import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readConfigFile, readConfigFiles } from "../../shared/platform/config-files.ts";

const folder = mkdtempSync(join(tmpdir(), "telltale-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(bytes: string | Uint8Array): string {
  const path = join(folder, "a.yaml");
  writeFileSync(path, bytes);
  return path;
}

test("a file is read whole, without a mark of its byte order", () => {
  const text = "é".repeat(200_000);
  expect(readConfigFile(written(`\ufeff${text}`))).toBe(text);
  expect(readConfigFile(written(""))).toBe("");
  expect(readConfigFile(join(folder, "none.yaml"))).toBe(null);
});

test("a device that does not end is too large", () => {
  expect(() => readConfigFile("/dev/zero")).toThrow("/dev/zero: larger than 1048576 bytes");
});

test("what is too large, no UTF-8 or no file is refused", () => {
  expect(() => readConfigFile(written("x".repeat(1024 ** 2 + 1)))).toThrow("larger than");
  expect(() => readConfigFile(written(Uint8Array.of(0x61, 0xff)))).toThrow("not valid UTF-8");
  expect(() => readConfigFile(folder)).toThrow("cannot be read: not a regular file");
});

test("a pipe in a folder is refused at once, whoever writes to it", () => {
  const path = join(folder, "pipe.yaml");
  execFileSync("mkfifo", [path]);
  expect(() => readConfigFile(path)).toThrow(`${path}: cannot be read: not a regular file`);
  expect(() => readConfigFiles(join(folder, "pipe*"))).toThrow("not a regular file");
  rmSync(path);
});
