/** What Docker's `local` driver writes: a record of protobuf with its length on both sides. */
export type LocalRecord = {
  readonly source?: string;
  readonly timeNs?: bigint;
  readonly line?: string | Uint8Array;
  /** null: a whole line. */
  readonly part?: {
    readonly isLast: boolean;
    readonly id: string;
    readonly ordinal: number;
  } | null;
};

export function localRecord(record: LocalRecord): Buffer {
  const { source = "stdout", timeNs = 1n, line = "", part = null } = record;
  return framed(
    Buffer.concat([
      text(1, Buffer.from(source)),
      number(2, timeNs),
      ...(line.length > 0 ? [text(3, Buffer.from(line))] : []),
      ...(part === null ? [] : [number(4, 1n), text(5, partOf(part))]),
    ]),
  );
}

export function framed(record: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(record.length);
  return Buffer.concat([length, record, length]);
}

function partOf({ isLast, id, ordinal }: NonNullable<LocalRecord["part"]>): Buffer {
  const last = isLast ? [number(1, 1n)] : [];
  return Buffer.concat([...last, text(2, Buffer.from(id)), number(3, BigInt(ordinal))]);
}

function text(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
}

function number(field: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(field << 3)), varint(value)]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    const byte = Number(rest & 127n);
    if (rest < 128n) return Buffer.from([...bytes, byte]);
    bytes.push(byte | 128);
  }
}
