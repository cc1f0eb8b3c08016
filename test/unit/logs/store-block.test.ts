import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readBlockIndex } from "../../../aggregator/logs/store/block-index.ts";
import type { BlockRows } from "../../../aggregator/logs/store/block-rows.ts";
import { type PackedBlock, packBlock } from "../../../aggregator/logs/store/packed-encoder.ts";
import { readPacked } from "../../../aggregator/logs/store/packed-reader.ts";
import { ALONE } from "../../../aggregator/logs/store/section.ts";
import type { Labels } from "../../../shared/model/labels.ts";

type Line = { readonly timeUs: number; readonly text: string; readonly metadata: number };

const METADATA: readonly Labels[] = [[], ["level", "info"], ["level", "error", "pattern", "x1"]];

const ORIGIN = { stream: 3, seq: 2 ** 40 };

function pack(lines: readonly Line[]): Promise<PackedBlock> {
  return packBlock(blockLines(lines), ORIGIN, ALONE);
}

function blockLines(lines: readonly Line[]) {
  return {
    timesUs: Float64Array.from(lines, ({ timeUs }) => timeUs),
    texts: lines.map(({ text }) => text),
    metadataOf: Float64Array.from(lines, ({ metadata }) => metadata),
    metadata: METADATA,
  };
}

async function read(block: PackedBlock, needles: readonly string[]): Promise<BlockRows | null> {
  const part = (bytes: Uint8Array | undefined) => bytes ?? expect.fail("a part that is not there");
  return await readPacked(
    readBlockIndex(block.index),
    {
      bucket: async (number) => part(block.buckets[number]),
      layout: async () => block.layout,
      rows: async () => block.rows,
      sections: async (numbers) => numbers.map((number) => part(block.sections[number])),
    },
    needles,
  );
}

function found(rows: BlockRows | null, needle: string): string[] {
  const texts: string[] = [];
  for (let row = 0; row < (rows?.timesUs.length ?? 0); row += 1) {
    const text = rows?.textOf(row) ?? null;
    if (text?.includes(needle) === true) texts.push(text);
  }
  return texts;
}

function expectAll(rows: BlockRows | null, lines: readonly Line[]): void {
  const got = lines.map((_, row) => ({
    timeUs: rows?.timesUs[row],
    text: rows?.textOf(row),
    metadata: METADATA.indexOf(
      METADATA.find((one) => `${one}` === `${rows?.metadataOf(row)}`) ?? METADATA[0] ?? [],
    ),
  }));
  expect(got).toEqual(lines);
}

const START_US = Date.UTC(2026, 10, 30, 3, 14, 15) * 1000;

const name = fc.constantFrom("alice", "bob", "carol7", "dave_1", "eve", "mallory");
const id = fc.nat(2 ** 31).map((n) => n.toString(16).padStart(8, "0"));
/** A server's lines, which have most kinds of column; the time is the line's own or another one. */
const serverText = fc.oneof(
  fc.tuple(name, fc.nat(99_999), id).map(([a, n, h]) => (t: number) => {
    return `${new Date(t / 1000).toISOString()} GET /users/${a}/orders/${n}?v=${h} 200 ${n % 7}ms`;
  }),
  fc.tuple(fc.nat(255), fc.nat(255), name).map(([x, y, a]) => (t: number) => {
    const clock = new Date(t / 1000).toISOString().slice(11, 19);
    return `Nov 30 ${clock} host sshd[${x * 7}]: Failed password for ${a} from 10.0.${x}.${y} port 0${y}`;
  }),
  fc.tuple(id, name, fc.double()).map(([h, a, f]) => (t: number) => {
    return `{"level":30,"time":${Math.floor(t / 1000)},"id":"${h}${h}","user":"${a}","f":${f}}`;
  }),
  fc.tuple(name, fc.nat(9)).map(
    ([a, n]) =>
      () =>
        `job ${a} step ${n} of 9 done`,
  ),
);
/** Any bytes, as a text with one code unit a byte. */
const anyText = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
const spacedText = fc
  .array(fc.constantFrom("a", "", "b1", "007", "-", "\0", "\r", "x\ny", "é", "=", "1.5"), {
    maxLength: 90,
  })
  .map((words) => words.join(" "));

const line = fc.record({
  stepUs: fc.oneof(fc.constant(0), fc.nat(5_000_000)),
  text: fc.oneof(
    { weight: 20, arbitrary: serverText },
    { weight: 1, arbitrary: anyText.map((text) => () => text) },
    { weight: 1, arbitrary: spacedText.map((text) => () => text) },
  ),
  metadata: fc.nat(2),
});

const block = fc.array(line, { minLength: 1, maxLength: 400, size: "max" }).map((made): Line[] => {
  let timeUs = START_US;
  return made.map(({ stepUs, text, metadata }) => {
    timeUs += stepUs;
    return { timeUs, text: text(timeUs), metadata };
  });
});

describe("a packed block", () => {
  test("gives every line back, byte for byte, with its time and metadata", async () => {
    await fc.assert(
      fc.asyncProperty(block, async (lines) => {
        expectAll(await read(await pack(lines), []), lines);
      }),
      { numRuns: 15 },
    );
  });

  test("finds for any part of a line what grep finds", async () => {
    const part = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 30 }));
    await fc.assert(
      fc.asyncProperty(
        block,
        fc.array(part, { minLength: 20, maxLength: 20 }),
        async (lines, cuts) => {
          const packed = await pack(lines);
          for (const [row, start, length] of cuts) {
            const text = lines[row % lines.length]?.text ?? "";
            const from = start % Math.max(1, text.length);
            const needle = text.slice(from, from + length);
            const expected = lines
              .filter((one) => one.text.includes(needle))
              .map((one) => one.text);
            expect(found(await read(packed, [needle]), needle)).toEqual(expected);
          }
        },
      ),
      { numRuns: 10 },
    );
  });

  test.each([
    ["an empty line", [""]],
    ["nothing but empty lines", ["", "", "", "", ""]],
    ["a carriage return", ["a\r", "b\r", "c 1\r", "c 2\r"]],
    ["every byte", [Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1")]],
    ["leading zeros", ["007", "08", "9", "010", "0"].flatMap((one) => [one, `x ${one}`])],
    ["numbers beyond 2^53", ["9007199254740993 1", "9007199254740995 2", "18446744073709551615 3"]],
    ["joined lines", ["a\n\tat b(c:1)\n\tat d", "a\n\tat b(c:2)", "a\n\tat b(c:3)", "e\n"]],
    ["words that are all spaces", ["   ", "    ", "  a  ", "  b  ", "  c  ", "  d  "]],
    ["a very long line", [`${"x1 ".repeat(50_000)}`, "y"]],
  ])("keeps %s", async (_, texts) => {
    const lines = texts.map((text, i) => ({ timeUs: START_US + i, text, metadata: 0 }));
    expectAll(await read(await pack(lines), []), lines);
  });

  test("finds a word that is now in one column of a line, now in another", async () => {
    const lines = Array.from({ length: 60 }, (_, i) => {
      const mark = i % 2 === 0 ? "=" : ":";
      const [a, b] = [i === 10 ? "zebra7" : `u${i * 7919}x`, i === 21 ? "zebra7" : `w${i * 31}y`];
      return { timeUs: START_US + i, text: `from k${mark}${a} to k${mark}${b}`, metadata: 0 };
    });
    const rows = await read(await pack(lines), ["zebra7"]);
    expect(found(rows, "zebra7")).toEqual([lines[10]?.text, lines[21]?.text]);
  });

  test("is not read further than its index when a word is nowhere", async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => {
      const key = (Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0");
      return {
        timeUs: START_US + i,
        text: `GET /orders/${i} by user${i % 90} key ${key}`,
        metadata: 0,
      };
    });
    const packed = await pack(lines);
    let bytes = 0;
    const unread = async () => expect.fail("more than the filter was read");
    for (const needle of ["nowhere", "key 0123abcd by", "0x1fffff"]) {
      const bucket = async (number: number) => {
        bytes += packed.buckets[number]?.length ?? 0;
        return packed.buckets[number] ?? expect.fail("no such bucket");
      };
      const parts = { bucket, layout: unread, rows: unread, sections: unread };
      expect(await readPacked(readBlockIndex(packed.index), parts, [needle])).toBe(null);
    }
    expect(bytes).toBeLessThanOrEqual(3 * 4096);
  });

  test("is damaged or right, never wrong, whichever byte is changed", async () => {
    const lines = Array.from({ length: 300 }, (_, i) => {
      return { timeUs: START_US + i, text: `GET /orders/${i * 7919} ${i % 3}ms`, metadata: 0 };
    });
    const packed = await pack(lines);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("index", "layout", "rows", "sections" as const),
        fc.nat(),
        fc.nat(255),
        async (part, at, value) => {
          const change = (bytes: Uint8Array) => {
            const changed = bytes.slice();
            changed[at % changed.length] = value;
            return changed;
          };
          const bytes = packed[part as "index"];
          const changed = Array.isArray(bytes) ? bytes.map(change) : change(bytes);
          const got = await (async () =>
            read({ ...packed, [part as string]: changed }, []))().catch((error) => {
            expect(error).toMatchObject({ code: "PARSE" });
            return null;
          });
          if (got !== null) expectAll(got, lines);
        },
      ),
      { numRuns: 150 },
    );
  });
});
