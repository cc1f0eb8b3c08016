import type { BackgroundSource } from "../background.ts";
import { gauge, type SeriesSpec } from "../collector.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";

const DEVICES_MAX = 500;
const SLAVES_MAX = 100;

const NVME = gauge("node_nvme_info", "The NVMe controller.");

export function nvmeSource(sys: string): BackgroundSource {
  const root = `${sys}/class/nvme`;
  return {
    name: "nvme",
    read: async (files, reading) => {
      for (const device of (await files.devices(root, DEVICES_MAX)) ?? []) {
        const path = `${root}/${device}`;
        const labels = {
          device,
          firmware_revision: (await files.constant(`${path}/firmware_rev`)) ?? "",
          model: (await files.constant(`${path}/model`)) ?? "",
          serial: (await files.constant(`${path}/serial`)) ?? "",
          state: (await files.text(`${path}/state`)) ?? "",
        };
        reading.set(NVME, labels, 1);
      }
    },
  };
}

const SLAVES = gauge("node_bonding_slaves", "Network devices in the bond.");
const ACTIVE = gauge("node_bonding_active", "Network devices in the bond that have a link.");

/** Source: kernel docs, networking/bonding. */
export function bondingSource(sys: string): BackgroundSource {
  const root = `${sys}/class/net`;
  return {
    name: "bonding",
    read: async (files, reading) => {
      const masters = deviceNames(await files.text(`${root}/bonding_masters`));
      for (const master of masters.slice(0, SLAVES_MAX)) {
        const path = `${root}/${master}`;
        const slaves = deviceNames(await files.text(`${path}/bonding/slaves`));
        let active = 0;
        for (const slave of slaves.slice(0, SLAVES_MAX)) {
          if ((await linkState(path, slave, files)) === "up") active += 1;
        }
        reading.set(SLAVES, { master }, slaves.length);
        reading.set(ACTIVE, { master }, active);
      }
    },
  };
}

/** Until 2.6.39 the links were called `slave_`. */
async function linkState(path: string, slave: string, files: BackgroundFiles) {
  const newer = await files.text(`${path}/lower_${slave}/bonding_slave/mii_status`);
  return newer ?? (await files.text(`${path}/slave_${slave}/bonding_slave/mii_status`));
}

/** Names that the kernel would not give to a network device are not made part of a path. */
function deviceNames(text: string | null): string[] {
  const names = (text ?? "").split(/\s+/);
  return names.filter((name) => /^[^/\s]{1,15}$/.test(name) && name !== "." && name !== "..");
}

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
