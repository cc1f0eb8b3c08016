import { describe, expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { JOIN_DEFAULTS } from "../../../agent/logs/shape/shape-options.ts";
import { createShaper } from "../../../agent/logs/shape/shaper.ts";
import { shaped, texts } from "../../support/shaped.ts";

const utf16 = (text: string) => Buffer.from(text, "utf16le");

describe("lines of plain files", () => {
  test.each<[string, (string | Uint8Array)[], string[]]>([
    ["end at LF", ["a\nb\n\nc"], ["a", "b", "", "c"]],
    ["end at CRLF, and a lone CR stays", ["a\r\nb\rc\r\n"], ["a", "b\rc"]],
    ["may have CR and LF in two pushes", ["a\r", "\nb\n"], ["a", "b"]],
    ["keep NUL and control characters", ["a\0b\x1b[31m\x07\n"], ["a\0b\x1b[31m\x07"]],
    ["lose a byte order mark", [Buffer.from([0xef, 0xbb]), Buffer.from([0xbf, 97, 10])], ["a"]],
    ["keep half a mark", [Buffer.from([0xef, 0xbb])], ["\ufffd"]],
    [
      "have what is no UTF-8 replaced",
      [Buffer.from([97, 0xff, 98, 0xc3, 10, 0xe2, 0x82]), Buffer.from([0xac, 10])],
      ["a\ufffdb\ufffd", "€"],
    ],
    [
      "are decoded from UTF-16LE",
      [Buffer.from([0xff]), Buffer.from([0xfe]), utf16("aü\r\nĊ\u0a0ab\n😀")],
      ["aü", "Ċ\u0a0ab", "😀"],
    ],
    [
      "are decoded from UTF-16BE",
      [Buffer.from([0xfe, 0xff]), utf16("aü\nĊ\n").swap16()],
      ["aü", "Ċ"],
    ],
  ])("%s", (_, pushes, expected) => {
    expect(texts(pushes)).toEqual(expected);
    const bytes = Buffer.concat(pushes.map((push) => Buffer.from(push as string)));
    expect(texts([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(expected);
  });

  test("offsets are those of the file", () => {
    const ends = (pushes: (string | Uint8Array)[]) =>
      shaped(pushes, { startOffset: 100 }).map(({ endOffset }) => endOffset);
    expect(ends(["a\r\nbc\n", "d"])).toEqual([103, 106, 107]);
    const encoding = "utf-16le" as const;
    const resumed = shaped([utf16("x\ny\n")], { startOffset: 6, options: { encoding } });
    expect(resumed.map(({ text, endOffset }) => [text, endOffset])).toEqual([
      ["x", 10],
      ["y", 14],
    ]);
  });

  test("a line over the limit is cut before a character that does not fit, and counted", () => {
    const counts = newShapeCounts();
    const options = { lineBytesMax: 10 };
    const lines = shaped(["123456789€uro\nnext\n1234567890\n1234567890\r\n"], { options, counts });
    expect(lines.map(({ text, isCut, endOffset }) => [text, isCut, endOffset])).toEqual([
      ["123456789", true, 16],
      ["next", false, 21],
      ["1234567890", false, 32],
      ["1234567890", false, 44],
    ]);
    expect(counts).toMatchObject({ linesCut: 1, bytesCut: 6 });
  });

  test("a line of 1 GB costs no more memory than the limit", () => {
    const counts = newShapeCounts();
    const lines: { length: number; isCut: boolean; endOffset: number }[] = [];
    const options = { lineBytesMax: 1000, encoding: null, join: null, masker: null, counts };
    const shaper = createShaper("plain", options, 0, ({ start, end, isCut }, endOffset) =>
      lines.push({ length: end - start, isCut, endOffset }),
    );
    const chunk = Buffer.alloc(4 << 20, "x");
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 256; i += 1) shaper.push(chunk, 0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    shaper.push(Buffer.from("\nok\n"), 0);
    expect(lines).toEqual([
      { length: 1000, isCut: true, endOffset: 2 ** 30 + 1 },
      { length: 2, isCut: false, endOffset: 2 ** 30 + 4 },
    ]);
    expect(counts.bytesCut).toBe(2 ** 30 - 1000);
  });

  test("a hole that truncation under a writer left is skipped, and the text behind it is not", () => {
    const counts = newShapeCounts();
    const options = { lineBytesMax: 10 };
    const pushes = ["a\n", Buffer.alloc(12), Buffer.alloc(1000), "text\nb\n"];
    expect(texts(pushes, { options, counts })).toEqual(["a", "text", "b"]);
    expect(counts).toMatchObject({ holeBytes: 1012, linesCut: 0 });
    expect(texts([Buffer.alloc(5), "x\n"], { options })).toEqual(["\0\0\0\0\0x"]);
  });

  test("a file that may go on keeps half a line; one that is gone does not", () => {
    const lines: string[] = [];
    const counts = newShapeCounts();
    const options = { lineBytesMax: 99, encoding: null, join: JOIN_DEFAULTS, masker: null, counts };
    const shaper = createShaper("plain", options, 0, ({ bytes, start, end }) =>
      lines.push(Buffer.from(bytes.subarray(start, end)).toString()),
    );
    shaper.push(Buffer.from("one\nha"), 0);
    expect(shaper.hasPending).toBe(true);
    shaper.flush(999, false);
    expect(lines).toEqual([]);
    shaper.flush(1000, false);
    expect(lines).toEqual(["one"]);
    shaper.push(Buffer.from("lf\n"), 1001);
    shaper.flush(1002);
    expect(lines).toEqual(["one", "half"]);
    expect(shaper.hasPending).toBe(false);
  });
});
