import { OperationalError } from "../../shared/errors.ts";

/** Addresses from one to another, both included, of one family. */
type AddressRange = { readonly bits: 32 | 128; readonly first: bigint; readonly last: bigint };
type Address = { readonly bits: 32 | 128; readonly value: bigint };

/** What may be an address: digits, colons and points in a row; longer is none. */
const CANDIDATE = /(?<![\w.:])[0-9a-fA-F:.]{2,45}(?![\w])/g;

/**
 * Whether a text holds an address of those that `text` names: one address, `first-last`, or a CIDR
 * such as `10.0.0.0/8` or `2001:db8::/32`.
 * @throws OperationalError PARSE
 */
export function ipTest(text: string): (line: string) => boolean {
  const range = parseRange(text);
  if (range === null) {
    throw new OperationalError(
      "PARSE",
      `Not an address, a range or a CIDR: "${text}" (write it as 10.0.0.1, 10.0.0.1-10.0.0.9 or 10.0.0.0/8)`,
    );
  }
  return (line) => {
    for (const [candidate] of line.matchAll(CANDIDATE)) {
      const address = parseAddress(candidate) ?? parseAddress(withoutPort(candidate));
      if (address !== null && isWithin(address, range)) return true;
    }
    return false;
  };
}

function isWithin({ bits, value }: Address, range: AddressRange): boolean {
  return bits === range.bits && value >= range.first && value <= range.last;
}

/** `10.0.0.1:80` and the full stop of `from 10.0.0.1.` */
function withoutPort(candidate: string): string {
  return candidate.replace(/^([\d.]+):\d*$/, "$1").replace(/[.:]$/, "");
}

function parseRange(text: string): AddressRange | null {
  const [from = "", to, ...more] = text.split("-");
  if (more.length > 0) return null;
  if (to !== undefined) {
    const [first, last] = [parseAddress(from.trim()), parseAddress(to.trim())];
    if (first === null || last === null || first.bits !== last.bits) return null;
    return first.value > last.value ? null : { ...first, first: first.value, last: last.value };
  }
  const [base = "", length = null] = from.split("/");
  const address = parseAddress(base.trim());
  if (address === null) return null;
  const { bits, value } = address;
  if (length === null) return { bits, first: value, last: value };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return null;
  const size = 1n << BigInt(bits - Number(length));
  const first = (value / size) * size;
  return { bits, first, last: first + size - 1n };
}

function parseAddress(text: string): Address | null {
  if (text.includes(":")) return parseV6(text);
  const value = parseV4(text);
  return value === null ? null : { bits: 32, value };
}

function parseV4(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) {
    return null;
  }
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseV6(text: string): Address | null {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return null;
  const left = wordsOf(head);
  const right = tail === undefined ? [] : wordsOf(tail);
  if (left === null || right === null) return null;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const words = [...left, ...Array.from({ length: missing }, () => 0n), ...right];
  return { bits: 128, value: words.reduce((value, word) => value * 65536n + word, 0n) };
}

/** 16 bits each; an IPv4 address at the end is two of them. */
function wordsOf(text: string): bigint[] | null {
  if (text === "") return [];
  const words: bigint[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 && part.includes(".") ? parseV4(part) : null;
    if (v4 !== null) words.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(BigInt(`0x${part}`));
    else return null;
  }
  return words;
}
