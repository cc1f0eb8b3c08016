import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";

const SLAVES_MAX = 100;
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
