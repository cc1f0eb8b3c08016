/** Protobuf messages as tests need them: `field` makes one field, and a message is a list of fields. */
export type Field = Uint8Array;

/** Text, a message, a double, or bytes as they are. */
export function field(
  number: number,
  value: string | number | readonly Field[] | Uint8Array,
): Field {
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return Buffer.concat([varint(number * 8 + 1), bytes]);
  }
  const bytes = Array.isArray(value)
    ? Buffer.concat(value)
    : Buffer.from(value as string | Uint8Array);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function fixed64(number: number, value: bigint | number): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return Buffer.concat([varint(number * 8 + 1), bytes]);
}

export function integer(number: number, value: number | bigint): Field {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
