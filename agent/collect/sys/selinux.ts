import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { readingCollector } from "../kit/reading.ts";
import { numberIn, readSmallFile } from "../kit/small-file.ts";

const ENABLED = gauge("node_selinux_enabled", "Whether SELinux is on.");
const CONFIGURED = gauge("node_selinux_config_mode", "Configured mode: 1 enforcing, 0 permissive.");
const CURRENT = gauge("node_selinux_current_mode", "Current mode: 1 enforcing, 0 permissive.");

export function selinuxCollector(context: CollectContext): Collector {
  return readingCollector(context, "selinux", [ENABLED, CONFIGURED, CURRENT], (reading) => {
    const current = numberIn(readSmallFile(hostPath(context, "/sys/fs/selinux/enforce")));
    reading.set(ENABLED, {}, current === ABSENT ? 0 : 1);
    if (current === ABSENT) return;
    reading.set(CURRENT, {}, current);
    const config = readSmallFile(hostPath(context, "/etc/selinux/config")) ?? "";
    const mode = /^SELINUX=\s*(permissive|enforcing)\s*$/m.exec(config)?.[1];
    if (mode !== undefined) reading.set(CONFIGURED, {}, mode === "enforcing" ? 1 : 0);
  });
}
