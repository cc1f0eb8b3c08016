import { Readable } from "node:stream";

/** What an answer is made of; pieces are made while they are sent. */
export type Body = string | Iterable<Uint8Array>;

/** Bytes that wait for a client that reads slowly. */
const WAITING_BYTES_MAX = 256 * 1024;

/** The body as the server sends it: one that is a single piece whole, a longer one as a stream. */
export function payloadOf(body: Body): string | Uint8Array | Readable {
  if (typeof body === "string") return body;
  const pieces = body[Symbol.iterator]();
  const first = pieces.next();
  const second = pieces.next();
  if (second.done === true) return first.value ?? new Uint8Array(0);
  const rest = { [Symbol.iterator]: () => pieces };
  return Readable.from(inOrder(first.value, second.value, rest), {
    objectMode: false,
    highWaterMark: WAITING_BYTES_MAX,
  });
}

function* inOrder(
  first: Uint8Array,
  second: Uint8Array,
  rest: Iterable<Uint8Array>,
): Iterable<Uint8Array> {
  yield first;
  yield second;
  yield* rest;
}
