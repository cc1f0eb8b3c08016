/** By byte, the bits of all patterns that its character matches; 0 beyond ASCII. */
export function byteKinds(
  patterns: Iterable<readonly [kind: number, pattern: RegExp]>,
): Uint8Array {
  const table = new Uint8Array(256);
  for (const [kind, pattern] of patterns) {
    for (let code = 0; code < 128; code += 1) {
      if (pattern.test(String.fromCharCode(code))) table[code] = (table[code] as number) | kind;
    }
  }
  return table;
}
