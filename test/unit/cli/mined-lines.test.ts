import { expect, test } from "vitest";
import { mineLines } from "../../../cli/mined-lines.ts";
import { templateOf } from "../../../shared/log-patterns/miner.ts";

async function linesOf(...chunks: readonly (string | Uint8Array)[]) {
  async function* bytes() {
    for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  }
  const mined = await mineLines(bytes());
  const ids = [...mined.patternOfEachLine()];
  expect(ids).toHaveLength(mined.lines);
  expect(mined.patterns().reduce((sum, { count }) => sum + count, 0)).toBe(mined.lines);
  return { ...mined, ids, templates: mined.patterns().map(templateOf) };
}

test.each([
  ["no lines", [""], 0],
  ["the last line may lack its newline", ["a\nb"], 2],
  ["an empty line is a line", ["a\n\n\nb\n"], 4],
  ["a line may come in pieces", ["a b", " c", "\n", "d\ne", "\n"], 3],
  ["a newline may begin a piece", ["a", "\nb", "\n"], 2],
])("%s", async (_name, chunks, expected) => {
  expect((await linesOf(...chunks)).lines).toBe(expected);
});

test("a carriage return before the newline is not part of the line", async () => {
  const { ids, templates } = await linesOf("same words\r\nsame words\n");
  expect(ids[0]).toBe(ids[1]);
  expect(templates).toEqual(["same words"]);
});

test("a character cut between two pieces is whole; what is no UTF-8 is replaced", async () => {
  const [first, second] = [
    Buffer.from("caf\u00e9 closed").subarray(0, 4),
    Buffer.from("\u00e9 closed\n"),
  ];
  const { templates } = await linesOf(
    first,
    second.subarray(1),
    new Uint8Array([0x61, 0xff, 0x0a]),
  );
  expect(templates).toContain("caf\u00e9 closed");
  expect(templates).toContain("a\ufffd");
});

test("a line of 300 MB and a binary file cost no more memory than a short one", async () => {
  const block = new Uint8Array(1 << 20).fill(0x78);
  const before = process.memoryUsage().rss;
  const mined = await linesOf(...Array.from({ length: 300 }, () => block), "\nnext\n");
  expect(mined.lines).toBe(2);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * (1 << 20));
  const binary = Uint8Array.from({ length: 100_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff);
  expect((await linesOf(binary)).lines).toBeGreaterThan(100);
});

test("lines that were read before their pattern became general have its id, too", async () => {
  const names = ["ana", "bo", "chen", "dora", "emil", "fay"];
  const { ids } = await linesOf(names.map((name) => `greeted ${name} at the door\n`).join(""));
  expect(new Set(ids).size).toBe(1);
});
