import { type Collector, familiesOf, gauge, JOB_NODE, SeriesRow } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { numberIn, readSmallFile } from "../kit/small-file.ts";

const SPECS = [
  gauge("node_selinux_enabled", "Whether SELinux is on."),
  gauge("node_selinux_config_mode", "Mode that is configured; 1: enforcing, 0: permissive."),
  gauge("node_selinux_current_mode", "Mode that it is in; 1: enforcing, 0: permissive."),
];
const MODES: Readonly<Record<string, number>> = { permissive: 0, enforcing: 1 };

export function selinuxCollector(context: CollectContext): Collector {
  const row = new SeriesRow(context.sink, SPECS, { job: JOB_NODE });
  return {
    name: "selinux",
    families: familiesOf(SPECS),
    collect: () => {
      const current = numberIn(readSmallFile(hostPath(context, "/sys/fs/selinux/enforce")));
      row.set(0, current === ABSENT ? 0 : 1);
      if (current === ABSENT) return;
      const config = readSmallFile(hostPath(context, "/etc/selinux/config")) ?? "";
      const mode = /^SELINUX=\s*([a-z]{1,20})\s*$/m.exec(config)?.[1] ?? "";
      row.set(1, Object.hasOwn(MODES, mode) ? (MODES[mode] ?? ABSENT) : ABSENT);
      row.set(2, current);
    },
    close: () => undefined,
  };
}
