import type { BackgroundSource } from "../background.ts";
import { gauge, type SeriesSpec } from "../collector.ts";

const DEVICES_MAX = 500;
const WATCHDOG_VALUES: readonly (readonly [string, SeriesSpec])[] = [
  ["bootstatus", gauge("node_watchdog_bootstatus", "Why the machine was last started.")],
  ["fw_version", gauge("node_watchdog_fw_version", "Version of the watchdog's firmware.")],
  ["nowayout", gauge("node_watchdog_nowayout", "Whether the watchdog cannot be stopped.")],
  [
    "pretimeout",
    gauge("node_watchdog_pretimeout_seconds", "How long before its time-out it warns."),
  ],
  ["timeleft", gauge("node_watchdog_timeleft_seconds", "Time until it restarts the machine.")],
  ["timeout", gauge("node_watchdog_timeout_seconds", "Time without a sign that it waits.")],
  ["access_cs0", gauge("node_watchdog_access_cs0", "Whether it may start from the other chip.")],
];
const WATCHDOG = gauge("node_watchdog_info", "The watchdog.");

/** Source: kernel docs, ABI/testing/sysfs-class-watchdog. */
export function watchdogSource(sys: string): BackgroundSource {
  const root = `${sys}/class/watchdog`;
  return {
    name: "watchdog",
    read: async (files, reading) => {
      for (const name of (await files.devices(root, DEVICES_MAX)) ?? []) {
        const path = `${root}/${name}`;
        for (const [attribute, spec] of WATCHDOG_VALUES) {
          reading.setText(spec, { name }, await files.text(`${path}/${attribute}`));
        }
        const texts: Record<string, string> = { name };
        for (const attribute of ["options", "identity", "state", "status"]) {
          texts[attribute] = (await files.text(`${path}/${attribute}`)) ?? "";
        }
        const governor = (await files.constant(`${path}/pretimeout_governor`)) ?? "";
        reading.set(WATCHDOG, { ...texts, pretimeout_governor: governor }, 1);
      }
    },
  };
}
