import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  CHANGED,
  FILE_BYTES_MAX,
  HeldFile,
  MISSING,
  ReadBuffer,
  SAME,
} from "../../agent/collect/kit/held-file.ts";

const directory = mkdtempSync(join(tmpdir(), "telltale-held-"));
afterAll(() => rmSync(directory, { recursive: true }));

function held(name: string, hasManyRecords = false) {
  const buffer = new ReadBuffer();
  const path = join(directory, name);
  const file = new HeldFile(path, buffer, { hasManyRecords });
  const text = () => buffer.bytes.toString("latin1", 0, file.length);
  const replace = (content: string) => writeFileSync(path, content);
  return { file, text, replace };
}

describe("a file that is held open", () => {
  test("tells whether its bytes are those of the last read, also when it became shorter", () => {
    const { file, text, replace } = held("short");
    replace("a 1\nb 2\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\nb 2\n"]);
    expect(file.read()).toBe(SAME);
    replace("a 1\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\n"]);
    replace("a 1\nb 2\n");
    expect([file.read(), text()]).toEqual([CHANGED, "a 1\nb 2\n"]);
    file.close();
  });

  test.each([false, true])(
    "is read whole when it outgrows the buffer (many records: %s)",
    (many) => {
      const { file, text, replace } = held(`large-${many}`, many);
      const content = "0123456789abcdef".repeat(10_000);
      replace(content);
      expect([file.read(), text() === content]).toEqual([CHANGED, true]);
      file.close();
    },
  );

  test("is missing until it is there, and refused when it is endless", () => {
    const { file, replace } = held("late");
    expect(file.read()).toBe(MISSING);
    replace("x".repeat(FILE_BYTES_MAX + 1));
    expect(() => file.read()).toThrow(expect.objectContaining({ code: "LIMIT" }));
    expect(file.isOpen).toBe(false);
    replace("x");
    expect(file.read()).toBe(CHANGED);
    file.close();
  });

  test("a directory is no file", () => {
    const file = new HeldFile(directory, new ReadBuffer());
    expect(() => file.read()).toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  });
});
