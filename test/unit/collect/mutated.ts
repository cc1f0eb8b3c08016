import fc from "fast-check";

/** Cuts, doubles, overwrites and shuffles pieces of a file. */
export function mutated(original: Uint8Array): fc.Arbitrary<Uint8Array> {
  const step = fc.record({
    kind: fc.constantFrom("overwrite", "cut", "double", "digits", "truncate", "newline"),
    at: fc.nat(Math.max(0, original.length - 1)),
    length: fc.nat(40),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  });
  return fc.array(step, { minLength: 1, maxLength: 8 }).map((steps) => {
    let bytes = Buffer.from(original);
    for (const { kind, at, length, bytes: noise } of steps) {
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
      }[kind];
      bytes = Buffer.concat(kind === "truncate" ? [head] : [head, ...middle, tail]);
    }
    return bytes;
  });
}
