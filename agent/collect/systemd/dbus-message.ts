import { OperationalError } from "../../../shared/errors.ts";
import { DbusDecoder, type DbusValue, malformed } from "./dbus-decoder.ts";

export type DbusCall = {
  readonly path: string;
  readonly destination: string;
  readonly interface: string;
  readonly member: string;
  /** All arguments are texts. */
  readonly arguments: readonly string[];
};

/** An answer to a call; signals and calls of others are not our concern. */
export type DbusReply = {
  readonly replyTo: number;
  /** The error's name; null: it went well. */
  readonly error: string | null;
  readonly body: readonly DbusValue[];
};

/** 2000 units take about 600 KiB. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
const HEADER_BYTES_MAX = 64 * 1024;
const PREFIX_BYTES = 16;

const CALL = 1;
const RETURN = 2;
const ERROR = 3;
const NO_AUTO_START = 2;
const VERSION = 1;
const LITTLE = 108;
const BIG = 66;
/** Header fields. */
const PATH = 1;
const INTERFACE = 2;
const MEMBER = 3;
const ERROR_NAME = 4;
const REPLY_SERIAL = 5;
const DESTINATION = 6;
const SIGNATURE = 8;

/** A call as bytes, little endian. Source: D-Bus specification, "Message Format". */
export function encodeCall(call: DbusCall, serial: number): Uint8Array {
  const body = new ByteWriter();
  for (const text of call.arguments) body.text(text);
  const header = new ByteWriter();
  header.bytes([LITTLE, CALL, NO_AUTO_START, VERSION]);
  header.uint32(body.length);
  header.uint32(serial);
  const fields = new ByteWriter();
  fields.field(PATH, "o", call.path);
  fields.field(INTERFACE, "s", call.interface);
  fields.field(MEMBER, "s", call.member);
  fields.field(DESTINATION, "s", call.destination);
  if (call.arguments.length > 0) fields.field(SIGNATURE, "g", "s".repeat(call.arguments.length));
  header.uint32(fields.length);
  header.bytes(fields.written);
  header.align(8);
  header.bytes(body.written);
  return Uint8Array.from(header.written);
}

class ByteWriter {
  readonly written: number[] = [];

  get length(): number {
    return this.written.length;
  }

  bytes(bytes: Iterable<number>): void {
    for (const byte of bytes) this.written.push(byte);
  }

  align(alignment: number): void {
    while (this.written.length % alignment !== 0) this.written.push(0);
  }

  uint32(value: number): void {
    this.align(4);
    this.written.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.uint32(bytes.length);
    this.bytes(bytes);
    this.written.push(0);
  }

  /** Number, signature and value. */
  field(code: number, type: "o" | "s" | "g", text: string): void {
    this.align(8);
    this.bytes([code, 1, type.charCodeAt(0), 0]);
    if (type === "g") this.bytes([text.length, ...Buffer.from(text), 0]);
    else this.text(text);
  }
}

/** Puts messages together from the pieces in which they come. */
export class DbusReader {
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Bytes that are needed before anything can be read. */
  #needed = PREFIX_BYTES;

  /**
   * The replies that end in these bytes.
   * @throws OperationalError PROTOCOL, LIMIT: the connection cannot go on
   */
  push(bytes: Uint8Array): DbusReply[] {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return [];
    let rest: Uint8Array = Buffer.concat(this.#pieces);
    const replies: DbusReply[] = [];
    for (;;) {
      const start = rest.length < PREFIX_BYTES ? null : startOf(rest);
      this.#needed = start?.messageBytes ?? PREFIX_BYTES;
      if (start === null || rest.length < this.#needed) break;
      const reply = decodeReply(rest.slice(0, this.#needed), start);
      if (reply !== null) replies.push(reply);
      rest = rest.subarray(this.#needed);
    }
    this.#pieces = [rest];
    this.#length = rest.length;
    return replies;
  }
}

type Start = {
  readonly isLittle: boolean;
  readonly headerBytes: number;
  readonly messageBytes: number;
};

/** What the first bytes of a message say. */
function startOf(bytes: Uint8Array): Start {
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw malformed("there is no such byte order");
  if (bytes[3] !== VERSION) throw malformed(`version ${bytes[3]}`);
  const isLittle = bytes[0] === LITTLE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  const headerBytes = Math.ceil((PREFIX_BYTES + view.getUint32(12, isLittle)) / 8) * 8;
  const messageBytes = headerBytes + view.getUint32(4, isLittle);
  if (headerBytes <= HEADER_BYTES_MAX && messageBytes <= MESSAGE_BYTES_MAX) {
    return { isLittle, headerBytes, messageBytes };
  }
  const message = `A D-Bus message has ${messageBytes} bytes; at most ${MESSAGE_BYTES_MAX} are read`;
  throw new OperationalError("LIMIT", message);
}

/** null: no answer to a call. */
function decodeReply(bytes: Uint8Array, { isLittle, headerBytes }: Start): DbusReply | null {
  const kind = bytes[1];
  if (kind !== RETURN && kind !== ERROR) return null;
  const header = new DbusDecoder(bytes.subarray(0, headerBytes), isLittle);
  const fields = new Map<DbusValue, DbusValue>();
  for (const field of (header.values("yyyyuua(yv)").at(-1) ?? []) as DbusValue[][]) {
    const [code, value] = field;
    if (code !== undefined && value !== undefined) fields.set(code, value);
  }
  const replyTo = fields.get(REPLY_SERIAL);
  if (typeof replyTo !== "number") throw malformed("an answer does not say to what");
  const error = kind === ERROR ? String(fields.get(ERROR_NAME) ?? "") : null;
  const signature = fields.get(SIGNATURE) ?? "";
  if (typeof signature !== "string") throw malformed("its signature is no text");
  const body = new DbusDecoder(bytes.subarray(headerBytes), isLittle).values(signature);
  return { replyTo, error, body };
}
