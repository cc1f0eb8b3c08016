import fc from "fast-check";
import { expect, test } from "vitest";
import { labelsOf } from "../../../shared/model/labels.ts";
import { BlockEncoder, encodeBlock } from "../../../shared/wire/line-block.ts";
import { LineTable } from "../../../shared/wire/line-table.ts";

const SOURCES = ["a", "b", "c"].map((name) => labelsOf({ name }));

const line = fc.record({
  labels: fc.constantFrom(...SOURCES, ...SOURCES.map((labels) => [...labels])), // equal, not the same
  timeUs: fc.integer({ min: 0, max: 2e15 }),
  bytes: fc.uint8Array({ maxLength: 6 }),
  isCut: fc.boolean(),
});
const files = fc.array(fc.array(line, { maxLength: 150, size: "max" }), { maxLength: 3 });

/** Each list lies in a memory of its own, a newline behind each line. */
function fill(table: LineTable, lists: readonly (readonly LineOf[])[]): void {
  for (const list of lists) {
    const memory = Buffer.concat(list.flatMap(({ bytes }) => [bytes, Buffer.from("\n")]));
    let start = 0;
    for (const { labels, timeUs, bytes, isCut } of list) {
      const end = start + bytes.length;
      table.add(labels, timeUs, { bytes: memory, start, end, isCut });
      start = end + 1;
    }
  }
}

type LineOf = typeof line extends fc.Arbitrary<infer T> ? T : never;

test("lines are what was added, by source, in a table and an encoder that are used again", () => {
  const table = new LineTable();
  const encoder = new BlockEncoder();
  fc.assert(
    fc.property(files, (lists) => {
      table.clear();
      fill(table, lists);
      const lines = lists.flat();
      expect(table.length).toBe(lines.length);
      const keys = [...new Set(lines.map(({ labels }) => labels.join()))];
      const sources = keys.map((key) => lines.filter(({ labels }) => labels.join() === key));
      const plain = [...table].map((one) => ({ ...one, bytes: Uint8Array.from(one.bytes) }));
      expect(plain).toEqual(sources.flat());
      const grouped = sources.map((own) => ({ labels: own[0]?.labels ?? [], lines: own }));
      expect(encoder.encode(7, 1e12, table.sources)).toEqual(encodeBlock(7, 1e12, grouped));
      expect(LineTable.of(lines).sources.map(({ count }) => count)).toEqual(
        sources.map(({ length }) => length),
      );
    }),
  );
});
