import fc from "fast-check";
import { OperationalError } from "../../../shared/errors.ts";

/** Cuts, doubles, overwrites and shuffles pieces of a file, and puts words into it. */
function mutated(original: Buffer, words: readonly string[]): fc.Arbitrary<Buffer> {
  const step = fc.record({
    kind: fc.constantFrom("overwrite", "cut", "double", "digits", "truncate", "newline", "insert"),
    at: fc.nat(Math.max(0, original.length - 1)),
    length: fc.nat(40),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    word: fc.constantFrom(...words),
  });
  return fc.array(step, { minLength: 1, maxLength: 8 }).map((steps) => {
    let bytes = original;
    for (const { kind, at, length, bytes: noise, word } of steps) {
      const head = bytes.subarray(0, at);
      const tail = bytes.subarray(at + length);
      const piece = bytes.subarray(at, at + length);
      const middle = {
        overwrite: [noise],
        cut: [],
        double: [piece, piece],
        digits: [Buffer.from("9".repeat(length))],
        truncate: [],
        newline: [Buffer.from("\n".repeat(length))],
        insert: [Buffer.from(word), piece],
      }[kind];
      bytes = Buffer.concat(kind === "truncate" ? [head] : [head, ...middle, tail]);
    }
    return bytes;
  });
}

/** Gives mutations of a file to `check`, which throws where something is wrong. */
export function checkMutated(
  original: string | Uint8Array,
  check: (bytes: Buffer) => void,
  { numRuns = 200, words = ["\n"] } = {},
): void {
  fc.assert(fc.property(mutated(Buffer.from(original), words), check), { numRuns });
}

/** Runs what may refuse its input, and do nothing worse. */
export function mayRefuse(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
  }
}
