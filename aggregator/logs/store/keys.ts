/**
 * What lies where in the store. Numbers are big-endian, so that keys sort as numbers do. A day is
 * that of a block's last line, in UTC; retention drops whole days.
 *
 *     m                                            format version
 *     s stream(4)                                  a stream: its labels
 *     h day(4) stream(4) number(4)                 hot block
 *     i day(4) stream(4) number(4)                 packed block: its index
 *     p day(4) stream(4) number(4) part(1) at(2)   packed block: one of its other parts
 *     q key                                        a damaged block, set aside as it was
 */
const PREFIX = {
  version: 0x6d,
  stream: 0x73,
  hot: 0x68,
  index: 0x69,
  part: 0x70,
  damaged: 0x71,
} as const;

export const PART = { bucket: 0, layout: 1, rows: 2, section: 3 } as const;

export const DAY_US = 86_400_000_000;

export type Range = { readonly gte: Uint8Array; readonly lt: Uint8Array };

/** Which block: no two have the same number. */
export type BlockName = {
  readonly day: number;
  readonly stream: number;
  readonly number: number;
};

export function dayOf(timeUs: number): number {
  return Math.max(0, Math.floor(timeUs / DAY_US));
}

export const VERSION_KEY = Uint8Array.of(PREFIX.version);

export function streamKey(stream: number): Uint8Array {
  return words(PREFIX.stream, stream);
}

export function blockKey(kind: "hot" | "index", { day, stream, number }: BlockName): Uint8Array {
  return words(PREFIX[kind], day, stream, number);
}

export function readBlockKey(key: Uint8Array): BlockName {
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

/** Everything of a day: first what is found by, then the rest. */
export function rangesOfDay(day: number): Range[] {
  return ([PREFIX.index, PREFIX.hot, PREFIX.part] as const).map((prefix) => {
    return { gte: words(prefix, day), lt: words(prefix, day + 1) };
  });
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
