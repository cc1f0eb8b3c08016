import { machine } from "node:os";
import { type Collector, familiesOf, gauge, JOB_NODE } from "../collector.ts";
import { type CollectContext, hostFile } from "../context.ts";
import { ChangingRow } from "../kit/changing-row.ts";
import { CHANGED, MISSING } from "../kit/held-file.ts";

const SPECS = [gauge("node_uname_info", "Name and version of the kernel, and the host's name.")];

/** What uname(2) tells, from where the kernel shows it, so that it is the host's. */
const FILES = [
  ["sysname", "ostype"],
  ["release", "osrelease"],
  ["version", "version"],
  ["nodename", "hostname"],
  ["domainname", "domainname"],
] as const;

/** Only the host's name changes, and seldom. */
const READ_MS = 10_000;

export function unameCollector(context: CollectContext): Collector {
  const files = FILES.map(([label, file]) => ({
    label,
    held: hostFile(context, `/proc/sys/kernel/${file}`),
  }));
  const labels: Record<string, string> = { job: JOB_NODE, machine: machine() };
  const changing = new ChangingRow(context.sink, SPECS);
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    name: "uname",
    families: familiesOf(SPECS),
    collect: (nowMs) => {
      if (Math.abs(nowMs - readAtMs) >= READ_MS) {
        readAtMs = nowMs;
        for (const { label, held } of files) {
          const outcome = held.read();
          if (outcome >= MISSING) delete labels[label];
          if (outcome !== CHANGED) continue;
          labels[label] = context.buffer.bytes.toString("utf8", 0, held.length).trim();
        }
        changing.label({ ...labels });
      }
      changing.row?.set(0, 1);
    },
    close: () => {
      for (const { held } of files) held.close();
    },
  };
}
