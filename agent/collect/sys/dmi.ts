import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";

const DMI = gauge("node_dmi_info", "The machine, as its firmware names it.");
const DMI_FILES = (
  "bios_date bios_release bios_vendor bios_version board_asset_tag board_name board_serial " +
  "board_vendor board_version chassis_asset_tag chassis_serial chassis_vendor chassis_version " +
  "product_family product_name product_serial product_sku product_uuid product_version sys_vendor"
).split(" ");
const MINUTE_MS = 60_000;

/** What the firmware says of itself. Source: kernel, drivers/firmware/dmi-id.c. */
export function dmiSource(sys: string): BackgroundSource {
  const root = `${sys}/class/dmi/id`;
  return {
    name: "dmi",
    intervalMs: MINUTE_MS,
    read: async (files, reading) => {
      const present = await files.devices(root, 100);
      if (present === null) return;
      const labels: Record<string, string> = {};
      for (const file of DMI_FILES) {
        const text = present.includes(file) ? await files.constant(`${root}/${file}`) : null;
        if (text !== null) labels[file === "sys_vendor" ? "system_vendor" : file] = text;
      }
      reading.set(DMI, labels, 1);
    },
  };
}
