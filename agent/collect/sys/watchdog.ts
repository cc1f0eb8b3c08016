import { gauge } from "../collector.ts";
import { deviceSource } from "../kit/device-source.ts";

const WATCHDOG_VALUES = [
  ["bootstatus", gauge("node_watchdog_bootstatus", "Why the machine was last started.")],
  ["fw_version", gauge("node_watchdog_fw_version", "Version of the watchdog's firmware.")],
  ["nowayout", gauge("node_watchdog_nowayout", "Whether the watchdog cannot be stopped.")],
  ["pretimeout", gauge("node_watchdog_pretimeout_seconds", "How long before the end it warns.")],
  ["timeleft", gauge("node_watchdog_timeleft_seconds", "Time until it restarts the machine.")],
  ["timeout", gauge("node_watchdog_timeout_seconds", "Time without a sign that it waits.")],
  ["access_cs0", gauge("node_watchdog_access_cs0", "Whether it may start from the other chip.")],
] as const;
const WATCHDOG = gauge("node_watchdog_info", "The watchdog.");

/** Source: kernel docs, ABI/testing/sysfs-class-watchdog. */
export const watchdogSource = deviceSource(
  "watchdog",
  "class/watchdog",
  async (device, reading) => {
    const { name } = device;
    for (const [attribute, spec] of WATCHDOG_VALUES) {
      reading.setText(spec, { name }, await device.text(attribute));
    }
    const texts: Record<string, string> = { name };
    for (const attribute of ["options", "identity", "state", "status"]) {
      texts[attribute] = (await device.text(attribute)) ?? "";
    }
    const governor = (await device.constant("pretimeout_governor")) ?? "";
    reading.set(WATCHDOG, { ...texts, pretimeout_governor: governor }, 1);
  },
);
