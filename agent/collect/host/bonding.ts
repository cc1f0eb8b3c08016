import { join } from "node:path";
import { type Collector, familiesOf, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { LabelledRows } from "./labelled-rows.ts";
import { readSmallFile } from "./small-file.ts";

const SPECS = [
  gauge("node_bonding_slaves", "Devices that are bonded."),
  gauge("node_bonding_active", "Bonded devices that have a link."),
];
const DEVICES_MAX = 256;
const NAME = /^(?!\.{1,2}$)[^/\s]{1,15}$/;

export function bondingCollector(context: CollectContext): Collector {
  const directory = hostPath(context, "/sys/class/net");
  const rows = new LabelledRows(context, SPECS);
  return {
    name: "bonding",
    families: familiesOf(SPECS),
    collect: () => {
      rows.begin();
      for (const master of namesIn(join(directory, "bonding_masters"))) {
        const slaves = namesIn(join(directory, master, "bonding/slaves"));
        const row = rows.of({ master });
        row.set(0, slaves.length);
        row.set(1, slaves.filter((slave) => hasLink(join(directory, master), slave)).length);
      }
      rows.end();
    },
    close: () => undefined,
  };
}

/** Kernels before 4.7 call the link to the device `slave_…`. */
function hasLink(master: string, slave: string): boolean {
  return ["lower", "slave"].some(
    (prefix) =>
      readSmallFile(join(master, `${prefix}_${slave}`, "bonding_slave/mii_status")) === "up",
  );
}

function namesIn(path: string): string[] {
  const words = (readSmallFile(path) ?? "").split(/\s+/, DEVICES_MAX);
  return words.filter((word) => NAME.test(word));
}
