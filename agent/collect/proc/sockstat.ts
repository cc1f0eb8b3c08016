import { type Collector, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostPath, netPath } from "../context.ts";
import { ABSENT, asciiText } from "../kit/byte-scanner.ts";
import { type ValuesOptions, valuesCollector } from "../kit/file-collector.ts";
import { numberIn, readSmallBytes } from "../kit/small-file.ts";
import { type Fields, namesOf } from "./netstat.ts";

const SOCKSTAT: Fields = [
  ["sockets", "used"],
  ["TCP", "alloc inuse mem orphan tw"],
  ["UDP", "inuse mem"],
  ["UDPLITE", "inuse"],
  ["RAW", "inuse"],
  ["FRAG", "inuse memory"],
];
const SOCKSTAT6: Fields = [
  ["TCP6", "inuse"],
  ["UDP6", "inuse"],
  ["UDPLITE6", "inuse"],
  ["RAW6", "inuse"],
  ["FRAG6", "inuse memory"],
];

/** Sockets in use, and the memory that their buffers take. */
export function sockstatCollector(context: CollectContext): Collector {
  return valuesCollector(context, "sockstat", [
    sockstatFile(context, "sockstat", SOCKSTAT),
    { ...sockstatFile(context, "sockstat6", SOCKSTAT6), isOptional: true },
  ]);
}

function sockstatFile(context: CollectContext, file: string, groups: Fields): ValuesOptions {
  const fields = namesOf(groups);
  // Behind the numbers of the file, those of pages once more, in bytes.
  const pages = fields.filter((field) => field.endsWith(" mem"));
  const pageSize = pageBytes(hostPath(context, "/proc/self/auxv"));
  return {
    path: netPath(context, file),
    specs: [...fields.map((field) => specOf(field, file)), ...pages.map(bytesSpecOf)],
    parse: (scan, values) => {
      const numbers = parseSockstat(asciiText(scan.bytes, scan.length));
      for (const [index, field] of fields.entries()) {
        const number = numbers.get(field);
        if (number === ABSENT) scan.malformed += 1;
        values[index] = number ?? ABSENT;
      }
      for (const [index, field] of pages.entries()) {
        const count = numbers.get(field) ?? ABSENT;
        values[fields.length + index] = count === ABSENT ? ABSENT : count * pageSize;
      }
    },
  };
}

function specOf(field: string, file: string): SeriesSpec {
  const [group, name] = field.split(" ");
  return gauge(`node_sockstat_${group}_${name}`, `${name} of ${group} in /proc/net/${file}.`);
}

function bytesSpecOf(field: string): SeriesSpec {
  const [group] = field.split(" ");
  return gauge(`node_sockstat_${group}_mem_bytes`, `Memory that buffers of ${group} take.`);
}

/** The numbers of lines such as `TCP: inuse 6 orphan 0` by `TCP inuse`; ABSENT: malformed. */
export function parseSockstat(text: string): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const line of text.split("\n", LINES_MAX)) {
    const [group = "", ...words] = line.split(" ", WORDS_MAX);
    if (!group.endsWith(":")) continue;
    for (let i = 0; i + 1 < words.length; i += 2) {
      numbers.set(`${group.slice(0, -1)} ${words[i]}`, numberIn(words[i + 1] ?? null));
    }
  }
  return numbers;
}

const LINES_MAX = 64;
const WORDS_MAX = 64;

/** Key of the page's size in the auxiliary vector. Source: getauxval(3). */
const AT_PAGESZ = 6n;
const PAIR_BYTES = 16;
const USUAL_PAGE_BYTES = 4096;

/** 4 KiB, but 16 or 64 KiB on some ARM and POWER hosts. A captured tree does not tell. */
export function pageBytes(auxvPath: string): number {
  const bytes = readSmallBytes(auxvPath) ?? Buffer.alloc(0);
  for (let at = 0; at + PAIR_BYTES <= bytes.length; at += PAIR_BYTES) {
    if (bytes.readBigUInt64LE(at) !== AT_PAGESZ) continue;
    const size = Number(bytes.readBigUInt64LE(at + 8));
    return size >= USUAL_PAGE_BYTES && size <= 1024 * 1024 ? size : USUAL_PAGE_BYTES;
  }
  return USUAL_PAGE_BYTES;
}
