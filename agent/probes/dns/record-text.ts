import { SocketAddress } from "node:net";
import { CLASSES, nameOf, TYPES } from "./dns-codes.ts";
import { type DnsRecord, nameAt, shown } from "./dns-message.ts";

/**
 * A record as a line of a zone file: name, TTL, class, type and data, with tabs between them. It is
 * what the patterns of a module are matched against, as blackbox_exporter writes it.
 * @throws OperationalError PROTOCOL for data that breaks off
 */
export function recordText(message: Buffer, record: DnsRecord): string {
  const { name, ttl, type } = record;
  const kind = nameOf(TYPES, type) ?? `TYPE${type}`;
  const group = nameOf(CLASSES, record.class) ?? `CLASS${record.class}`;
  return `${name}\t${ttl}\t${group}\t${kind}\t${dataText(message, record, kind)}`;
}

function dataText(message: Buffer, { start, end }: DnsRecord, kind: string): string {
  const data = message.subarray(start, end);
  const write = WRITERS[kind];
  const written = write === undefined ? null : write(new DataReader(message, start, end));
  return written ?? `\\# ${data.length} ${data.toString("hex")}`;
}

type Writer = (data: DataReader) => string | null;

const name: Writer = (data) => data.name();
const texts: Writer = (data) => {
  const parts: string[] = [];
  while (!data.isAtEnd) parts.push(data.text());
  return parts.join(" ");
};
const digest: Writer = (data) =>
  `${data.u16()} ${data.u8()} ${data.u8()} ${data.hex().toUpperCase()}`;

const WRITERS: Readonly<Record<string, Writer>> = {
  A: (data) => data.address(4),
  AAAA: (data) => data.address(16),
  NS: name,
  CNAME: name,
  PTR: name,
  DNAME: name,
  MX: (data) => `${data.u16()} ${data.name()}`,
  TXT: texts,
  SPF: texts,
  HINFO: texts,
  RP: (data) => `${data.name()} ${data.name()}`,
  SRV: (data) => `${data.u16()} ${data.u16()} ${data.u16()} ${data.name()}`,
  NAPTR: (data) =>
    `${data.u16()} ${data.u16()} ${data.text()} ${data.text()} ${data.text()} ${data.name()}`,
  URI: (data) => `${data.u16()} ${data.u16()} "${data.rest()}"`,
  CAA: (data) => `${data.u8()} ${data.bare()} "${data.rest()}"`,
  DS: digest,
  CDS: digest,
  TLSA: (data) => `${data.u8()} ${data.u8()} ${data.u8()} ${data.hex()}`,
  SSHFP: (data) => `${data.u8()} ${data.u8()} ${data.hex().toUpperCase()}`,
  DNSKEY: (data) => `${data.u16()} ${data.u8()} ${data.u8()} ${data.base64()}`,
  CDNSKEY: (data) => `${data.u16()} ${data.u8()} ${data.u8()} ${data.base64()}`,
  SOA: (data) => {
    const names = `${data.name()} ${data.name()}`;
    return `${names} ${data.u32()} ${data.u32()} ${data.u32()} ${data.u32()} ${data.u32()}`;
  },
};

/** The serial number of a zone's SOA record. @throws OperationalError PROTOCOL */
export function serialOf(message: Buffer, { start, end }: DnsRecord): number {
  const data = new DataReader(message, start, end);
  data.name();
  data.name();
  return data.u32();
}

/** Reads the data of a record; what is missing at its end is 0 or empty. */
class DataReader {
  readonly #message: Buffer;
  readonly #end: number;
  #at: number;

  constructor(message: Buffer, start: number, end: number) {
    this.#message = message;
    this.#at = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  u8(): number {
    return this.#take(1)[0] ?? 0;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  name(): string {
    const found = nameAt(this.#message, this.#at);
    this.#at = found.end;
    return found.name;
  }

  /** A text of its own length, in quotes. */
  text(): string {
    return `"${quotable(this.#take(this.u8()))}"`;
  }

  /** The same without quotes. */
  bare(): string {
    return quotable(this.#take(this.u8()));
  }

  rest(): string {
    return quotable(this.#take(this.#end - this.#at));
  }

  hex(): string {
    return this.#take(this.#end - this.#at).toString("hex");
  }

  base64(): string {
    return this.#take(this.#end - this.#at).toString("base64");
  }

  /** Null where it is of another length. */
  address(length: 4 | 16): string | null {
    if (this.#end - this.#at !== length) return null;
    const bytes = this.#take(length);
    if (length === 4) return bytes.join(".");
    const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
    return new SocketAddress({ address: words.join(":"), family: "ipv6" }).address;
  }

  #take(count: number): Buffer {
    const end = Math.min(this.#at + Math.max(count, 0), this.#end);
    const bytes = this.#message.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}

function quotable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += shown(byte, /["\\]/);
  return text;
}
