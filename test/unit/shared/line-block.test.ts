import { brotliCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { seqOf } from "../../../shared/model/sequence.ts";
import { ByteWriter } from "../../../shared/wire/bytes.ts";
import {
  BLOCK_BODY_BYTES_MAX,
  BLOCK_BYTES_MAX,
  encodeBlock,
  LINE_TIME_US_MAX,
  type LineBlock,
  parseBlock,
  readBlockHeader,
} from "../../../shared/wire/line-block.ts";

const NOW_MS = 1_796_000_000_000;
const SEQ = seqOf(3, 7);

const text = fc.string({ minLength: 1 });
const metadata = fc.dictionary(text, text, { minKeys: 1, maxKeys: 4 }).map(labelsOf);
const line = fc.record(
  {
    timeUs: fc.oneof(fc.nat(LINE_TIME_US_MAX), fc.integer({ min: 1.796e15, max: 1.797e15 })),
    bytes: fc.uint8Array({ maxLength: 40 }),
    isCut: fc.boolean(),
    metadata,
  },
  { requiredKeys: ["timeUs", "bytes", "isCut"], noNullPrototype: true },
);
const source = fc.record({
  labels: fc.dictionary(text, text).map(labelsOf),
  lines: fc.array(line, { minLength: 1, maxLength: 20 }),
});

/** A block's head as it should be, and a body. */
function block(
  body: Uint8Array,
  head: { version?: number; lines?: number; bodyBytes?: number; timeMs?: number } = {},
): Uint8Array {
  const writer = new ByteWriter(64);
  writer.byte(head.version ?? 1);
  const { timeMs = NOW_MS, lines = 1, bodyBytes = body.length } = head;
  for (const number of [3, 7, timeMs, lines, bodyBytes]) writer.varint(number);
  writer.bytes(brotliCompressSync(body));
  return writer.finish();
}

function bodyOf(...parts: (number | string)[]): Uint8Array {
  const writer = new ByteWriter(64);
  for (const part of parts) {
    if (typeof part === "number") writer.varint(part);
    else writer.bytes(Buffer.from(part));
  }
  return writer.written().slice();
}

function expectRefused(bytes: Uint8Array, why: string): void {
  const fault = { code: "PARSE", message: expect.stringContaining(why) };
  expect(() => parseBlock(bytes)).toThrow(expect.objectContaining(fault));
}

/** One source with one label and one line. */
const GOOD = bodyOf(1, 1, 1, "a", 1, "b", 1, 0, 6, "xyz\n", 0);

function withMetadata(...parts: (number | string)[]): Uint8Array {
  return Buffer.concat([GOOD.subarray(0, -1), bodyOf(...parts)]);
}

describe("a block of lines", () => {
  test("reads back as it was written", () => {
    fc.assert(
      fc.property(fc.array(source, { maxLength: 5 }), (sources) => {
        const bytes = encodeBlock(SEQ, NOW_MS, sources);
        const lineCount = sources.flatMap(({ lines }) => lines).length;
        expect(readBlockHeader(bytes)).toEqual({ seq: SEQ, timeMs: NOW_MS, lineCount });
        const read: LineBlock = parseBlock(bytes);
        const plain = read.sources.map(({ labels, lines }) => {
          const own = lines.map((one) => ({ ...one, bytes: Uint8Array.from(one.bytes) }));
          return { labels, lines: own };
        });
        expect(plain).toEqual(sources);
      }),
    );
  });

  test("of good bytes is read", () => {
    const [first] = parseBlock(block(GOOD)).sources;
    expect(first?.labels).toEqual(["a", "b"]);
    expect(Buffer.from(first?.lines[0]?.bytes ?? []).toString()).toBe("xyz");
    expect(first?.lines[0]?.timeUs).toBe(NOW_MS * 1000);
  });

  test("of more than it may hold is not made", () => {
    const bytes = new Uint8Array(BLOCK_BODY_BYTES_MAX);
    const lines = [{ timeUs: 1, bytes, isCut: false }];
    expect(() => encodeBlock(SEQ, NOW_MS, [{ labels: [], lines }])).toThrow("A block of");
  });

  test.each<[string, Uint8Array, string]>([
    ["of another version", block(GOOD, { version: 2 }), "has version 2"],
    ["over the size of one", new Uint8Array(BLOCK_BYTES_MAX + 1), "is over"],
    ["that would become 10 GB", block(GOOD, { bodyBytes: 10 * 2 ** 30 }), "bytes, time"],
    ["that becomes more than it says", block(GOOD, { bodyBytes: 5 }), "cannot be expanded"],
    ["that becomes less than it says", block(GOOD, { bodyBytes: 50 }), "has 14 bytes"],
    ["of more lines than it has", block(GOOD, { lines: 2 }), "has 1 lines, its head says 2"],
    ["of more lines than bytes", block(GOOD, { lines: 9 }), "has 9 lines in 14 bytes"],
    ["of a time beyond all", block(GOOD, { timeMs: 2 ** 50 }), "time"],
    ["with bytes behind its end", block(bodyOf(0, 0, "x"), { lines: 0 }), "1 bytes too many"],
    ["cut off in its lines", block(bodyOf(1, 0, 1, 0, 8, "xyz")), "is cut off"],
    ["of a line without its end", block(bodyOf(1, 0, 1, 0, 6, "xyz")), "is cut off"],
    ["of lines that are not apart", block(bodyOf(1, 0, 1, 0, 6, "xyz.")), "without its newline"],
    ["of 2^30 sources", block(bodyOf(2 ** 30, 0)), "is cut off"],
    ["of 2^30 lines in a source", block(bodyOf(1, 0, 2 ** 30, 0)), "is cut off"],
    ["of 2^30 labels", block(bodyOf(1, 2 ** 30, 0)), "is cut off"],
    ["with 65 labels", block(bodyOf(1, 65, "x".repeat(200))), "has 65 labels"],
    [
      "with a label twice",
      block(bodyOf(1, 2, 1, "a", 1, "b", 1, "a", 1, "c", 1, 0, 0)),
      "labels out of order",
    ],
    [
      "of a line before 1970",
      block(bodyOf(1, 0, 1, NOW_MS * 2000 + 1, 6, "xyz\n", 0)),
      "a line of time -1",
    ],
    ["without the metadata that it says", block(withMetadata(1, 0)), "is cut off"],
    ["of 2^30 metadata", block(withMetadata(2 ** 30, 0)), "is cut off"],
    ["with a number of no metadata", block(withMetadata(1, 0, 2)), "no metadata 2"],
    ["with 129 labels of metadata", block(withMetadata(1, 129, "x".repeat(300))), "has 129 labels"],
    ["with metadata that it has not said", block(withMetadata(0, 0)), "1 bytes too many"],
  ])("%s is refused for what it is", (_what, bytes, why) => {
    expectRefused(bytes, why);
  });

  test("with any byte changed is refused", () => {
    const bytes = encodeBlock(SEQ, NOW_MS, [
      { labels: ["a", "b"], lines: [{ timeUs: 5, bytes: Buffer.from("xyz"), isCut: false }] },
    ]);
    for (let i = 0; i < bytes.length; i += 1) {
      const changed = bytes.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x55;
      expectRefused(changed, "fails its checksum");
    }
  });
});
