/**
 * Messages of DNS: a query written, an answer read. Everything of an answer is bounded by its length: a
 * name is followed only backwards, so that it ends. Source: RFC 1035, section 4.
 */

import { OperationalError } from "../../../shared/errors.ts";

export type DnsRecord = {
  /** With a dot at its end, as zone files have it. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Where the data lies in the message. */
  readonly start: number;
  readonly end: number;
};

export type DnsAnswer = {
  readonly id: number;
  readonly isAnswer: boolean;
  readonly rcode: number;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
};

export type DnsQuestion = {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly recursionDesired: boolean;
};

const HEADER_BYTES = 12;
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;
const POINTER = 0xc0;
/** Of a name: labels, and places where it goes on elsewhere. */
const PIECES_MAX = 256;
const RECORD_BYTES = 10;

/** @throws OperationalError UNAVAILABLE for a name that DNS cannot hold */
export function writeQuery(id: number, question: DnsQuestion): Buffer {
  const name = writeName(question.name);
  const message = Buffer.alloc(HEADER_BYTES + name.length + 4);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE(question.recursionDesired ? 0x0100 : 0, 2);
  message.writeUInt16BE(1, 4);
  name.copy(message, HEADER_BYTES);
  message.writeUInt16BE(question.type, HEADER_BYTES + name.length);
  message.writeUInt16BE(question.class, HEADER_BYTES + name.length + 2);
  return message;
}

function writeName(name: string): Buffer {
  const labels = name.replace(/\.$/, "").split(".").filter(Boolean);
  const pieces = labels.map((label) => Buffer.from(label));
  const isLong = pieces.some(({ length }) => length > LABEL_BYTES_MAX);
  const bytes = Buffer.concat([
    ...pieces.flatMap((piece) => [Buffer.from([piece.length]), piece]),
    Buffer.from([0]),
  ]);
  if (!isLong && bytes.length <= NAME_BYTES_MAX) return bytes;
  throw new OperationalError("UNAVAILABLE", `Not a name of DNS: ${name}`);
}

/** @throws OperationalError PROTOCOL for what is no message */
export function readAnswer(message: Buffer): DnsAnswer {
  if (message.length < HEADER_BYTES) throw damaged();
  const flags = message.readUInt16BE(2);
  const counts = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  let at = HEADER_BYTES;
  for (let i = 0; i < (counts[0] ?? 0); i += 1) at = nameAt(message, at).end + 4;
  const section = (count = 0) => {
    const records: DnsRecord[] = [];
    for (let i = 0; i < count; i += 1) {
      const record = recordAt(message, at);
      records.push(record);
      at = record.end;
    }
    return records;
  };
  const answers = section(counts[1]);
  const authority = section(counts[2]);
  const additional = section(counts[3]);
  // The upper bits of the code are in the record of EDNS, if there is one.
  const edns = additional.find(({ type }) => type === 41);
  const upper = edns === undefined ? 0 : (edns.ttl >>> 24) << 4;
  const rcode = upper | (flags & 0x0f);
  const isAnswer = (flags & 0x8000) !== 0;
  return { id: message.readUInt16BE(0), isAnswer, rcode, answers, authority, additional };
}

function recordAt(message: Buffer, from: number): DnsRecord {
  const { name, end: at } = nameAt(message, from);
  if (at + RECORD_BYTES > message.length) throw damaged();
  const start = at + RECORD_BYTES;
  const end = start + message.readUInt16BE(at + 8);
  if (end > message.length) throw damaged();
  return {
    name,
    type: message.readUInt16BE(at),
    class: message.readUInt16BE(at + 2),
    ttl: message.readUInt32BE(at + 4),
    start,
    end,
  };
}

/**
 * A name as zone files have it, and where it ends.
 * @throws OperationalError PROTOCOL
 */
export function nameAt(message: Buffer, from: number): { name: string; end: number } {
  let text = "";
  let length = 0;
  let end = -1;
  let at = from;
  for (let pieces = 0; pieces < PIECES_MAX; pieces += 1) {
    const to = pointerAt(message, at);
    if (to !== null) {
      if (end < 0) end = at + 2;
      at = to;
      continue;
    }
    const size = message[at] ?? POINTER;
    const next = at + 1 + size;
    length += size + 1;
    if (size > LABEL_BYTES_MAX || next > message.length || length > NAME_BYTES_MAX) throw damaged();
    if (size === 0) return { name: text || ".", end: end < 0 ? next : end };
    text += `${labelText(message.subarray(at + 1, next))}.`;
    at = next;
  }
  throw damaged();
}

/** Where a name goes on that is shortened here; null: it is not. */
function pointerAt(message: Buffer, at: number): number | null {
  const high = message[at] ?? 0;
  if ((high & POINTER) !== POINTER) return null;
  const to = ((high & ~POINTER) << 8) | (message[at + 1] ?? 0);
  if (to < at) return to;
  throw damaged();
}

function labelText(label: Uint8Array): string {
  let text = "";
  for (const byte of label) text += shown(byte, /[ .'@;()"\\]/);
  return text;
}

/** A byte as zone files write it. @param special what stands behind a backslash */
export function shown(byte: number, special: RegExp): string {
  const character = String.fromCharCode(byte);
  if (byte < 0x20 || byte > 0x7e) return `\\${String(byte).padStart(3, "0")}`;
  return special.test(character) ? `\\${character}` : character;
}

function damaged(): OperationalError {
  return new OperationalError("PROTOCOL", "The answer is no message of DNS");
}
