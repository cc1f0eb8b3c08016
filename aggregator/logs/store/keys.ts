/**
 * Where packed blocks lie in the store; hot ones: records.ts. Numbers are big-endian, so that keys
 * sort as numbers do. A day is that of a block's last line, in UTC; retention drops whole days.
 *
 *     s stream(4)                                  a log stream: its labels
 *     x day(4) stream(4) number(4)                 packed block: its index
 *     p day(4) stream(4) number(4) part(1) at(2)   packed block: one of its other parts
 *     r day(4) stream(4) number(4)                 packed block that another one stands for: its index
 *     q key                                        a damaged record, set aside as it was
 */
const PREFIX = {
  stream: 0x73,
  index: 0x78,
  part: 0x70,
  damaged: 0x71,
  replaced: 0x72,
} as const;

export const PART = { bucket: 0, layout: 1, rows: 2, section: 3 } as const;

export const DAY_US = 86_400_000_000;

export type Range = { readonly gte: Uint8Array; readonly lt: Uint8Array };

/** Which packed block: no two have the same number. */
export type BlockName = {
  readonly day: number;
  readonly stream: number;
  readonly number: number;
};

export function dayOf(timeUs: number): number {
  return Math.max(0, Math.floor(timeUs / DAY_US));
}

export function logStreamKey(stream: number): Uint8Array {
  return words(PREFIX.stream, stream);
}

export function indexKey({ day, stream, number }: BlockName): Uint8Array {
  return words(PREFIX.index, day, stream, number);
}

export function replacedIndexKey({ day, stream, number }: BlockName): Uint8Array {
  return words(PREFIX.replaced, day, stream, number);
}

/** Also of a block that was replaced. */
export function readIndexKey(key: Uint8Array): BlockName {
  return { day: keyWord(key, 0), stream: keyWord(key, 1), number: keyWord(key, 2) };
}

export function streamOfKey(key: Uint8Array): number {
  return keyWord(key, 0);
}

export function partKey({ day, stream, number }: BlockName, part: number, at = 0): Uint8Array {
  return Uint8Array.of(...words(PREFIX.part, day, stream, number), part, at >>> 8, at & 0xff);
}

/** All parts of a block but its index. */
export function partsOf({ day, stream, number }: BlockName): Range {
  return {
    gte: words(PREFIX.part, day, stream, number),
    lt: words(PREFIX.part, day, stream, number + 1),
  };
}

export function rangeOf(kind: keyof typeof PREFIX): Range {
  return { gte: words(PREFIX[kind]), lt: words(PREFIX[kind] + 1) };
}

/** Of blocks of earlier days, parts and indexes that were set aside. */
export function leftBefore(day: number): readonly Range[] {
  return [
    { gte: words(PREFIX.part), lt: words(PREFIX.part, day) },
    { gte: damagedKey(words(PREFIX.index)), lt: damagedKey(words(PREFIX.index, day)) },
  ];
}

export function damagedKey(key: Uint8Array): Uint8Array {
  return Uint8Array.of(PREFIX.damaged, ...key);
}

function keyWord(key: Uint8Array, index: number): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(1 + index * 4);
}

function words(prefix: number, ...numbers: number[]): Uint8Array {
  const key = new Uint8Array(1 + numbers.length * 4);
  const view = new DataView(key.buffer);
  key[0] = prefix;
  for (const [i, number] of numbers.entries()) view.setUint32(1 + i * 4, number);
  return key;
}
