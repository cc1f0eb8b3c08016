import { OperationalError } from "../../shared/errors.ts";

/**
 * Goes through the fields of one message in the protocol buffers' wire format: `take` gets a number
 * for a varint (only about right from 2^53 on) and a part of `bytes` for a text, a message or bytes.
 * Nothing is allocated but these. Source: protobuf.dev, "Encoding".
 * @throws OperationalError PARSE for what is no message
 */
export function readFields(
  bytes: Uint8Array,
  take: (field: number, value: number | Uint8Array) => void,
): void {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        take(field, readVarint(bytes, cursor));
        break;
      case 1:
        advance(bytes, cursor, 8);
        break;
      case 2: {
        const length = readVarint(bytes, cursor);
        const from = cursor.at;
        advance(bytes, cursor, length);
        take(field, bytes.subarray(from, cursor.at));
        break;
      }
      case 5:
        advance(bytes, cursor, 4);
        break;
      default:
        throw fault("a field of an unknown kind");
    }
  }
}

type Cursor = { at: number };

function readVarint(bytes: Uint8Array, cursor: Cursor): number {
  let value = 0;
  for (let i = 0; i < 10; i += 1) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw fault("unexpected EOF");
    cursor.at += 1;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return value;
  }
  throw fault("a number of more than 10 bytes");
}

function advance(bytes: Uint8Array, cursor: Cursor, count: number): void {
  if (count > bytes.length - cursor.at) throw fault("unexpected EOF");
  cursor.at += count;
}

function fault(what: string): OperationalError {
  return new OperationalError("PARSE", `proto: ${what}`);
}
