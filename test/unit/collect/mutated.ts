import fc from "fast-check";
import { OperationalError } from "../../../shared/errors.ts";

/** Cuts, doubles and shuffles pieces of a file, and puts noise or words in their place. */
function mutated(original: Buffer, words: readonly string[]): fc.Arbitrary<Buffer> {
  const text = fc.oneof(fc.string(), ...words.map((word) => fc.constant(word)));
  const noise = fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 20 }) },
    { weight: 3, arbitrary: text.map((one) => Buffer.from(one)) },
  );
  const seldom = fc.constantFrom("cut", "double", "digits", "truncate", "newline");
  const step = fc.record({
    kind: fc.oneof({ weight: 3, arbitrary: fc.constant("replace") }, seldom),
    at: fc.nat(Math.max(0, original.length - 1)),
    length: fc.oneof(fc.nat(5), fc.nat(40)),
    noise,
  });
  return fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => {
    let bytes = original;
    for (const { kind, at, length, noise } of steps) {
      const head = bytes.subarray(0, at);
      const tail = bytes.subarray(at + length);
      const piece = bytes.subarray(at, at + length);
      const middle = {
        replace: [noise],
        cut: [],
        double: [piece, piece],
        digits: [Buffer.from("9".repeat(length))],
        truncate: [],
        newline: [Buffer.from("\n".repeat(length))],
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
  { numRuns = 300, words = [] as string[] } = {},
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
