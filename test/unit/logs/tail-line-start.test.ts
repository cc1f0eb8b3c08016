import { expect, test } from "vitest";
import { lastLineStart } from "../../../agent/logs/tail/line-start.ts";
import type { LogFiles } from "../../../agent/logs/tail/ports.ts";

function startIn(content: Buffer, size = content.length): number {
  const read: LogFiles["read"] = (_descriptor, bytes, offset, length, position) =>
    content.copy(bytes, offset, position, Math.min(content.length, position + length));
  return lastLineStart({ read } as LogFiles, 3, size);
}

const le = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
const be = (text: string) => le(text).swap16();

test.each<[what: string, content: Buffer, start: number]>([
  ["behind the last newline", Buffer.from("one\ntwo\nth"), 8],
  ["at the beginning where there is no newline", Buffer.from("one"), 0],
  ["of UTF-16, behind both bytes of it", le("one\ntwo\nth"), 18],
  ["of UTF-16 the other way round", be("one\ntwo\nth"), 18],
  ["not in a character of which a byte is that of a newline", le("one\n\u0a41\u410a"), 10],
  ["not across two characters", be("a\n\u4100\u0a41"), 6],
  ["before half a character", Buffer.concat([le("one\ntwo\n"), Buffer.of(0x41)]), 18],
])("a line that is being written begins %s", (_what, content, start) => {
  expect(startIn(content)).toBe(start);
});

test("where no newline is near it begins at the end, of UTF-16 at a whole character", () => {
  expect(startIn(Buffer.alloc(70_001, "a"))).toBe(70_001);
  expect(startIn(Buffer.concat([le("a".repeat(40_000)), Buffer.of(0x41)]))).toBe(80_002);
});
