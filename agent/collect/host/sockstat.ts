import { type Collector, gauge, type SeriesSpec } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { type FieldTargets, parseSockstat } from "../parse/headed-lines.ts";
import { netPath } from "./net-path.ts";
import { pageBytes } from "./page-bytes.ts";
import { type ValueFile, ValueFilesCollector } from "./value-files.ts";

type Fields = readonly (readonly [group: string, names: string])[];

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
  return new ValueFilesCollector(context, "sockstat", [
    sockstatFile(context, "sockstat", SOCKSTAT),
    { ...sockstatFile(context, "sockstat6", SOCKSTAT6), isOptional: true },
  ]);
}

function sockstatFile(context: CollectContext, file: string, fields: Fields): ValueFile {
  const specs: SeriesSpec[] = [];
  const targets = new Map<string, Map<string, number>>();
  /** Numbers of pages, and the number of bytes that follows each. */
  const pages: number[] = [];
  for (const [group, names] of fields) {
    const byName = new Map<string, number>();
    targets.set(group, byName);
    for (const name of names.split(" ")) {
      const metric = `node_sockstat_${group}_${name}`;
      byName.set(name, specs.length);
      specs.push(gauge(metric, `${name} of ${group} in /proc/net/${file}.`));
      if (name !== "mem") continue;
      pages.push(specs.length - 1);
      specs.push(gauge(`${metric}_bytes`, `Memory that buffers of ${group} take.`));
    }
  }
  return {
    path: netPath(context, file),
    specs,
    parse: sockstatParser(targets, pages, pageBytes(hostPath(context, "/proc/self/auxv"))),
  };
}

function sockstatParser(
  targets: FieldTargets,
  pages: readonly number[],
  bytesOfPage: number,
): ValueFile["parse"] {
  return (bytes, length, values) => {
    const malformed = parseSockstat(bytes, length, targets, values);
    for (const index of pages) {
      const count = values[index] ?? -1;
      if (count >= 0) values[index + 1] = count * bytesOfPage;
    }
    return malformed;
  };
}
