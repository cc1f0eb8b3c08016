/**
 * Decompresses one Snappy block, as LevelDB's repair writes them. Format: snappy's
 * format_description.txt. Null when the bytes are no such block or hold more than `bytesMax`.
 */
export function decompressSnappy(input: Uint8Array, bytesMax: number): Buffer | null {
  const head = readLength(input);
  if (head === null || head.length > bytesMax) return null;
  const output = Buffer.alloc(head.length);
  let written = 0;
  let at = head.start;
  while (at < input.length) {
    const { length, distance, start } = readElement(input, at);
    const end = written + length;
    at = distance === 0 ? start + length : start;
    if (end > output.length || at > input.length || distance > written) return null;
    if (distance === 0) output.set(input.subarray(start, at), written);
    // A copy may overlap what it makes.
    else for (let i = written; i < end; i += 1) output[i] = output[i - distance] ?? 0;
    written = end;
  }
  return written === output.length ? output : null;
}

function readLength(input: Uint8Array): { length: number; start: number } | null {
  let length = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = input[at] ?? 0x80;
    length += (byte & 0x7f) * 128 ** at;
    if (byte < 0x80) return { length, start: at + 1 };
  }
  return null;
}

/** A literal (distance 0) whose bytes begin at `start`, or a copy; the next element is at `start`. */
function readElement(input: Uint8Array, at: number) {
  const tag = input[at] ?? 0;
  const number = (bytes: number) => {
    let value = 0;
    for (let i = bytes; i > 0; i -= 1) value = value * 256 + (input[at + i] ?? 0);
    return value;
  };
  switch (tag & 3) {
    case 0: {
      const bytes = Math.max(0, (tag >> 2) - 59);
      const length = bytes === 0 ? (tag >> 2) + 1 : number(bytes) + 1;
      return { length, distance: 0, start: at + 1 + bytes };
    }
    case 1: {
      const length = ((tag >> 2) & 7) + 4;
      return { length, distance: (tag >> 5) * 256 + number(1), start: at + 2 };
    }
    default: {
      const bytes = (tag & 3) === 2 ? 2 : 4;
      return { length: (tag >> 2) + 1, distance: number(bytes), start: at + 1 + bytes };
    }
  }
}
