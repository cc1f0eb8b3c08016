import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { netPath } from "../kit/net-path.ts";
import { type ValueFile, ValueFilesCollector } from "../kit/value-files.ts";
import { pageBytes } from "./page-bytes.ts";
import { SockstatLayout } from "./sockstat-layout.ts";

type Groups = readonly (readonly [group: string, names: string])[];

const SOCKSTAT: Groups = [
  ["sockets", "used"],
  ["TCP", "alloc inuse mem orphan tw"],
  ["UDP", "inuse mem"],
  ["UDPLITE", "inuse"],
  ["RAW", "inuse"],
  ["FRAG", "inuse memory"],
];
const SOCKSTAT6: Groups = [
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

function sockstatFile(context: CollectContext, file: string, groups: Groups): ValueFile {
  const fields = groups.flatMap(([group, names]) =>
    names.split(" ").map((name) => [group, name] as const),
  );
  const layout = new SockstatLayout(fields);
  // Behind the numbers of the file, those of pages once more, in bytes.
  const pages = fields.flatMap(([, name], index) => (name === "mem" ? [index] : []));
  const bytesOfPage = pageBytes(hostPath(context, "/proc/self/auxv"));
  const nameOf = ([group, name]: readonly [string, string]) => `node_sockstat_${group}_${name}`;
  const bytesSpecs = fields
    .filter(([, name]) => name === "mem")
    .map((field) => gauge(`${nameOf(field)}_bytes`, `Memory that buffers of ${field[0]} take.`));
  return {
    path: netPath(context, file),
    specs: [
      ...fields.map((field) =>
        gauge(nameOf(field), `${field[1]} of ${field[0]} in /proc/net/${file}.`),
      ),
      ...bytesSpecs,
    ],
    parse: (bytes, length, values) => {
      const malformed = layout.parse(bytes, length, values);
      for (let i = 0; i < pages.length; i += 1) {
        const count = values[pages[i] ?? 0] ?? -1;
        if (count >= 0) values[fields.length + i] = count * bytesOfPage;
      }
      return malformed;
    },
  };
}
