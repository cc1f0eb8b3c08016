import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { newShapeCounts } from "../../../agent/logs/shape/shape-counts.ts";
import { framed, localRecord } from "../../support/local-log.ts";
import { type Shaped, shaped, texts } from "../../support/shaped.ts";

const TIME_NS = 1_796_008_365_123_456_789n;
const TIME_US = 1_796_008_365_123_456;
const LOCAL = { format: "docker-local" } as const;

const record = (line: string, source = "stdout") => localRecord({ line, source, timeNs: TIME_NS });
const part = (line: string, ordinal: number, isLast = false) =>
  localRecord({ line, timeNs: TIME_NS, part: { isLast, id: "ab12", ordinal } });
const plain = ({ text, stream, timeUs }: Shaped) => [text, stream, timeUs];

describe("docker's local driver", () => {
  test.each(["plain", "", "two\nlines", "€ 😀 \0", "\n\x06stdout", "\n".repeat(300)])(
    "%j is read as it was written",
    (line) => {
      expect(shaped([record(line)], LOCAL).map(plain)).toEqual([[line, "stdout", TIME_US]]);
    },
  );

  test("lines of both streams, with the offsets behind their records", () => {
    const [first, second] = [record("out"), record("err", "stderr")];
    const lines = shaped([Buffer.concat([first, second])], LOCAL);
    expect(lines.map(({ text, stream, endOffset }) => [text, stream, endOffset])).toEqual([
      ["out", "stdout", first.length],
      ["err", "stderr", first.length + second.length],
    ]);
  });

  test("parts of a line are put together", () => {
    const bytes = Buffer.concat([
      part("a", 1),
      record("between", "stderr"),
      part("b", 2),
      part("c", 3, true),
      record("next"),
    ]);
    expect(texts([bytes], LOCAL)).toEqual(["abc", "between", "next"]);
  });

  test("bytes that are no UTF-8 are replaced, and secrets masked", () => {
    const bad = localRecord({ line: Uint8Array.of(0x61, 0xff, 0x62) });
    expect(texts([bad, record("password=hunter2 ä")], LOCAL)).toEqual([
      "a\ufffdb",
      "password=<masked:password> ä",
    ]);
  });

  test.each<[name: string, torn: Uint8Array]>([
    ["half of one", record("torn, and never written to its end").subarray(0, 30)],
    ["its length alone", record("torn").subarray(0, 4)],
    ["zeros", Buffer.alloc(5000)],
    ["a length of 1 GB", Buffer.from("3b9aca00", "hex")],
    ["text", Buffer.from("what does a text do here?\n".repeat(20))],
    ["its beginning, twice", Buffer.from("\n\x06stdout\n\x06stdout")],
  ])("what is no record (%s) costs no more than itself, and is counted", (_, torn) => {
    const counts = newShapeCounts();
    // Enough behind it, so that what looks like a length has its end.
    const rest = Array.from({ length: 20 }, (__, n) => `line ${n}`);
    const bytes = Buffer.concat([record("before"), torn, ...rest.map((line) => record(line))]);
    expect(texts([bytes], { ...LOCAL, counts })).toEqual(["before", ...rest]);
    expect(counts.recordsMalformed).toBe(1);
  });

  test.each<[name: string, bytes: Buffer]>([
    ["no protobuf", framed(Buffer.from("\n\x06stdout what is this"))],
    ["a stream that is none", localRecord({ source: "stdxyz", line: "x" })],
    ["without a time", framed(Buffer.from("\n\x06stdout\x1a\x01x", "latin1"))],
  ])("a record that is %s is passed on as it stands, and counted", (_, bytes) => {
    const counts = newShapeCounts();
    const lines = shaped([Buffer.concat([bytes, record("next")])], { ...LOCAL, counts });
    expect(lines.map(({ stream, timeUs }) => [stream, timeUs])).toEqual([
      ["", null],
      ["stdout", TIME_US],
    ]);
    expect(counts.recordsMalformed).toBe(1);
  });

  test("reading that begins in the middle of a record goes on with the next, and counts nothing", () => {
    const [first, second] = [record("first line"), record("second")];
    for (let start = 1; start <= first.length; start += 1) {
      const counts = newShapeCounts();
      const bytes = Buffer.concat([first, second]).subarray(start);
      const lines = shaped([bytes], { ...LOCAL, counts, startOffset: start });
      expect(lines.map(({ text, endOffset }) => [text, endOffset])).toEqual([
        ["second", first.length + second.length],
      ]);
      expect(counts.recordsMalformed).toBe(0);
    }
  });

  test("a record that was flushed half written is read when the rest of it comes", () => {
    const bytes = record("slowly written");
    expect(texts([bytes.subarray(0, 20)], LOCAL)).toEqual([]);
    expect(texts([bytes.subarray(0, 20), bytes.subarray(20)], LOCAL)).toEqual(["slowly written"]);
  });

  test("lines do not depend on how their bytes are cut into pushes", () => {
    const anyRecord = fc.oneof(
      { weight: 5, arbitrary: fc.string({ size: "small" }).map((line) => record(line)) },
      { weight: 2, arbitrary: fc.string({ size: "small" }).map((text) => record(text, "stderr")) },
      { weight: 2, arbitrary: fc.string({ size: "small" }).map((line) => part(line, 1)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
    );
    const cuts = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 12 }), cuts, (records, lengths) => {
        const bytes = Buffer.concat(records);
        const pushes: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const length = Math.max(1, lengths[n % lengths.length] ?? 1);
          pushes.push(bytes.subarray(at, at + length));
          at += length;
        }
        const counts = newShapeCounts();
        const countsOfPieces = newShapeCounts();
        const whole = shaped([bytes], { ...LOCAL, counts });
        expect(shaped(pushes, { ...LOCAL, counts: countsOfPieces })).toEqual(whole);
        expect(countsOfPieces).toEqual(counts);
      }),
    );
  });

  test("reading goes on at each offset that was passed on", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ size: "small" }), { maxLength: 10 }), (lines) => {
        const bytes = Buffer.concat(lines.map((line) => record(line)));
        const whole = shaped([bytes], LOCAL);
        for (const [n, { endOffset }] of whole.entries()) {
          const startOffset = endOffset;
          const rest = shaped([bytes.subarray(startOffset)], { ...LOCAL, startOffset });
          expect(rest).toEqual(whole.slice(n + 1));
        }
      }),
    );
  });
});
